/** What a machine costs that gives no more files, or ends processes: what needs them, with an answer, until there are some again. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { SERVER, World } from '../deployments/world.ts'
import { type Callgate, cleanUp, FIXTURES, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { sigkill, workersOf } from './processes.ts'

setDefaultTimeout(180_000)
afterAll(cleanUp)

const NO_MORE = 'The server has no files, processes or memory left for this at the moment.'

/** Says how many files the server may have open from now on. */
const open = ({ process }: Callgate, most: string) =>
  expect(Bun.spawnSync(['prlimit', '--pid', String(process.pid), `--nofile=${most}:`]).success).toBe(true)

const withProject = async (): Promise<{ callgate: Callgate; scope: Record<string, string> }> => {
  const callgate = await startCallgate({ manifest: { projects: [{ slug: 'p' }] } })
  const projects = await callgate.admin('GET', '/api/projects')
  return { callgate, scope: { 'x-project-id': String(projects.json.items[0].project_id) } }
}

test.skipIf(!Bun.which('prlimit'))(
  'where no more files can be opened uploads are 503, and are taken when there are some again',
  async () => {
    const { callgate, scope } = await withProject()
    const upload = async (path: string, name: string, file: File) => {
      const form = new FormData()
      form.set('file', file)
      form.set('name', name)
      return callgate.admin('POST', path, form, scope)
    }
    const table = () => upload('/api/datasets/file/upload', 'a.t', new File(['id\n1\n'], 't.csv'))
    const model = async () => {
      const bytes = await Bun.file(join(FIXTURES, 'models/iris.onnx')).arrayBuffer()
      return upload('/api/models', 'iris', new File([bytes], 'iris.onnx'))
    }
    open(callgate, '8')
    for (const answer of [await table(), await model()]) {
      expect({ status: answer.status, detail: answer.json.detail }).toEqual({
        status: 503,
        detail: NO_MORE,
      })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.text).not.toContain(callgate.dataDir)
    }
    open(callgate, '1024')
    expect([(await table()).status, (await model()).status]).toEqual([201, 201])
    expect(await callgate.stop()).toBe(0)
  },
)

test.skipIf(!Bun.which('prlimit'))(
  'where no more files can be opened a changed file is no bad one: it is read when there are some again',
  async () => {
    const folder = temporaryFolder()
    const path = join(folder, 't.csv')
    writeFileSync(path, 'id\n1\n')
    const lake = join(folder, 'lake')
    mkdirSync(lake)
    writeFileSync(join(lake, '1.csv'), 'id\n1\n')
    const datasets = [
      { name: 'a.t', from: path },
      { name: 'a.lake', from: lake, engine: 'duckdb' },
    ]
    const callgate = await startCallgate({ manifest: { projects: [{ slug: 'p', datasets }] } })
    const refresh = (name: string) => callgate.admin('POST', `/api/datasets/${name}/refresh`)
    writeFileSync(path, 'id\n1\n2\n')
    writeFileSync(join(lake, '2.csv'), 'id\n2\n')
    open(callgate, '8')
    for (const { name } of datasets) {
      expect((await refresh(name)).status).toBe(503)
      const { refresh_state: state } = (await callgate.admin('GET', `/api/datasets/${name}`)).json
      expect(state).toMatchObject({ outcome: 'failed', error: NO_MORE })
    }
    open(callgate, '1024')
    for (const { name } of datasets) expect((await refresh(name)).json).toMatchObject({ refreshed: true, row_count: 2 })
    expect(await callgate.stop()).toBe(0)
  },
)

test.skipIf(!Bun.which('prlimit'))(
  'where no more files can be opened a program that is well is not taken for ill, and is served again when there are some',
  async () => {
    const world = new World()
    // longer than a connection is kept: each look at it needs another
    await world.start([{ name: 'well', command: SERVER, health: '/health', health_interval_seconds: 1.1 }])
    const pid = await world.pid('well')
    open(world.callgate, '8')
    const begun = performance.now()
    // as long as it takes to be found ill, which is never to happen: so there is nothing to wait for
    await waitFor(() => performance.now() - begun > 5000 || undefined)
    open(world.callgate, '1024')
    expect(await world.pid('well')).toBe(pid)
    expect(await world.callgate.stop()).toBe(0)
  },
)

test.skipIf(process.platform !== 'linux')(
  'where memory runs out the kernel ends workers and programs of deployments before the server',
  async () => {
    const account = (pid: number) => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1'))
    const world = new World()
    await world.start([{ name: 'well', command: SERVER }])
    const program = await world.pid('well')
    const { pid } = world.callgate.process
    const workers = workersOf(pid).map(worker => worker.pid)
    expect(workers.length).toBeGreaterThan(1)
    const sooner = Math.min(1000, account(pid) + 300)
    for (const each of [...workers, program]) expect(account(each)).toBe(sooner)
    expect(await world.callgate.stop()).toBe(0)
  },
)

test.skipIf(process.platform !== 'linux')(
  'an import whose process is ended from outside, also while it starts, is 503 and leaves nothing behind',
  async () => {
    const { callgate, scope } = await withProject()
    const upload = () => {
      const form = new FormData()
      form.set('file', new File(['id\n1\n'], 't.csv'))
      form.set('name', 'a.t')
      return callgate.admin('POST', '/api/datasets/file/upload', form, scope)
    }
    const ended = async () => {
      let over = false
      const killing = (async () => {
        while (!over) {
          for (const { pid } of workersOf(callgate.process.pid, 'import')) sigkill(pid)
          await Bun.sleep(1)
        }
      })()
      const answer = await upload()
      over = true
      await killing
      // it was quicker than who looks for it: once more
      if (answer.status !== 201) return answer
      expect((await callgate.admin('DELETE', '/api/datasets/a.t')).status).toBe(204)
      return undefined
    }
    const answer = await waitFor(ended)
    expect({ status: answer.status, detail: answer.json.detail }).toEqual({
      status: 503,
      detail: 'The import process ended before it was done.',
    })
    expect(callgate.output()).toContain('(exit SIGKILL, not by us: the kernel does that where memory runs out)')
    for (const folder of ['uploads', 'warehouse']) expect(readdirSync(join(callgate.dataDir, folder))).toEqual([])
    expect((await upload()).status).toBe(201)
    expect(await callgate.stop()).toBe(0)
  },
)

test.skipIf(!Bun.which('prlimit'))(
  'where no more files can be opened no table is told to be unreadable, and a function runs in the one process that there is',
  async () => {
    const folder = temporaryFolder()
    const [path, key] = [join(folder, 't.csv'), mintSecret('dk')]
    writeFileSync(path, 'id\n1\n')
    const endpoints = [
      { id: 'row', kind: 'lookup', dataset: 'a.t', key_column: 'id' },
      { id: 'rows', kind: 'table', dataset: 'a.w', methods: ['GET', 'POST'] },
      // one that may take long, for which the first process is not taken
      { id: 'one', kind: 'function', handler: 'export default () => ({ one: 1 })', limits: { cpu_ms: 1000 } },
    ]
    const datasets = [
      { name: 'a.t', from: path, primary_key: 'id' },
      { name: 'a.w', writable: true, primary_key: 'id', columns: { id: { type: 'integer' } } },
    ]
    const keys = [{ name: 'k', secret_env: 'SHORT_KEY', allowed_methods: ['GET', 'POST'] }]
    const services = [{ key: 's', publish: true, endpoints, keys }]
    const options = { dataDir: join(folder, 'data'), env: { SHORT_KEY: key } }
    const first = await startCallgate({ ...options, manifest: { projects: [{ slug: 'p', datasets, services }] } })
    expect(await first.stop()).toBe(0)
    // one that publishes has opened the tables
    const callgate = await startCallgate(options)
    const call = (what: string, body?: unknown) => callgate.call(`/api/service/s/${what}`, { key, body })
    // on a connection that is kept
    expect((await call('one', {})).json).toEqual({ one: 1 })
    const functions = workersOf(callgate.process.pid, 'function')
    expect(functions).toHaveLength(2)
    open(callgate, '8')
    for (const answer of [await call('row?id=1'), await call('rows'), await call('rows', {})]) {
      expect({ status: answer.status, code: answer.json.code, detail: answer.json.detail }).toEqual({
        status: 503,
        code: 'unavailable',
        detail: NO_MORE,
      })
    }
    expect(callgate.output()).toContain('EMFILE')
    sigkill(functions[0]!.pid)
    expect((await call('one', {})).json).toEqual({ one: 1 })
    open(callgate, '1024')
    expect((await call('row?id=1')).json.rows).toEqual([{ id: 1 }])
    expect((await call('rows', {})).status).toBe(201)
    expect(await callgate.stop()).toBe(0)
  },
)

test.skipIf(process.platform !== 'linux')(
  'a query whose process is ended from outside runs once more in another, and the log tells of it',
  async () => {
    const [path, key] = [join(temporaryFolder(), 't.csv'), mintSecret('dk')]
    writeFileSync(path, `id\n${Array.from({ length: 100_000 }, (_, i) => i).join('\n')}\n`)
    const query = { source: { schema: 'a', table: 't' }, columns: [{ fn: 'sum', column: 'id', as: 'sum' }] }
    const services = [
      {
        key: 's',
        publish: true,
        endpoints: [{ id: 'sum', kind: 'sql', query }],
        keys: [{ name: 'k', secret_env: 'KEY' }],
      },
    ]
    const datasets = [{ name: 'a.t', from: path }]
    const callgate = await startCallgate({
      manifest: { projects: [{ slug: 'p', datasets, services }] },
      env: { KEY: key },
      flags: ['--query-workers', '1', '--result-cache', '0'],
    })
    const sum = async () => (await callgate.call('/api/service/s/sum', { key })).json.rows
    expect(await sum()).toEqual([{ sum: 4_999_950_000 }])
    const told = await waitFor(async () => {
      const [worker] = workersOf(callgate.process.pid, 'query')
      process.kill(worker!.pid, 'SIGSTOP')
      const asked = sum()
      // an answer after it was asked: it waits in the process by then, but for one that the system was slow with
      await callgate.call('/-/ready')
      sigkill(worker!.pid)
      expect(await asked).toEqual([{ sum: 4_999_950_000 }])
      return callgate
        .output()
        .split('\n')
        .find(line => line.includes('its query runs once more'))
    })
    expect(JSON.parse(told).error).toContain('(exit SIGKILL, not by us: the kernel does that where memory runs out)')
    expect(await callgate.stop()).toBe(0)
  },
)
