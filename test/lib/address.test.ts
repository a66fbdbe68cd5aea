import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { clientAddress } from '../../src/lib/address.ts'

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
