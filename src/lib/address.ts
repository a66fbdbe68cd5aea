import { setServers } from 'node:dns'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Networks = [ipaddr.IPv4 | ipaddr.IPv6, number][]

/**
 * A network as it is written, or one address. What an IPv4 network is called in IPv6 (`::ffff:10.0.0.0/104`) is that network, as
 * such addresses are; short forms such as `10/8`, which are read in more ways than one, are none.
 */
export function networkOf(text: string): Networks[number] | undefined {
  const [address = '', bits = address.includes(':') ? '128' : '32', ...more] = text.split('/')
  if (more.length > 0 || !(address.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(address))) return undefined
  if (!ipaddr.isValidCIDR(`${address}/${bits}`)) return undefined
  const network = ipaddr.parse(address)
  const isMapped = network.kind() === 'ipv6' && (network as ipaddr.IPv6).isIPv4MappedAddress() && Number(bits) >= 96
  return isMapped ? [ipaddr.process(address), Number(bits) - 96] : [network, Number(bits)]
}

/** Whether an address is in one of the networks. */
export const isWithin = (address: string, networks: Networks): boolean => {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return networks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network as never, bits))
}

/** Some proxies write a caller's port behind its address: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const PORT = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/

/**
 * The address of the caller: the peer's, or, where the peer is a trusted proxy, the last address in `X-Forwarded-For` that
 * is not a trusted proxy itself. What a caller writes into that header from elsewhere is not believed.
 */
export function clientAddress(headers: Headers, peer: string, trusted: Networks): string {
  if (trusted.length === 0 || !isWithin(peer, trusted)) return peer
  const hops = (headers.get('x-forwarded-for') ?? '')
    .split(',')
    .map(hop => hop.trim().replace(PORT, '$1$2'))
    .filter(Boolean)
  for (const hop of hops.reverse()) if (!isWithin(hop, trusted)) return ipaddr.isValid(hop) ? hop : peer
  return peer
}

/** Whether the caller's side of the connection is encrypted: here, or, as a trusted proxy says, in front of it. */
export const isSecure = (headers: Headers, peer: string, trusted: Networks, tls: boolean): boolean =>
  tls || (isWithin(peer, trusted) && headers.get('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase() === 'https')

/** Whether only this machine reaches what listens there. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')

/**
 * By `/etc/hosts` and DNS. On Linux a look-up by the system holds a thread until it is answered, and where nobody answers, for half
 * a minute: all files are read, and all bodies unpacked, by as many threads as there are CPUs. c-ares holds none.
 * @throws Error with a `code`, `DNS_ENOTFOUND` where there is no such name
 */
export function addressesOf(name: string) {
  if (process.platform !== 'linux') return Bun.dns.lookup(name)
  followServers()
  return Bun.dns.lookup(name, { backend: 'c-ares' })
}

let resolvers: string | undefined

/** c-ares reads which servers there are once, and they may be others since, or have come only then. */
function followServers(): void {
  try {
    const text = readFileSync('/etc/resolv.conf', 'latin1')
    const servers = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, server]) => server!).filter(isIP)
    if (resolvers !== undefined && resolvers !== text && servers.length > 0) setServers(servers)
    resolvers = text
  } catch {}
}
