/** A dataset's file that changed, read again on request; and what an import protects until somebody decides. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { renameSync, rmSync } from 'node:fs'
import { type Callgate, cleanUp, startCallgate, waitFor } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

const world = new World()
const path = world.write('tables/staff.csv', 'id,mail,town\n1,ada@example.org,Ulm\n')
const ROWS = { id: 'all', kind: 'sql', query: { source: { schema: 'hr', table: 'staff' } } }
// biome-ignore lint/suspicious/noExplicitAny: tests change parts of it
const manifest = (from = path): any => ({
  projects: [
    {
      slug: 'hr',
      datasets: [{ name: 'hr.staff', from, primary_key: 'id' }],
      services: [{ key: 'staff', publish: true, endpoints: [ROWS], keys: [{ name: 'app', secret_env: 'APP_KEY' }] }],
    },
  ],
})
const HINT = 'until you decide (columns in a manifest, or PATCH /api/datasets/hr.staff)'

let callgate: Callgate
beforeAll(async () => {
  callgate = await startCallgate({ manifest: manifest(), dataDir: world.dataDir, env: world.env })
})
afterAll(cleanUp)

const rows = async () => (await callgate.call('/api/service/staff/all', { key: world.keys.app })).json.rows
const refresh = () => callgate.admin('POST', '/api/datasets/hr.staff/refresh')
const dataset = async () => (await callgate.admin('GET', '/api/datasets/hr.staff')).json

test('the import says in one line what it protects, and why; the rows hold none of it', async () => {
  expect(callgate.output()).toContain(
    `  dataset hr.staff: mail looks like e-mail addresses (by its name and its values): high ${HINT}\n`,
  )
  expect(callgate.output()).not.toContain('ada@')
  expect(await rows()).toEqual([{ id: 1, mail: '[BLOCKED]', town: 'Ulm' }])
})

test('a file that is as it was is left alone; one that changed takes over whole, with proposals for new columns', async () => {
  expect((await refresh()).json).toMatchObject({ refreshed: false, generation: 1 })
  world.write(
    'tables/staff.csv',
    'id,mail,town,dob\n1,ada@example.org,Ulm,1815-12-10\n2,bob@example.org,Bonn,1990-01-02\n',
  )
  const answer = await refresh()
  expect([answer.status, answer.json.refreshed, answer.json.generation, answer.json.row_count]).toEqual([
    200,
    true,
    2,
    2,
  ])
  expect(answer.text).not.toContain(world.folder)
  expect(await rows()).toEqual([
    { id: 1, mail: '[BLOCKED]', town: 'Ulm', dob: '[BLOCKED]' },
    { id: 2, mail: '[BLOCKED]', town: 'Bonn', dob: '[BLOCKED]' },
  ])
})

test('a file that is wrong, or lacks what is published, changes nothing and leaves nothing', async () => {
  const [{ refresh_state: done, ...before }, served] = [await dataset(), await rows()]
  // the generation before goes when its last reader is done
  const files = await waitFor(() => (world.files().length === 1 ? world.files() : undefined))
  expect(done).toEqual({ at: expect.stringMatching(/^20.*Z$/), outcome: 'refreshed', error: null })
  world.write('tables/staff.csv', 'id,mail,town\n1,ada@example.org,Ulm\n1,eve@example.org,Ulm\n')
  const wrong = await refresh()
  expect([wrong.status, wrong.json.detail]).toEqual([
    422,
    'line 3, column id: the primary key is already taken by an earlier row',
  ])
  expect(wrong.text).not.toMatch(/@example|staff\.csv/)
  const pinned = { id: 'one', kind: 'lookup', dataset: 'hr.staff', key_column: 'town' }
  const { items } = (await callgate.admin('GET', '/api/projects')).json
  const asset = await callgate.admin(
    'POST',
    '/api/publish/assets',
    { asset_type: 'api_service', asset_key: 'pinned', title: 'p', config: { endpoints: [pinned] } },
    { 'x-project-id': String(items[0].project_id) },
  )
  expect((await callgate.admin('POST', `/api/publish/assets/${asset.json.id}/publish`, {})).status).toBe(200)
  world.write('tables/staff.csv', 'id,mail\n1,ada@example.org\n')
  expect((await refresh()).status).toBe(409)
  expect((await callgate.admin('DELETE', `/api/publish/assets/${asset.json.id}`)).status).toBe(200)
  const { refresh_state, ...now } = await dataset()
  expect(now).toEqual(before)
  expect(refresh_state).toMatchObject({ outcome: 'failed', error: expect.stringContaining('endpoint one') })
  expect(world.files()).toEqual(files)
  expect(await rows()).toEqual(served)
})

test('two at once: one takes over, the other finds it done or is told; never a half', async () => {
  world.write(
    'tables/staff.csv',
    `id,mail,town,dob\n${Array.from({ length: 5000 }, (_, i) => `${i},p${i}@example.org,T${i},1990-01-02`).join('\n')}\n`,
  )
  const answers = await Promise.all([refresh(), refresh(), refresh()])
  expect(answers.filter(a => a.status === 200 && a.json.refreshed)).toHaveLength(1)
  for (const { status } of answers) expect([200, 409]).toContain(status)
  expect(await dataset()).toMatchObject({ generation: 3, row_count: 5000 })
})

test('a file that is gone is 409 that says so, without its path; a manifest that names where it is now mends that', async () => {
  const moved = `${world.folder}/tables/moved.csv`
  renameSync(path, moved)
  const gone = await refresh()
  expect([gone.status, gone.json.detail]).toEqual([
    409,
    'The file that hr.staff was imported from is not there any more; apply a manifest that names another.',
  ])
  await callgate.stop()
  callgate = await startCallgate({ manifest: manifest(moved), dataDir: world.dataDir, env: world.env })
  expect(callgate.output()).not.toContain('importing')
  expect((await refresh()).json).toMatchObject({ refreshed: false, generation: 3 })
  rmSync(moved)
  expect((await refresh()).status).toBe(409)
})

test('a manifest decides: what it says holds, nothing is proposed any more, and applying it again changes nothing', async () => {
  await callgate.stop()
  world.write('tables/staff.csv', 'id,mail,town,dob\n1,ada@example.org,Ulm,1815-12-10\n')
  const decided = manifest()
  decided.projects[0].datasets[0].columns = {
    mail: { sensitivity: 'low' },
    dob: { sensitivity: 'medium', mask: 'year' },
  }
  const printed = await world.serve(decided, async running => {
    const answer = await running.call('/api/service/staff/all', { key: world.keys.app })
    expect(answer.json.rows).toEqual([{ id: 1, mail: 'ada@example.org', town: 'Ulm', dob: '1815' }])
  })
  expect(printed).toEqual(['dataset hr.staff: 1 rows imported', 'dataset hr.staff: column policy'])
  const before = world.catalog()
  expect(await world.serve(decided)).toEqual([])
  expect(world.catalog()).toEqual(before)
})
