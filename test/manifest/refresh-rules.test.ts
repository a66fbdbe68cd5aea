/** Datasets that are read again by themselves: when their file changes, or from time to time. */
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { appendFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Callgate, cleanUp, startCallgate, waitFor } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

const world = new World()
const path = world.write('tables/staff.csv', 'id,town\n1,Ulm\n')
const all = {
  id: 'all',
  kind: 'sql',
  query: { source: { schema: 'hr', table: 'staff' }, cache: { ttl_seconds: 3600 } },
}
const service = { key: 'staff', publish: true, endpoints: [all], keys: [{ name: 'app', secret_env: 'APP_KEY' }] }
const manifest = (refresh?: unknown): object => ({
  projects: [
    { slug: 'hr', datasets: [{ name: 'hr.staff', from: path, primary_key: 'id', refresh }], services: [service] },
  ],
})
const start = (refresh?: unknown) =>
  startCallgate({ manifest: manifest(refresh), dataDir: world.dataDir, env: world.env })

let callgate: Callgate
beforeAll(async () => {
  callgate = await start({ on_change: true })
})
afterAll(cleanUp)

const towns = async () => {
  const { json } = await callgate.call('/api/service/staff/all', { key: world.keys.app })
  return json.rows.map((row: { town: string }) => row.town)
}
const dataset = async () => (await callgate.admin('GET', '/api/datasets/hr.staff')).json
const change = (refresh: unknown) => callgate.admin('PATCH', '/api/datasets/hr.staff', { refresh })
/** Waits until the dataset's last look at its file gave this. */
const outcome = (wanted: string, error?: string) =>
  waitFor(async () => {
    const { refresh_state: state } = await dataset()
    return (state?.outcome === wanted && (error === undefined || state.error.includes(error))) || undefined
  })

test('on_change: a file that changes is read again by itself, and no kept answer outlives it', async () => {
  expect((await dataset()).refresh).toEqual({ on_change: true })
  await outcome('unchanged')
  expect(await towns()).toEqual(['Ulm'])
  world.write('tables/staff.csv', 'id,town\n1,Ulm\n2,Bonn\n')
  await waitFor(async () => (await dataset()).generation === 2 || undefined)
  expect(await towns()).toEqual(['Ulm', 'Bonn'])
  await outcome('refreshed')
  const { items } = (await callgate.admin('GET', '/api/audit?page_size=1')).json
  expect(items[0]).toMatchObject({ actor: 'system', action: 'dataset.replace', detail: { rows: 2, times: 1 } })
})

test('a file that is wrong or gone changes nothing: the dataset and the log say what was wrong, and no value', async () => {
  // the generation before goes when its last reader is done
  const files = await waitFor(() => (world.files().length === 1 ? world.files() : undefined))
  world.write('tables/staff.csv', 'id,town\n1,Ulm\n1,Secretville\n')
  const wrong = 'line 3, column id: the primary key is already taken by an earlier row'
  await outcome('failed', wrong)
  expect(await towns()).toEqual(['Ulm', 'Bonn'])
  // DuckDB's own words for this hold the line
  world.write('tables/staff.csv', 'id,town\n1,Ulm\n2,"Secretville\n')
  const open = 'line 3: a quoted field is never closed'
  await outcome('failed', open)
  rmSync(path)
  await outcome('failed', 'is not there any more')
  expect(await towns()).toEqual(['Ulm', 'Bonn'])
  expect(world.files()).toEqual(files)
  const logged = callgate
    .output()
    .split('\n')
    .filter(line => line.includes('could not be read again'))
  expect(logged.map(line => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 'warn', dataset: 'hr.staff', msg: expect.stringContaining(wrong) }),
    expect.objectContaining({ level: 'warn', dataset: 'hr.staff', msg: expect.stringContaining(open) }),
    expect.objectContaining({ level: 'warn', dataset: 'hr.staff', msg: expect.stringContaining('not there any more') }),
  ])
  const { text } = await callgate.admin('GET', '/api/datasets/hr.staff/settings')
  expect(text + logged).not.toMatch(/Secretville|staff\.csv/)
})

test('a file that is renamed into place is read again; a mended file ends the failure', async () => {
  renameSync(world.write('tables/next.csv', 'id,town\n3,Kiel\n'), path)
  await outcome('refreshed')
  expect(await towns()).toEqual(['Kiel'])
  expect((await dataset()).refresh_state).toEqual({ at: expect.any(String), outcome: 'refreshed', error: null })
})

test('a file that is being written is left alone until it rests', async () => {
  const { generation } = await dataset()
  world.write('tables/staff.csv', 'id,town\n')
  let [rows, rests] = [0, 0]
  for (let last = Date.now(), end = last + 2000; last < end; ) {
    appendFileSync(path, `${++rows},T\n`)
    await Bun.sleep(5)
    const now = Date.now()
    if (now - last > 200) rests++ // a writer that is held up on a busy machine may seem to rest
    last = now
  }
  await waitFor(async () => (await dataset()).row_count === rows || undefined)
  // at every look it would have been four times
  expect((await dataset()).generation - generation).toBeLessThanOrEqual(1 + rests)
})

test('every: the file is looked at again after that time, whether it changed or not', async () => {
  expect((await change({ every: '1s' })).json.refresh).toEqual({ every: '1s' })
  const { refresh_state: first } = await dataset()
  await waitFor(async () => {
    const { at, outcome } = (await dataset()).refresh_state
    return (outcome === 'unchanged' && at > first.at) || undefined
  })
  world.write('tables/staff.csv', 'id,town\n4,Jena\n')
  await outcome('refreshed')
  expect(await towns()).toEqual(['Jena'])
})

test('every: what was read last in days to come, by a clock that was ahead, is read again all the same', async () => {
  await change({ every: '1s' })
  await callgate.stop()
  const catalog = new Database(join(callgate.dataDir, 'catalog.db'))
  const ahead = { at: new Date(Date.now() + 400 * 86_400_000).toISOString(), outcome: 'unchanged' }
  catalog.run('UPDATE datasets SET refresh_state = ?', [JSON.stringify(ahead)])
  catalog.close()
  world.write('tables/staff.csv', 'id,town\n4,Gotha\n')
  callgate = await startCallgate({ dataDir: world.dataDir, env: world.env })
  await waitFor(async () => (await towns())[0] === 'Gotha' || undefined)
})

test('the rule holds after a restart, for what changed meanwhile too; without one nothing is read again', async () => {
  await change({ on_change: true })
  await callgate.stop()
  world.write('tables/staff.csv', 'id,town\n5,Gera\n')
  callgate = await startCallgate({ dataDir: world.dataDir, env: world.env })
  await waitFor(async () => (await towns())[0] === 'Gera' || undefined)
  expect((await change(null)).json.refresh).toBeNull()
  const before = await dataset()
  world.write('tables/staff.csv', 'id,town\n6,Zeitz\n')
  const other = world.write('tables/other.csv', 'id\n1\n')
  const [project] = (await callgate.admin('GET', '/api/projects')).json.items
  const headers = { 'x-project-id': String(project.project_id) }
  const form = new FormData()
  form.set('file', Bun.file(other), 'other.csv')
  form.set('name', 'hr.other')
  expect((await callgate.admin('POST', '/api/datasets/file/upload', form, headers)).status).toBe(201)
  const refused = await callgate.admin('PATCH', '/api/datasets/hr.other', { refresh: { on_change: true } })
  expect([refused.status, refused.json.detail]).toEqual([
    422,
    'refresh: hr.other has no file on the server to read again; upload its new rows with replace=true.',
  ])
  expect(await dataset()).toEqual(before)
})

test('a rule that is none is refused, in a manifest and over the API, and what a manifest does not say stays', async () => {
  for (const rule of [
    {},
    { on_change: false },
    { every: 'often' },
    { every: '0s' },
    { every: '1h', on_change: true },
    'x',
  ])
    expect((await change(rule)).status, JSON.stringify(rule)).toBe(422)
  const put = await callgate.admin('PUT', '/api/datasets/hr.staff/settings', { refresh: { every: '2h' } })
  expect([put.status, put.json.refresh]).toEqual([200, { every: '2h' }])
  await callgate.stop()
  expect(await world.serve(manifest())).toEqual(['dataset hr.staff: 1 rows imported'])
  expect(await world.serve(manifest({ every: '2h' }))).toEqual([])
  expect(await world.serve(manifest(null))).toEqual(['dataset hr.staff: refresh'])
  const failed = await start({ every: 'never' }).catch(error => String(error))
  expect(failed).toContain('refresh: every must be a time such as 30s, 15m, 1h or 1d')
})
