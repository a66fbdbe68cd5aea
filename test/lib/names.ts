/** Asks for a name twice, before and after the DNS server that there is has come: on its own `/etc/resolv.conf`. */
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { addressesOf } from '../../src/lib/address.ts'

const code = () => addressesOf('callgate.example.org').catch(error => error.code)
const before = await code()
const server = createSocket('udp4')
// there is no such name
const answer = (query: Buffer) => Buffer.concat([query.subarray(0, 2), Buffer.from([0x81, 0x83]), query.subarray(4)])
server.on('message', (query, { port, address }) => server.send(answer(query), port, address))
await new Promise<void>(resolve => server.bind(53, '127.0.0.77', resolve))
writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.77\n')
console.log(JSON.stringify([before, await code()]))
process.exit()
