/**
 * Function processes that are killed or do not answer, under load: no wrong answer, no call without one, and what a call has
 * asked for is not done twice. `CALLGATE_FUNCTION_KILLS=n` sets how many are killed.
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, waitFor } from '../harness.ts'
import { cpuOfMain, processOf, sigkill, workersOf } from './processes.ts'

setDefaultTimeout(180_000)

const KILLS = Number(process.env.CALLGATE_FUNCTION_KILLS ?? 12)
const key = mintSecret('dk')
const seen = new Map<string, number>()
/** requests that the remote server holds until they are let go; and the most that it held at a time */
const held: { answers: (() => void)[]; most: number } = { answers: [], most: 0 }
const remote = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const id = new URL(request.url).searchParams.get('id')!
    seen.set(id, (seen.get(id) ?? 0) + 1)
    if (id === 'held') {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.most = Math.max(held.most, held.answers.push(resolve))
      await promise
    } else await Bun.sleep(id === 'end' ? 300 : 5)
    return Response.json({ id })
  },
})
const named = (id: string, handler: string, more: object = {}) => ({ id, kind: 'function', handler, ...more })
/** where it is not the time that is tried: a machine that is busy with others gives little CPU */
const patient = { limits: { wall_ms: 60_000 } }
const PATIENT = ['--request-timeout', '200s']
const manifest = {
  projects: [
    {
      slug: 'kill',
      services: [
        {
          key: 'kill',
          publish: true,
          endpoints: [
            named('square', 'export default ({ body }) => ({ square: body.n * body.n })', patient),
            named(
              'twice',
              `export default async ({ body }, host) => {
                const { square } = await host.call('square', { n: body.n })
                const { id } = (await host.fetch('http://localhost:${remote.port}/?id=' + body.id, { method: 'POST' })).json()
                return { square, id }
              }`,
              { grants: { fetch: [`localhost:${remote.port}`] }, ...patient },
            ),
            named(
              'burn',
              `export default async ({ body }, host) => {
                for (const end = Date.now() + 4; Date.now() < end; );
                return host.call('square', body)
              }`,
              patient,
            ),
            named('outer', "export default async ({ body }, host) => (await host.call('burn', body)).square", patient),
            named('brief', 'export default ({ body }) => body.n', { limits: { wall_ms: 300 } }),
            named('loop', 'export default () => { for (;;); }', { limits: { cpu_ms: 30 } }),
            named('turn', 'export default () => { for (;;); }', { limits: { cpu_ms: 200 } }),
            named('sly', 'export default ({ body }) => { while (body.n < 0); }', {
              limits: { cpu_ms: 3000, wall_ms: 120_000 },
            }),
            named('counts', 'export default () => { let n = 0; while (n < 3_000_000) n++; return n }', {
              limits: { cpu_ms: 1000, wall_ms: 60_000 },
            }),
            named('small', 'export default ({ body }) => body.n', { limits: { cpu_ms: 10, wall_ms: 4000 } }),
            named(
              'works',
              `export default async ({ body }, host) => {
                await host.fetch('http://localhost:${remote.port}/?id=held')
                for (const end = Date.now() + 5000; Date.now() < end; );
                return 'worked'
              }`,
              { grants: { fetch: [`localhost:${remote.port}`] }, limits: { cpu_ms: 10_000, wall_ms: 60_000 } },
            ),
            named('endless', 'export default () => { for (;;); }', { limits: { cpu_ms: 10_000, wall_ms: 60_000 } }),
            named('much', "export default ({ body }, host) => host.call('square', { n: 3, text: 'x'.repeat(body.n) })"),
            named('fresh', 'export default () => "answered"'),
            named('long', 'export default () => { for (const end = Date.now() + 2500; Date.now() < end; ); }', {
              limits: { cpu_ms: 5000 },
            }),
            named('late', "export default ({ body }, host) => host.call('square', body)", {
              limits: { wall_ms: 2000 },
            }),
            named(
              'leaves',
              `export default async (_, host) => {
                const ask = id => host.fetch('http://localhost:${remote.port}/?id=' + id).catch(() => {})
                await Promise.race(['first', ...Array(20).fill('held')].map(ask))
                return 'left'
              }`,
              { grants: { fetch: [`localhost:${remote.port}`] } },
            ),
            named(
              'holds',
              `export default async ({ body }, host) => {
                const room = new Uint8Array(body.mb << 20).fill(1)
                for (const end = Date.now() + 6; Date.now() < end; );
                await host.fetch('http://localhost:${remote.port}/?id=held')
                return room.length
              }`,
              { grants: { fetch: [`localhost:${remote.port}`] }, limits: { cpu_ms: 2000, wall_ms: 30000 } },
            ),
          ],
          keys: [{ name: 'kill', secret_env: 'KILL_KEY' }],
        },
      ],
    },
  ],
}
const start = (...flags: string[]): Promise<Callgate> =>
  startCallgate({
    manifest,
    env: { KILL_KEY: key },
    flags: ['--function-workers', '2', '--function-networks', '127.0.0.0/8,::1/128', ...flags],
  })
const functionsOf = (server: Callgate) => workersOf(server.process.pid, 'function').map(({ pid }) => pid)

afterAll(async () => {
  await remote.stop(true)
  await cleanUp()
})

test(`kill -9 of function processes, ${KILLS} times under load: every call has its right answer, or a 503`, async () => {
  const server = await start(...PATIENT)
  const call = (endpoint: string, body: object) => server.call(`/api/service/kill/${endpoint}`, { key, body })
  const count = { right: 0, refused: 0 }
  let killing = true
  const caller = async (name: string) => {
    for (let n = 0; killing; n++) {
      const id = `${name}-${n}`
      const [plain, twice] = await Promise.all([call('square', { n }), call('twice', { n, id })])
      for (const [answer, right] of [
        [plain, { square: n * n }],
        [twice, { square: n * n, id }],
      ] as const) {
        if (answer.status === 503) count.refused++
        else {
          expect([answer.status, answer.json]).toEqual([200, right])
          count.right++
        }
      }
    }
  }
  const callers = Promise.all(Array.from({ length: 8 }, (_, i) => caller(String(i))))
  let kills = 0
  while (kills < KILLS) {
    const served = count.right
    await waitFor(() => (count.right > served + 20 ? true : undefined))
    const pids = functionsOf(server)
    const victim = pids[kills % Math.max(1, pids.length)]
    if (victim === undefined) continue
    sigkill(victim)
    kills++
  }
  killing = false
  await callers
  expect(count.right).toBeGreaterThan(KILLS * 20)
  expect(count.refused).toBeLessThan(count.right / 10)
  // a call that ran again got what it had asked for, and did not ask the other server once more
  expect([...seen.values()].filter(times => times > 1)).toEqual([])
  expect((await call('square', { n: 9 })).json).toEqual({ square: 81 })
  expect(await server.stop()).toBe(0)
})

test('a process that is stopped in the middle of calls is replaced; they are answered all the same', async () => {
  const server = await start()
  const call = (n: number) => server.call('/api/service/kill/brief', { key, body: { n } })
  await call(1)
  const [stopped] = await waitFor(() => (functionsOf(server).length > 0 ? functionsOf(server) : undefined))
  process.kill(stopped!, 'SIGSTOP')
  const answers = await Promise.all([2, 3, 4, 5].map(call))
  const statuses = new Set(answers.map(({ status }) => status))
  // it does not answer: within the wall time of the calls nobody can know that it never will
  for (const status of statuses) expect([200, 504]).toContain(status)
  await waitFor(async () => ((await call(6)).status === 200 ? true : undefined))
  expect(functionsOf(server)).not.toContain(stopped)
  await server.stop()
})

test('a process that is given little CPU is not taken for stuck: its call has what the machine gives', async () => {
  const server = await start(...PATIENT)
  const call = () => server.call('/api/service/kill/counts', { key, body: {} })
  for (let calls = 0; calls < 2; calls++) expect((await call()).json).toBe(3_000_000)
  const before = functionsOf(server)
  const counts = call()
  const busy = await waitFor(() => before.find(pid => processOf(pid)?.state === 'R'))
  // longer than a frame took to be stuck when it was the time that was counted
  for (let stops = 0; stops < 4; stops++) {
    process.kill(busy, 'SIGSTOP')
    await Bun.sleep(1900)
    const had = cpuOfMain(busy)
    process.kill(busy, 'SIGCONT')
    await waitFor(() => cpuOfMain(busy) > had + 10 || processOf(busy)?.state === 'S' || undefined)
  }
  const { status, json } = await counts
  expect([status, json]).toEqual([200, 3_000_000])
  expect(functionsOf(server)).toEqual(before)
  expect(server.output()).not.toContain('a function worker was lost')
  await server.stop()
})

test('endless loops cost their callers an error and the others some time, and no process has to be ended', async () => {
  const server = await start()
  const call = (endpoint: string, n = 3) => server.call(`/api/service/kill/${endpoint}`, { key, body: { n } })
  await Promise.all([call('square'), call('loop')])
  const before = functionsOf(server)
  const loops = Array.from({ length: 20 }, () => call('loop'))
  for (let i = 0; i < 50; i++) expect((await call('square')).json).toEqual({ square: 9 })
  for (const answer of await Promise.all(loops))
    expect([answer.status, answer.json.code]).toEqual([504, 'cpu_exceeded'])
  expect(functionsOf(server)).toEqual(before)
  await server.stop()
})

test('one that was quick and then takes all of the much that it may have holds up nobody', async () => {
  const server = await start(...PATIENT)
  const call = (endpoint: string, n = 3) => server.call(`/api/service/kill/${endpoint}`, { key, body: { n } })
  for (let i = 0; i < 20; i++) await Promise.all([call('sly'), call('square')])
  let ended = false
  const sly = call('sly', -1).finally(() => {
    ended = true
  })
  await Bun.sleep(100)
  for (let i = 0; i < 30; i++) expect((await call('square')).json).toEqual({ square: 9 })
  expect(ended).toBe(false)
  expect((await sly).json.code).toBe('cpu_exceeded')
  await server.stop()
})

test('quick ones go on beside one that takes long, also when the process that is kept for them is gone', async () => {
  const server = await start(...PATIENT)
  const call = (endpoint: string) => server.call(`/api/service/kill/${endpoint}`, { key, body: { n: 3 } })
  for (let i = 0; i < 20; i++) await call('square')
  const [kept, other] = functionsOf(server) as [number, number]
  await waitFor(() => processOf(other)?.state === 'S' || undefined)
  let ended = false
  const endless = call('endless').finally(() => {
    ended = true
  })
  await waitFor(() => processOf(other)?.state === 'R' || undefined)
  process.kill(kept, 'SIGKILL')
  // what is sent to one of which it is not known yet that it is gone runs once more, by itself, behind the other
  await waitFor(() => !processOf(kept) || undefined)
  for (let i = 0; i < 3; i++) expect((await call('square')).json).toEqual({ square: 9 })
  expect(ended).toBe(false)
  expect((await endless).status).toBe(504)
  await server.stop()
})

test('the first call of a function waits for one that takes long, and not for all that do', async () => {
  const server = await start()
  const call = (endpoint: string) => server.call(`/api/service/kill/${endpoint}`, { key, body: {} })
  await call('turn')
  let ended = 0
  const turns = Array.from({ length: 40 }, () =>
    call('turn').then(
      () => ended++,
      () => {},
    ),
  )
  await waitFor(() => ended > 0 || undefined)
  expect((await call('fresh')).json).toBe('answered')
  expect(ended).toBeLessThan(20)
  await server.kill() // the others of them would take seconds
  await Promise.all(turns)
})

test('functions that wait for functions never wait for one another', async () => {
  const server = await start(...PATIENT)
  const call = (endpoint: string, n: number) => server.call(`/api/service/kill/${endpoint}`, { key, body: { n } })
  for (const endpoint of ['square', 'burn', 'outer', 'outer']) await call(endpoint, 1)
  const answers = await Promise.all(Array.from({ length: 150 }, (_, n) => call('outer', n)))
  expect(answers.map(({ json }) => json)).toEqual(answers.map((_, n) => n * n))
  await server.stop()
})

test('much that a function gives another is read where nobody waits for it, as the body of a call is', async () => {
  const server = await start()
  const reading = () => workersOf(server.process.pid, 'schema').length > 0
  for (const [n, elsewhere] of [
    [1000, false],
    [300_000, true],
  ]) {
    const { status, json } = await server.call('/api/service/kill/much', { key, body: { n } })
    expect([status, json, reading()]).toEqual([200, { square: 9 }, elsewhere])
  }
  await server.stop()
})

test('host calls have the time of the handler that makes them, however long it waited for a process', async () => {
  const server = await start()
  const long = [0, 1].map(() => server.call('/api/service/kill/long', { key, body: {} }))
  await Bun.sleep(50) // they are in front
  const { status, json } = await server.call('/api/service/kill/late', { key, body: { n: 5 } })
  expect([status, json]).toEqual([200, { square: 25 }])
  await Promise.all(long)
  await server.stop()
})

test('calls whose time is over take nobody’s place, also while the process that they waited for is busy', async () => {
  const server = await start('--request-timeout', '1s')
  const call = (endpoint: string) => server.call(`/api/service/kill/${endpoint}`, { key, body: { n: 3 } })
  const served = () => waitFor(async () => (await call('square')).status === 200 || undefined)
  for (let i = 0; i < 3; i++) await served() // it is known to be quick
  const first = call('endless')
  await waitFor(() => functionsOf(server).length === 2 || undefined)
  const late = await Promise.all(Array.from({ length: 1100 }, () => call('endless')))
  expect(late.filter(({ status }) => status === 504).length).toBeGreaterThanOrEqual(1000)
  expect((await first).status).toBe(504)
  await served()
  await server.stop()
})

test('one that takes long after it waited is not taken for stuck by what waits behind it, nor takes its time from that', async () => {
  const server = await start('--function-workers', '1', ...PATIENT)
  const call = (endpoint: string) => server.call(`/api/service/kill/${endpoint}`, { key, body: { n: 3 } })
  for (let i = 0; i < 3; i++) await call('small') // it is known to be quick
  const before = functionsOf(server)
  const works = call('works')
  await waitFor(() => held.answers.length > 0 || undefined)
  letGo()
  await waitFor(() => processOf(before[0]!)?.state === 'R' || undefined)
  const others = Array.from({ length: 40 }, () => call('small'))
  expect((await works).json).toBe('worked')
  for (const other of others) expect((await other).json).toBe(3)
  expect(functionsOf(server)).toEqual(before)
  await server.stop()
})

const letGo = () => {
  for (const answer of held.answers.splice(0)) answer()
}

test('what a function asked for and did not wait for is not begun after its end', async () => {
  const server = await start()
  held.most = 0
  const { status, json } = await server.call('/api/service/kill/leaves', { key, body: {} })
  expect([status, json]).toEqual([200, 'left'])
  const begun = await waitFor(() => (held.answers.length >= 7 ? held.answers.length : undefined))
  expect(begun).toBeLessThanOrEqual(8)
  letGo() // now it would be the turn of the others
  await server.call('/api/service/kill/twice', { key, body: { n: 1, id: 'after' } })
  await Bun.sleep(100)
  expect(held.answers.length).toBe(0)
  await server.stop()
})

// those of handlers that are not known to be quick begin one at a time, and all wait in the same process
test.each([
  ['48 of them', 1, 80, 48],
  ['128 MB', 24, 20, 6],
])(
  'calls of one function that wait for something hold a process to %s at most, which is half; the others begin as these end',
  async (_, mb, calls, most) => {
    const server = await start()
    held.most = 0
    const answers = Array.from({ length: calls }, () => server.call('/api/service/kill/holds', { key, body: { mb } }))
    await waitFor(() => held.answers.length >= most - 3 || undefined)
    await Bun.sleep(700) // many times what one more takes to come this far
    expect(held.answers.length).toBeLessThanOrEqual(most)
    const letting = setInterval(letGo, 20)
    for (const { status, json } of await Promise.all(answers)) expect([status, json]).toEqual([200, mb << 20])
    clearInterval(letting)
    expect(held.most).toBeLessThanOrEqual(most)
    await server.stop()
  },
)

test('a caller that goes away frees its place; the server ends with functions under way', async () => {
  const server = await start()
  const gone = new AbortController()
  const waiting = fetch(`${server.url}/api/service/kill/loop`, {
    method: 'POST',
    body: '{}',
    headers: { 'x-api-key': key },
    signal: gone.signal,
  }).catch(() => 'gone')
  gone.abort()
  expect(await waiting).toBe('gone')
  const open = server.call('/api/service/kill/twice', { key, body: { n: 2, id: 'end' } })
  await waitFor(() => seen.get('end')) // what is asked of a server that ends already is not under way
  expect(await server.stop()).toBe(0)
  expect((await open).json).toEqual({ square: 4, id: 'end' })
})
