/** Work that takes long: its caller is told in the end, and others do not wait for it. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectId } from '../console/data.ts'
import { cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { ended, workersOf } from '../life/processes.ts'

setDefaultTimeout(180_000)
afterAll(cleanUp)

/** Longer than a connection may be silent, which is 15 s more than the request timeout. */
const SILENCE_MS = 22_000
const ROWS = 300_000

test('a file whose import takes longer than a connection may be silent is read again, and its caller is told', async () => {
  const from = join(temporaryFolder(), 'beds.csv')
  writeFileSync(from, 'bed\n1\n')
  const callgate = await startCallgate({
    flags: ['--scoring-workers', '1', '--request-timeout', '1s'],
    manifest: { projects: [{ slug: 'garden', name: 'Garden', datasets: [{ name: 'marts.beds', from }] }] },
  })
  await ended(workersOf(callgate.process.pid, 'import'))
  writeFileSync(from, `bed\n${Array.from({ length: ROWS }, (_, i) => i).join('\n')}`)
  const refreshing = callgate.admin('POST', '/api/datasets/marts.beds/refresh')
  const importer = await waitFor(() => workersOf(callgate.process.pid, 'import')[0]?.pid)
  process.kill(importer, 'SIGSTOP')
  const resumed = Bun.sleep(SILENCE_MS).then(() => process.kill(importer, 'SIGCONT'))
  const { status, json } = await refreshing
  expect([status, json?.refreshed, json?.row_count]).toEqual([200, true, ROWS])
  await resumed
})

test('rows that are read again do not take over for whoever lost their role meanwhile', async () => {
  const from = join(temporaryFolder(), 'beds.csv')
  writeFileSync(from, 'bed\n1\n')
  const callgate = await startCallgate({
    flags: ['--scoring-workers', '1'],
    manifest: { projects: [{ slug: 'garden', name: 'Garden', datasets: [{ name: 'marts.beds', from }] }] },
  })
  await ended(workersOf(callgate.process.pid, 'import'))
  const person = { username: 'ed', password: 'correct horse battery' }
  const { user_id } = (await callgate.admin('POST', '/api/users', { ...person, roles: { garden: 'editor' } })).json
  const { access_token } = (await callgate.call('/api/auth/login', { body: person })).json
  writeFileSync(from, `bed\n${Array.from({ length: ROWS }, (_, i) => i).join('\n')}`)
  const headers = { authorization: `Bearer ${access_token}` }
  const refreshing = callgate.call('/api/datasets/marts.beds/refresh', { method: 'POST', headers })
  const [importer] = await waitFor(() => {
    const importers = workersOf(callgate.process.pid, 'import')
    return importers.length > 0 ? importers : undefined
  })
  process.kill(importer!.pid, 'SIGSTOP')
  await callgate.admin('PATCH', `/api/users/${user_id}`, { roles: {} })
  process.kill(importer!.pid, 'SIGCONT')
  expect((await refreshing).status).toBe(404)
  const beds = (await callgate.admin('GET', '/api/datasets/marts.beds')).json
  // the file is not to blame
  expect([beds.row_count, beds.generation, beds.refresh_state]).toEqual([1, 1, null])
  expect((await callgate.admin('POST', '/api/datasets/marts.beds/refresh')).json.row_count).toBe(ROWS)
})

test('whose functions are slow to load holds nobody else up', async () => {
  const callgate = await startCallgate({
    flags: ['--scoring-workers', '1'],
    manifest: {
      projects: [
        { slug: 'garden', name: 'Garden' },
        { slug: 'bank', name: 'Bank' },
      ],
    },
  })
  const service = async (slug: string, handlers: string[]): Promise<number> => {
    const endpoints = handlers.map((handler, i) => ({ id: `e${i}`, kind: 'function', handler }))
    const made = { asset_type: 'api_service', asset_key: slug, config: { endpoints } }
    const scope = { 'x-project-id': String(await projectId(callgate, slug)) }
    return (await callgate.admin('POST', '/api/publish/assets', made, scope)).json.id
  }
  // each takes the second of CPU that loading may take
  const slow = await service(
    'garden',
    [1, 2, 3, 4].map(i => `for (;;) {} // ${i}`),
  )
  const quick = await service('bank', ['export default () => 1'])
  const order: string[] = []
  const trying = callgate.admin('POST', `/api/api-services/${slow}/endpoints/e0/test`, {}).then(({ status }) => {
    order.push('tried')
    expect(status).toBe(422)
  })
  await waitFor(() => workersOf(callgate.process.pid, 'function').length > 0 || undefined)
  expect((await callgate.admin('POST', `/api/publish/assets/${quick}/publish`)).status).toBe(200)
  order.push('published')
  await trying
  expect(order).toEqual(['published', 'tried'])
})

test('an upload whose caller goes while it is imported is no failure of the server', async () => {
  const server = await startCallgate({
    manifest: { projects: [{ slug: 'p' }] },
    flags: ['--scoring-workers', '1', '--log-level', 'debug'],
  })
  const caller = new AbortController()
  const form = new FormData()
  form.set('file', new File(['id\n1\n'], 't.csv'))
  form.set('name', 'a.t')
  const headers = { authorization: `Bearer ${server.adminToken}`, 'x-project-id': '1' }
  const init = { method: 'POST', body: form, headers, signal: caller.signal }
  const asked = fetch(`${server.url}/api/datasets/file/upload`, init).catch(() => undefined)
  await waitFor(() => workersOf(server.process.pid, 'import')[0])
  caller.abort()
  await asked
  await waitFor(() => server.output().includes('"msg":"cancelled"') || undefined)
  expect(server.output()).not.toContain('"level":"error"')
  expect(await server.stop()).toBe(0)
})
