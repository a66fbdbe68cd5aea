/** How a Callgate becomes ready, loses workers on the way, and ends. */
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, commandOf, FIXTURES, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { ended, sigkill, workersOf } from './processes.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
const key = mintSecret('dk')
const env = { LIFE_KEY: key }
/** With a join of every row with every row and a sort of all of them, a query of a second or so. */
const SIDE = 3000
/** milliseconds in which what is asked while the server stops has to have come, of a machine that others use, too */
const DELAY = 5000
const FEATURES = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }

function csv(name: string, rows: number): string {
  const path = join(folder, name)
  writeFileSync(
    path,
    `id,one,text\n${Array.from({ length: rows }, (_, i) => `${i + 1},1,row ${(i * 7919) % rows}`).join('\n')}\n`,
  )
  return path
}

const manifest = {
  projects: [
    {
      slug: 'life',
      datasets: [{ name: 'life.side', from: csv('side.csv', SIDE), primary_key: 'id' }],
      models: [
        {
          name: 'iris',
          versions: [{ version: 1, file: join(FIXTURES, 'models/iris.onnx'), features: Object.keys(FEATURES) }],
        },
      ],
      services: [
        {
          key: 'life',
          publish: true,
          endpoints: [
            { id: 'row', kind: 'lookup', dataset: 'life.side', key_column: 'id' },
            { id: 'iris', kind: 'model', model: 'iris' },
            {
              id: 'endless',
              kind: 'sql',
              query: {
                source: { schema: 'life', table: 'side' },
                joins: ['a', 'b'].map(as => ({
                  schema: 'life',
                  table: 'side',
                  as,
                  on: [{ left: 'one', right: 'one' }],
                })),
                columns: ['id'],
                order_by: [{ column: 'a.text' }, { column: 'b.text', direction: 'desc' }],
              },
            },
            {
              id: 'slow',
              kind: 'sql',
              query: {
                source: { schema: 'life', table: 'side' },
                joins: [{ schema: 'life', table: 'side', as: 'other', on: [{ left: 'one', right: 'one' }] }],
                columns: ['id', { column: 'other.text', as: 'text' }],
                order_by: [{ column: 'other.text' }, { column: 'text', direction: 'desc' }],
                pagination: { default_limit: 1 },
              },
            },
          ],
          keys: [{ name: 'life', secret_env: 'LIFE_KEY' }],
        },
      ],
    },
  ],
}

const SLOW = '/api/service/life/slow'
const slow = (callgate: Callgate) => callgate.call(SLOW, { key })
const row = (callgate: Callgate) => callgate.call('/api/service/life/row?id=7', { key })
const iris = (callgate: Callgate) => callgate.call('/api/service/life/iris', { key, body: { features: FEATURES } })
/** The slow query is in its worker: a query worker computes, and not only because it starts, before it is nicer than the rest. */
const underWay = (callgate: Callgate) => {
  const nicer = Math.min(19, getPriority(callgate.process.pid) + 1)
  return waitFor(() => {
    const computing = workersOf(callgate.process.pid, 'query').filter(
      ({ pid, state }) => state === 'R' && getPriority(pid) >= nicer,
    )
    return computing.length > 0 ? computing : undefined
  })
}

let callgate: Callgate
beforeAll(async () => {
  callgate = await startCallgate({ manifest, env, flags: ['--scoring-workers', '1', '--drain-delay', `${DELAY}ms`] })
})
afterAll(cleanUp)

test('a scoring worker that is killed costs no call, and readiness comes back', async () => {
  expect((await iris(callgate)).status).toBe(200)
  const statuses: number[] = []
  let done = false
  const calling = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!done) statuses.push((await iris(callgate)).status)
    }),
  )
  for (let i = 0; i < 2; i++) {
    await Bun.sleep(150)
    const [worker] = await waitFor(() => {
      const workers = workersOf(callgate.process.pid, 'score')
      return workers.length > 0 ? workers : undefined
    })
    process.kill(worker!.pid, 'SIGKILL')
    await ended([worker!])
    // a call has one retry: it must have had it before the next process is killed
    const answered = statuses.length
    await waitFor(() => (statuses.length > answered + 8 ? true : undefined))
  }
  done = true
  await calling
  expect(statuses.length).toBeGreaterThan(10)
  expect(statuses.filter(status => status !== 200)).toEqual([])
  await waitFor(async () => (await callgate.call('/-/ready')).status === 200 || undefined)
  expect(workersOf(callgate.process.pid, 'score')).toHaveLength(1)
})

test('while the only scoring worker is away, readiness says so and aliveness stays', async () => {
  const seen = await waitFor(async () => {
    const workers = workersOf(callgate.process.pid, 'score')
    const answer = await callgate.call('/-/ready')
    if (answer.status === 503) return answer
    // where another took its place before somebody looked, that goes, too
    for (const { pid } of workers) sigkill(pid)
    return undefined
  })
  expect(seen.json.reasons).toEqual([expect.stringContaining('scoring')])
  expect((await callgate.call('/-/alive')).status).toBe(200)
  await waitFor(async () => (await callgate.call('/-/ready')).status === 200 || undefined)
})

test('a query worker that is killed in the middle of a query costs a retry, not the call', async () => {
  const answer = slow(callgate)
  const [worker] = await underWay(callgate)
  process.kill(worker!.pid, 'SIGKILL')
  expect((await answer).status).toBe(200)
  expect((await answer).json.rows).toHaveLength(1)
  // one that idles is replaced without anybody noticing
  for (const idle of workersOf(callgate.process.pid, 'query')) sigkill(idle.pid)
  expect((await slow(callgate)).status).toBe(200)
  expect((await callgate.call('/-/ready')).status).toBe(200)
})

test('a query that takes long leaves the processors to whoever answers meanwhile', async () => {
  const answer = slow(callgate)
  const [worker] = await underWay(callgate)
  const usual = getPriority(callgate.process.pid)
  expect(getPriority(worker!.pid)).toBe(Math.min(19, usual + 10))
  expect(workersOf(callgate.process.pid, 'score').map(({ pid }) => getPriority(pid))).toEqual([usual])
  expect((await answer).status).toBe(200)
})

test('SIGTERM: not ready at once and why, calls in the delay and under way get their answer, then exit 0', async () => {
  const inFlight = slow(callgate)
  await underWay(callgate)
  callgate.process.kill('SIGTERM')
  const ready = await waitFor(async () => {
    const answer = await callgate.call('/-/ready')
    return answer.status === 503 ? answer : undefined
  }, DELAY)
  expect(ready.json.reasons).toEqual(['the server is stopping'])
  expect((await callgate.call('/-/alive')).status).toBe(200)
  const asked = Date.now()
  expect((await row(callgate)).status).toBe(200)
  const answer = await inFlight
  expect({ status: answer.status, rows: answer.json.rows.length }).toEqual({ status: 200, rows: 1 })
  expect(await callgate.process.exited).toBe(0)
  await expect(callgate.call('/-/alive')).rejects.toThrow()
  expect(callgate.output()).not.toMatch(/"level":"error"/)
  expect(readdirSync(callgate.dataDir).filter(name => /-(wal|shm)$/.test(name))).toEqual([])
  const catalog = new Database(join(callgate.dataDir, 'catalog.db'), { readonly: true })
  const used = catalog.query<{ at: string }, []>('SELECT last_used_at at FROM api_keys').get()!
  catalog.close()
  // while calls are served it is written but once a minute
  expect(Date.parse(used.at)).toBeGreaterThanOrEqual(asked)
})

test('a call that takes longer than the delay is still answered before the end', async () => {
  const short = await startCallgate({
    dataDir: callgate.dataDir,
    env,
    flags: ['--drain-delay', '0s', '--scoring-workers', '1'],
  })
  const inFlight = slow(short)
  const workers = await underWay(short)
  const all = workersOf(short.process.pid)
  short.process.kill('SIGTERM')
  expect((await inFlight).status).toBe(200)
  expect(await short.process.exited).toBe(0)
  await ended([...workers, ...all])
})

test('SIGINT ends without the delay, and a second signal ends at once, whatever is under way', async () => {
  const flags = ['--drain-delay', '60s', '--scoring-workers', '1']
  const first = await startCallgate({ dataDir: callgate.dataDir, env, flags })
  first.process.kill('SIGINT')
  expect(await within(50_000, first.process.exited)).toBe(0) // of the delay, which is a minute

  const second = await startCallgate({ dataDir: callgate.dataDir, env, flags })
  const inFlight = second.call('/api/service/life/endless', { key }).catch(() => 'cut off')
  await underWay(second)
  const workers = workersOf(second.process.pid)
  second.process.kill('SIGTERM')
  await waitFor(async () => (await second.call('/-/ready')).status === 503 || undefined)
  second.process.kill('SIGTERM')
  expect(await within(50_000, second.process.exited)).toBe(1)
  expect(await inFlight).toBe('cut off')
  await ended(workers)
})

test('a terminal that closes hangs up on Callgate and its workers, and calls under way get their answer all the same', async () => {
  const flags = ['--drain-delay', `${DELAY}ms`, '--scoring-workers', '1']
  const server = await startCallgate({ dataDir: callgate.dataDir, env, flags })
  // a worker that starts is busy too
  await slow(server)
  const inFlight = slow(server)
  await underWay(server)
  for (const worker of workersOf(server.process.pid)) process.kill(worker.pid, 'SIGHUP')
  server.process.kill('SIGHUP')
  expect(await waitFor(async () => (await server.call('/-/ready')).status === 503 || undefined, DELAY)).toBe(true)
  expect((await row(server)).status).toBe(200)
  expect((await iris(server)).status).toBe(200)
  expect((await inFlight).status).toBe(200)
  expect(await server.process.exited).toBe(0)
  expect(server.output()).not.toMatch(/"level":"(warn|error)"/)
})

test('under nohup a terminal that closes ends nothing', async () => {
  const command = [...commandOf('source'), 'serve', '--port', '0', '--data-dir', callgate.dataDir]
  const server = Bun.spawn(['sh', '-c', `trap '' HUP; exec "$0" "$@"`, ...command, '--drain-delay', '0s'], {
    env: { ...process.env, ...env, CALLGATE_SCORING_WORKERS: '1' },
    stderr: 'ignore',
  })
  let output = ''
  for await (const text of server.stdout.pipeThrough(new TextDecoderStream())) {
    output += text
    if (/listens on \S+ .*\n/.test(output)) break
  }
  const url = /listens on (\S+)/.exec(output)![1]!
  for (const worker of workersOf(server.pid)) process.kill(worker.pid, 'SIGHUP')
  server.kill('SIGHUP')
  await Bun.sleep(200)
  expect((await fetch(`${url}/api/service/life/row?id=7`, { headers: { 'x-api-key': key } })).status).toBe(200)
  server.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})

test('connections on which nothing was asked yet do not hold up the end', async () => {
  const flags = ['--drain-delay', '0s', '--scoring-workers', '1']
  const server = await startCallgate({ dataDir: callgate.dataDir, env, flags })
  const { hostname, port } = new URL(server.url)
  const [silent, begun] = [connect(Number(port), hostname), connect(Number(port), hostname)]
  for (const socket of [silent, begun]) socket.on('error', () => {})
  begun.write('GET /-/alive HT')
  // the kernel hands over a connection without data after a second at most
  await Bun.sleep(1500)
  server.process.kill('SIGTERM')
  expect(await within(25_000, server.process.exited)).toBe(0) // what holds it up is cut off after 32.5 s
  for (const socket of [silent, begun]) socket.destroy()
})

test('a worker in the middle of an endless query is ended when its caller goes, and does not outlive a killed server', async () => {
  const flags = ['--query-workers', '1', '--scoring-workers', '1']
  const server = await startCallgate({ dataDir: callgate.dataDir, env, flags })
  // a worker that starts is busy too: it is there before the query that never ends
  await slow(server)
  const caller = new AbortController()
  const call = fetch(`${server.url}/api/service/life/endless`, {
    headers: { 'x-api-key': key },
    signal: caller.signal,
  }).catch(() => 'gone')
  const workers = await underWay(server)
  caller.abort()
  expect(await call).toBe('gone')
  await ended(workers)

  await slow(server)
  server.call('/api/service/life/endless', { key }).catch(() => {})
  await underWay(server)
  const all = workersOf(server.process.pid)
  expect(all.length).toBe(2)
  await server.kill()
  await ended(all)
})

const large = {
  projects: [
    {
      slug: 'large',
      datasets: [{ name: 'large.t', from: csv('large.csv', 400_000), primary_key: 'id', indexes: [['text']] }],
      services: [
        {
          key: 'large',
          publish: true,
          endpoints: [{ id: 'row', kind: 'lookup', dataset: 'large.t', key_column: 'id' }],
        },
      ],
    },
  ],
}

test('alive all the time, ready with reasons only when the manifest is applied', async () => {
  const starting = await startCallgate({ manifest: large, flags: ['--scoring-workers', '1'], waitReady: false })
  const seen = new Set<string>()
  await waitFor(async () => {
    const [alive, ready] = await Promise.all([starting.call('/-/alive'), starting.call('/-/ready')])
    expect(alive.status).toBe(200)
    if (ready.status === 200) return true
    expect(ready.status).toBe(503)
    expect(ready.json.reasons.length).toBeGreaterThan(0)
    for (const reason of ready.json.reasons) seen.add(reason)
  })
  expect([...seen]).toContain('what is to be published is being prepared')
  const { json } = await starting.call('/-/ready')
  expect(json).not.toHaveProperty('reasons')
  expect((await starting.admin('GET', '/api/datasets')).json.datasets[0].row_count).toBe(400_000)
  await starting.kill()
})

test('SIGTERM while a manifest is imported ends soon and cleanly, and leaves nothing of it', async () => {
  const starting = await startCallgate({ manifest: large, flags: ['--scoring-workers', '1'], waitReady: false })
  const [worker] = await waitFor(() => {
    const workers = workersOf(starting.process.pid, 'import')
    return workers.length > 0 ? workers : undefined
  })
  // in the middle of it, however long it takes
  await waitFor(() => readdirSync(join(starting.dataDir, 'warehouse')).length > 0 || undefined)
  process.kill(worker!.pid, 'SIGSTOP')
  const status = await within(50_000, starting.stop())
  expect(starting.output()).not.toMatch(/should not have happened|"level":"(warn|error)"|failed/)
  expect(starting.output()).toMatch(/^importing \S+: stopped after \d+\.\d s$/m)
  expect(status).toBe(0)
  await ended([worker!])
  for (const dir of ['warehouse', 'uploads']) expect(readdirSync(join(starting.dataDir, dir))).toEqual([])
  const catalog = new Database(join(starting.dataDir, 'catalog.db'), { readonly: true })
  expect(catalog.query('SELECT slug FROM projects').all()).toEqual([])
  catalog.close()
})

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Bun.sleep(ms).then(() => {
    throw new Error(`it did not end within ${ms} ms`)
  })
  late.catch(() => {})
  return Promise.race([promise, late])
}

test.skipIf(process.platform !== 'linux')(
  'workers that hang at the end, as they write or as they start, do not keep it from being one in order',
  async () => {
    const writeKey = mintSecret('dk')
    const rows = Array.from({ length: 30_000 }, (_, i) => `${i + 1},${i * 7919}`)
    writeFileSync(join(folder, 'rows.csv'), `id,n\n${rows.join('\n')}\n`)
    const datasets = [
      { name: 'w.t', writable: true, primary_key: 'id', columns: { id: { type: 'integer' }, n: { type: 'integer' } } },
      { name: 'w.rows', from: join(folder, 'rows.csv'), primary_key: 'id' },
    ]
    const query = { source: { schema: 'w', table: 'rows' }, columns: ['n'], order_by: [{ column: 'n' }] }
    const endpoints = [
      { id: 't', kind: 'table', dataset: 'w.t', methods: ['POST'] },
      { id: 'rows', kind: 'sql', query },
    ]
    const keys = [{ name: 'w', secret_env: 'WRITE_KEY', allowed_methods: ['GET', 'POST'] }]
    const server = await startCallgate({
      manifest: { projects: [{ slug: 'w', datasets, services: [{ key: 'w', publish: true, endpoints, keys }] }] },
      env: { WRITE_KEY: writeKey },
      flags: ['--scoring-workers', '1', '--request-timeout', '1s'],
    })
    expect((await server.call('/api/service/w/t', { key: writeKey, body: { n: 1 } })).status).toBe(201)
    for (const { pid } of workersOf(server.process.pid, 'write')) process.kill(pid, 'SIGSTOP')
    const asked = server.call('/api/service/w/rows', { key: writeKey })
    const [starting] = await waitFor(() => {
      const found = workersOf(server.process.pid, 'query')
      return found.length > 0 ? found : undefined
    })
    process.kill(starting!.pid, 'SIGSTOP')
    expect((await asked).status).toBe(504)
    const workers = workersOf(server.process.pid)
    expect(await server.stop()).toBe(0)
    await ended(workers)
  },
)
