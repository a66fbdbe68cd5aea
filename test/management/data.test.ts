/** What the management API says of datasets and models beyond what the conformance suite holds. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { keepersCsv, projectId, uploadModel, uploadTable } from '../console/data.ts'
import { type Callgate, cleanUp, FIXTURES, startCallgate, waitFor } from '../harness.ts'

setDefaultTimeout(180_000)

let callgate: Callgate
let garden: number
const scoped = () => ({ 'x-project-id': String(garden) })
const admin = (method: string, path: string, body?: unknown) => callgate.admin(method, path, body, scoped())
const sessions: Record<string, string> = {}
const as = (who: string, method: string, path: string, body?: unknown) =>
  callgate.call(path, { method, body, headers: { authorization: `Bearer ${sessions[who]}`, ...scoped() } })

beforeAll(async () => {
  callgate = await startCallgate({
    flags: ['--scoring-workers', '1'],
    manifest: {
      projects: [
        {
          slug: 'garden',
          name: 'Garden',
          models: [
            {
              name: 'iris',
              versions: [1, 2].map(version => ({ version, file: join(FIXTURES, 'models/iris.onnx') })),
              active: 1,
            },
          ],
          deployments: [{ name: 'irises', model: 'iris' }],
        },
        { slug: 'other', name: 'Other' },
      ],
    },
  })
  garden = await projectId(callgate, 'garden')
  for (const username of ['vera', 'ed', 'olga']) {
    const roles = username === 'olga' ? { other: 'admin' } : { garden: username === 'ed' ? 'editor' : 'viewer' }
    const password = 'a long enough secret'
    await callgate.admin('POST', '/api/users', { username, password, roles })
    sessions[username] = (await callgate.call('/api/auth/login', { body: { username, password } })).json.access_token
  }
  await uploadTable(callgate, garden, 'marts.keepers', keepersCsv(20), { primary_key: 'keeper_id' })
  await uploadTable(callgate, garden, 'marts.beds', 'bed,keeper_id\n1,2')
})
afterAll(cleanUp)

const asset = async (asset_key: string, endpoints: object[], publish: boolean): Promise<number> => {
  const { json } = await admin('POST', '/api/publish/assets', {
    asset_type: 'api_service',
    asset_key,
    title: asset_key,
    config: { endpoints },
  })
  if (publish) expect((await admin('POST', `/api/publish/assets/${json.id}/publish`)).status).toBe(200)
  return json.id
}

test('used_by tells what is published, what is only in a draft, and joins', async () => {
  const lookup = { id: 'keeper', kind: 'lookup', dataset: 'marts.keepers', key_column: 'keeper_id' }
  const on = [{ left: 'keeper_id', right: 'keeper_id' }]
  const beds = {
    id: 'beds',
    kind: 'sql',
    query: { source: { schema: 'marts', table: 'beds' }, joins: [{ schema: 'marts', table: 'keepers', on }] },
  }
  const id = await asset('keepers', [lookup], true)
  await admin('PUT', `/api/publish/assets/${id}`, { config: { endpoints: [lookup, beds] } })
  const common = { in: 'service', asset_id: id, service: 'keepers', title: 'keepers' }
  const keeper = { ...common, endpoint: 'keeper', kind: 'lookup', published: true, draft: true }
  const joined = { ...common, endpoint: 'beds', kind: 'sql', published: false, draft: true }
  const { datasets } = (await admin('GET', '/api/datasets')).json
  const uses = Object.fromEntries(datasets.map((d: { name: string; used_by: object[] }) => [d.name, d.used_by]))
  expect(uses).toEqual({ 'marts.beds': [joined], 'marts.keepers': [keeper, joined] })
  expect((await as('vera', 'GET', '/api/datasets/marts.keepers')).json.used_by).toEqual([keeper, joined])
  await admin('PUT', `/api/publish/assets/${id}`, { config: { endpoints: [beds] } })
  expect((await admin('GET', '/api/datasets/marts.keepers')).json.used_by).toContainEqual({ ...keeper, draft: false })
  await admin('POST', `/api/publish/assets/${id}/unpublish`)
  expect((await admin('GET', '/api/datasets/marts.keepers')).json.used_by).toEqual([joined])
})

test('what refers to a dataset is no part of its ETag', async () => {
  const before = (await admin('GET', '/api/datasets/marts.beds')).headers.get('etag')!
  await asset('more', [{ id: 'b', kind: 'sql', query: { source: { schema: 'marts', table: 'beds' } } }], false)
  const answer = await callgate.admin(
    'PATCH',
    '/api/datasets/marts.beds',
    { description: 'Beds' },
    { ...scoped(), 'if-match': before },
  )
  expect([answer.status, answer.json.description]).toEqual([200, 'Beds'])
})

test('a model is used by what follows it, what is pinned to a version, and deployments', async () => {
  const [row] = (await admin('GET', '/api/models?name=iris')).json.models
  const second = row.versions.find((v: { version: number }) => v.version === 2).model_id
  await asset(
    'irises',
    [
      { id: 'follows', kind: 'model', model: 'iris' },
      { id: 'pinned', kind: 'model', model_id: second },
    ],
    true,
  )
  const { used_by } = (await admin('GET', `/api/models/${second}`)).json
  expect(
    used_by.map((use: { endpoint?: string; deployment?: string }) => use.endpoint ?? use.deployment).sort(),
  ).toEqual(['follows', 'irises', 'pinned'])
})

test('a row says where it came from and how large its file is', async () => {
  const { json } = await admin('GET', '/api/datasets/marts.keepers')
  expect([json.origin, json.size_bytes > 1000]).toEqual(['upload', true])
  const empty = await admin('POST', '/api/datasets', {
    name: 'marts.empty',
    columns: { id: { type: 'integer' } },
    primary_key: 'id',
  })
  expect([empty.status, empty.json.origin]).toEqual([201, 'empty'])
})

test('as=viewer shows an editor what a viewer sees; nothing shows a viewer more', async () => {
  for (const view of ['preview', 'explore', 'profile']) {
    const viewer = await as('vera', 'GET', `/api/datasets/marts.keepers/${view}`)
    const editor = await as('ed', 'GET', `/api/datasets/marts.keepers/${view}?as=viewer`)
    expect(editor.json).toEqual(viewer.json)
    expect([view, /garden\.example|Lovelace/.test(editor.text)]).toEqual([view, false])
    expect((await as('vera', 'GET', `/api/datasets/marts.keepers/${view}?as=editor`)).status).toBe(422)
    const all = await as('ed', 'GET', `/api/datasets/marts.keepers/${view}`)
    expect([view, all.text.includes('garden.example')]).toEqual([view, true])
  }
})

test('a version is tried without anything that is published, by editors', async () => {
  const [{ model_id }] = (await admin('GET', '/api/models?name=iris')).json.models
  const body = { rows: [{ X: [5.1, 3.5, 1.4, 0.2] }] }
  const answer = await as('ed', 'POST', `/api/models/${model_id}/test`, body)
  expect([answer.status, answer.json.count, answer.json.model_id]).toEqual([200, 1, model_id])
  const wrong = await as('ed', 'POST', `/api/models/${model_id}/test`, { rows: [{ X: ['not-a-number'] }] })
  expect([wrong.status, wrong.json.errors[0].feature]).toEqual([422, 'X'])
  expect(wrong.text).not.toContain('not-a-number')
  expect((await as('vera', 'POST', `/api/models/${model_id}/test`, body)).status).toBe(403)
  expect((await as('olga', 'POST', `/api/models/${model_id}/test`, body)).status).toBe(404)
})

test('a model is deleted with all of its versions, or not at all', async () => {
  const [used] = (await admin('GET', '/api/models?name=iris')).json.models
  expect((await admin('DELETE', `/api/models/${used.model_id}?versions=all`)).status).toBe(409)
  expect((await admin('GET', '/api/models?name=iris')).json.models[0].versions).toHaveLength(2)
  const first = await uploadModel(callgate, garden, 'spare', 'late_arrival.onnx')
  await uploadModel(callgate, garden, 'spare', 'churn_risk.onnx')
  expect((await admin('DELETE', `/api/models/${first.json.model_id}?versions=some`)).status).toBe(422)
  expect((await as('vera', 'DELETE', `/api/models/${first.json.model_id}?versions=all`)).status).toBe(403)
  expect((await admin('DELETE', `/api/models/${first.json.model_id}?versions=all`)).json).toEqual({ deleted: true })
  expect((await admin('GET', '/api/models?name=spare')).json.models).toEqual([])
})

test('an import says how far it is to who uploaded it, and to nobody else', async () => {
  const path = '/api/datasets/file/upload/upload-0001'
  expect((await admin('GET', path)).status).toBe(404)
  const rows = Array.from({ length: 400_000 }, (_, i) => `${i},some text of row ${i}`)
  const upload = uploadTable(callgate, garden, 'marts.large', `id,text\n${rows.join('\n')}`, {
    upload_id: 'upload-0001',
  })
  const seen = await waitFor(async () => {
    const { status, json } = await admin('GET', path)
    return status === 200 ? json : undefined
  })
  expect((await as('ed', 'GET', path)).status).toBe(404)
  expect([typeof seen.phase, typeof seen.rows, Object.keys(seen)]).toEqual([
    'string',
    'number',
    ['phase', 'rows', 'fraction'],
  ])
  expect((await upload).json.row_count).toBe(400_000)
  expect((await admin('GET', path)).status).toBe(404)
  expect((await uploadTable(callgate, garden, 'marts.bad', 'a\n1', { upload_id: 'x' })).status).toBe(422)
})

test('an upload whose file has no name, or is none, is told what it lacks', async () => {
  const upload = async (path: string, disposition: string) => {
    const body = `--cut\r\nContent-Disposition: form-data; name="file"${disposition}\r\n\r\nid\n1\r\n--cut--\r\n`
    const type = 'multipart/form-data; boundary=cut'
    const { status, json } = await callgate.admin('POST', path, body, {
      'content-type': type,
      'x-project-id': String(garden),
    })
    return [status, json.detail]
  }
  for (const path of ['/api/datasets/file/upload', '/api/models']) {
    const [status, detail] = await upload(path, '; filename=""')
    expect([path, status, /without a name|no name/.test(detail)]).toEqual([path, 422, true])
    expect(await upload(path, '')).toEqual([422, 'The part file is text: a file has a filename.'])
  }
})

test('what people read as a name is on one line, is not blank and does not turn the text around it', async () => {
  const scoped = { 'x-project-id': String(garden) }
  const service = await asset('titled', [], false)
  const endpoints = (title: string) => ({
    endpoints: [{ id: 'e', kind: 'lookup', dataset: 'd.t', key_column: 'k', title }],
  })
  const places: [string, string, (name: string) => object][] = [
    ['PATCH', `/api/projects/${garden}`, name => ({ name })],
    ['PUT', `/api/publish/assets/${service}`, title => ({ title })],
    ['PUT', `/api/publish/assets/${service}`, title => ({ config: endpoints(title) })],
    ['POST', `/api/projects/${garden}/api-keys`, name => ({ name })],
    ['POST', `/api/publish/assets/${service}/api-keys`, name => ({ name })],
    ['POST', '/api/auth/tokens', name => ({ name })],
  ]
  for (const [method, path, body] of places) {
    for (const name of [
      '\u202eneeds',
      'a\nb',
      ' ',
      '\u00a0\u2003',
      '\u200b',
      'a\u0000',
      '\u2066x\u2069',
      'x'.repeat(501),
    ]) {
      const { status, json } = await callgate.admin(method, path, body(name), scoped)
      expect([path, JSON.stringify(name), status, json.detail]).toEqual([
        path,
        JSON.stringify(name),
        422,
        expect.stringContaining('characters on one line, not blank'),
      ])
    }
    for (const name of ['שלום עולם', 'Ж é 👩‍🚀', ' a  b '])
      expect([path, name, (await callgate.admin(method, path, body(name), scoped)).status]).toEqual([
        path,
        name,
        method === 'POST' ? 201 : 200,
      ])
  }
  for (const path of ['/api/projects', '/api/auth/tokens'])
    expect((await callgate.admin('POST', path, { slug: 'unnamed' })).json.detail).toBe('name is missing.')
})
