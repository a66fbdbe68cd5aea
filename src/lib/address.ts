import ipaddr from 'ipaddr.js'

export type Networks = [ipaddr.IPv4 | ipaddr.IPv6, number][]

/** Whether an address is in one of the networks. */
export const isWithin = (address: string, networks: Networks): boolean => {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return networks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network as never, bits))
}

/**
 * The address of the caller: the peer's, or, where the peer is a trusted proxy, the last address in `X-Forwarded-For` that
 * is not a trusted proxy itself. What a caller writes into that header from elsewhere is not believed.
 */
export function clientAddress(headers: Headers, peer: string, trusted: Networks): string {
  if (trusted.length === 0 || !isWithin(peer, trusted)) return peer
  const hops = (headers.get('x-forwarded-for') ?? '')
    .split(',')
    .map(hop => hop.trim())
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
