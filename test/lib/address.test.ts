import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { clientAddress } from '../../src/lib/address.ts'
import { cleanUp, temporaryFolder } from '../harness.ts'

afterAll(cleanUp)

const trusted = (text: string) => readConfig(['--trusted-proxies', text], {}).config.trustedProxies
/** peer, X-Forwarded-For, trusted proxies -> the caller */
const TABLE: [string, string, string | undefined, string, string][] = [
  ['nothing is believed by default', '203.0.113.9', '198.51.100.1', '', '203.0.113.9'],
  ['nor from a peer that is no proxy', '203.0.113.9', '198.51.100.1', '10.0.0.0/8', '203.0.113.9'],
  ['a proxy says who', '10.0.0.1', '198.51.100.1', '10.0.0.0/8', '198.51.100.1'],
  [
    'the last hop that is no proxy, whatever the caller wrote before it',
    '10.0.0.1',
    '127.0.0.1, 198.51.100.1, 10.2.3.4',
    '10.0.0.0/8',
    '198.51.100.1',
  ],
  ['a forged hop in front is not believed', '10.0.0.1', '192.0.2.1,203.0.113.7', '10.0.0.0/8', '203.0.113.7'],
  ['only proxies: the peer', '10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.0/8', '10.0.0.1'],
  ['no header: the peer', '10.0.0.1', undefined, '10.0.0.0/8', '10.0.0.1'],
  ['an empty header: the peer', '10.0.0.1', ' , ', '10.0.0.0/8', '10.0.0.1'],
  ['what is no address: the peer', '10.0.0.1', '"><script>', '10.0.0.0/8', '10.0.0.1'],
  ['an IPv4 peer on an IPv6 socket', '::ffff:10.0.0.1', '198.51.100.1', '10.0.0.0/8', '198.51.100.1'],
  [
    'an IPv4 hop written as IPv6 is a proxy too',
    '10.0.0.1',
    '198.51.100.1, ::ffff:10.0.0.2',
    '10.0.0.0/8',
    '198.51.100.1',
  ],
  ['an IPv4 network that is written as IPv6', '10.0.0.1', '198.51.100.1', '::ffff:10.0.0.0/104', '198.51.100.1'],
  ['and who is not in it', '11.0.0.1', '198.51.100.1', '::ffff:10.0.0.0/104', '11.0.0.1'],
  ['a port behind the address', '10.0.0.1', '198.51.100.1:4711', '10.0.0.0/8', '198.51.100.1'],
  ['of IPv6 too', '10.0.0.1', '192.0.2.1, [2001:db8::1]:4711, 10.0.0.2:80', '10.0.0.0/8', '2001:db8::1'],
  ['an IPv6 address without brackets has no port', '10.0.0.1', '2001:db8::1:4711', '10.0.0.0/8', '2001:db8::1:4711'],
  ['IPv6', '2001:db8::1', '2001:db8:ffff::5', '2001:db8::/48', '2001:db8:ffff::5'],
  ['IPv6 outside of the network', '2001:db9::1', '2001:db8:ffff::5', '2001:db8::/32', '2001:db9::1'],
  ['an IPv4 network is not an IPv6 one', '::a00:1', '198.51.100.1', '10.0.0.0/8', '::a00:1'],
  ['a single address', '::1', '198.51.100.1', '::1', '198.51.100.1'],
  ['and not its neighbour', '::2', '198.51.100.1', '::1', '::2'],
]

describe('whose call it is', () => {
  for (const [what, peer, forwarded, proxies, caller] of TABLE)
    test(what, () => {
      const headers = new Headers(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
      expect(clientAddress(headers, peer, trusted(proxies))).toBe(caller)
    })
})

/** A file of its own takes the place of `/etc/resolv.conf`, which takes root. */
const mayMount =
  existsSync('/etc/resolv.conf') && Bun.which('unshare') && Bun.spawnSync(['unshare', '-m', 'true']).success
test.if(Boolean(mayMount))(
  'DNS servers that come when the process has asked before, or change, are the ones that are asked',
  () => {
    const file = join(temporaryFolder(), 'resolv.conf')
    writeFileSync(file, 'nameserver 127.0.0.9\n')
    const script = 'mount --bind "$0" /etc/resolv.conf && exec "$1" "$2"'
    const child = Bun.spawnSync([
      ...['unshare', '-m', 'sh', '-c', script, file],
      ...[process.execPath, join(import.meta.dir, 'names.ts')],
    ])
    expect(child.stderr.toString()).toBe('')
    expect(JSON.parse(child.stdout.toString())).toEqual(['DNS_ECONNREFUSED', 'DNS_ENOTFOUND'])
  },
)
