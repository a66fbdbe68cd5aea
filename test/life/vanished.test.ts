/** Callers and servers that vanish without a word: a network that is gone, a machine that was switched off. */
import { afterAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { World } from '../deployments/world.ts'
import { cleanUp, TARGETS, waitFor } from '../harness.ts'

afterAll(cleanUp)

const ESTABLISHED = '01'
const KEEPALIVE = '02'

/** Which timers the system has for an end of a TCP connection on 127.0.0.1, in hexadecimal digits as Linux tells. */
const timersOf = (here: (port: number) => boolean, there: (port: number) => boolean): string[] =>
  readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, remote, state]) => state === ESTABLISHED && here(portOf(local!)) && there(portOf(remote!)))
    .map(fields => fields[5]!.slice(0, 2))
const portOf = (address: string) => Number.parseInt(address.split(':')[1]!, 16)

test.skipIf(process.platform !== 'linux').each(TARGETS)(
  'the system finds out, on connections that may be silent for as long as they like: %s',
  async target => {
    const world = new World()
    const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => silentAfter('data: 1\n\n') })
    let caller: Socket | undefined
    try {
      await world.start([{ name: 'elsewhere', upstream: `http://127.0.0.1:${server.port}` }], { target })
      const { hostname, port } = new URL(world.callgate.url)
      caller = connect(Number(port), hostname)
      let answer = ''
      caller.on('data', data => {
        answer += data
      })
      caller.write(`GET /v1/life/elsewhere/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${world.key}\r\n\r\n`)
      await waitFor(() => answer.includes('data: 1') || undefined)
      // what was sent last is acknowledged first
      const only = (timers: string[]) => (timers.length === 1 && timers[0] === KEEPALIVE) || undefined
      const { localPort } = caller
      await waitFor(() =>
        only(
          timersOf(
            local => local === Number(port),
            remote => remote === localPort,
          ),
        ),
      )
      await waitFor(() =>
        only(
          timersOf(
            local => local !== server.port,
            remote => remote === server.port,
          ),
        ),
      )
      expect(caller.destroyed).toBe(false)
    } finally {
      caller?.destroy()
      await server.stop(true)
    }
  },
)

/** An answer that says something, and then nothing for good. */
const silentAfter = (text: string) =>
  new Response(
    new ReadableStream({
      start: controller => controller.enqueue(new TextEncoder().encode(text)),
    }),
    { headers: { 'content-type': 'text/event-stream' } },
  )
