/** Names that mean something to JavaScript or to SQL, all the way from a file to an answer. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder } from '../harness.ts'

const NAMES = ['__proto__', 'constructor', 'toString', 'a"b', '"; DROP TABLE data; --', "o'clock", 'a.b', 'rowid']
const key = mintSecret('dk')
let callgate: Callgate
let projectId: string

beforeAll(async () => {
  const file = join(temporaryFolder(), 'odd.csv')
  const header = ['id', ...NAMES.map(name => `"${name.replaceAll('"', '""')}"`)]
  await Bun.write(file, `${header.join()}\n1,${NAMES.map((_, i) => `protected-${i}`).join()}\n`)
  const service = {
    key: 'odd',
    publish: true,
    endpoints: [
      { id: '__proto__', kind: 'lookup', dataset: 'm.odd', key_column: 'id', key_param: 'constructor' },
      {
        id: "x' OR 1=1 --",
        kind: 'sql',
        query: {
          source: { schema: 'm', table: 'odd' },
          columns: NAMES.map((column, i) => ({ column, as: NAMES[(i + 1) % NAMES.length] })),
          filters: [{ column: 'id', param: '__proto__' }],
          order_by: NAMES.map(column => ({ column })),
        },
      },
    ],
    keys: [{ name: 'app', secret_env: 'ODD_KEY', sensitivity_max: 'high' }],
  }
  const columns = Object.fromEntries(NAMES.map(name => [name, { sensitivity: 'high', mask: 'last4' }]))
  const datasets = [{ name: 'm.odd', from: file, primary_key: 'id', columns }]
  callgate = await startCallgate({
    manifest: { projects: [{ slug: 'p', datasets, services: [service] }] },
    env: { ODD_KEY: key },
  })
  projectId = String((await callgate.admin('GET', '/api/projects')).json.items[0].project_id)
})
afterAll(cleanUp)

const call = (endpoint: string, query: string) =>
  callgate.call(`/api/service/odd/${encodeURIComponent(endpoint)}?${query}`, { key })

describe('they are names like any other', () => {
  test('of columns, with their policy', async () => {
    const { status, json, text } = await call('__proto__', 'constructor=1')
    expect(status).toBe(200)
    expect(NAMES.map(name => json.rows[0][name])).toEqual(NAMES.map((_, i) => `***ed-${i}`))
    expect(text).not.toContain('protected')
  })
  test('of aliases, endpoints and parameters', async () => {
    const { status, json, text } = await call("x' OR 1=1 --", '__proto__=1')
    expect(status).toBe(200)
    expect(json.columns.map((c: { name: string }) => c.name)).toEqual(
      NAMES.map((_, i) => NAMES[(i + 1) % NAMES.length]),
    )
    expect(Object.keys(json.rows[0]).sort()).toEqual([...NAMES].sort())
    expect(text).not.toContain('protected')
  })
  test('and where they are none, nothing is found by them', async () => {
    expect((await call('toString', '')).status).toBe(404)
    expect((await call('__proto__', 'toString=1')).status).toBe(400)
    expect((await callgate.call('/api/service/constructor/__proto__', { key })).status).toBe(404)
    const injected = await call('__proto__', `constructor=${encodeURIComponent('1 OR 1=1')}`)
    expect([injected.status, injected.json.detail]).toEqual([422, 'constructor must be an integer.'])
  })
})

test('a name that the engine would give back under another one is refused at publish: no mask is passed that way', async () => {
  for (const [i, as] of ['\ud800', 'x\udfff', 'a\0b'].entries()) {
    const query = { source: { schema: 'm', table: 'odd' }, columns: [{ column: 'constructor', as }] }
    const body = {
      asset_type: 'api_service',
      asset_key: `bad-${i}`,
      config: { endpoints: [{ id: 'e', kind: 'sql', query }] },
    }
    const { json } = await callgate.admin('POST', '/api/publish/assets', body, { 'x-project-id': projectId })
    const published = await callgate.admin('POST', `/api/publish/assets/${json.id}/publish`, {})
    expect(published.status).toBe(422)
    expect(published.json.detail).toEndWith('cannot be the name of a column.')
    expect(published.text).not.toMatch(/sqlite|SELECT|protected/i)
  }
})
