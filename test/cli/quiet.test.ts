/** What a Callgate prints holds no secret and no row's value, and what it writes stays in its directories. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, FIXTURES, startCallgate, temporaryFolder } from '../harness.ts'
import { sigkill, workersOf } from '../life/processes.ts'

setDefaultTimeout(180_000)

afterAll(cleanUp)

/** Values that are in rows, in requests, in refused files: none of them may ever be printed. */
const VALUES = [
  'Xanthippe',
  'xanthippe@example.org',
  'needle-in-a-filter',
  'needle-in-a-path',
  'needle-in-a-body',
  'needle-in-a-file',
]
const PASSWORD = 'needle-in-a-password'

// the executable only: from source Bun keeps what it transpiled
describe('the executable', () => {
  test('prints no key, token, password or value in a mixed run at the most talkative level, and writes nothing elsewhere', async () => {
    const folder = temporaryFolder()
    const at = (name: string) => join(folder, name)
    for (const name of ['home', 'tmp']) mkdirSync(at(name))
    writeFileSync(at('people.csv'), `id,name,mail\n1,${VALUES[0]},${VALUES[1]}\n2,b,c@example.org\n`)
    writeFileSync(
      at('many.csv'),
      `id,one,name\n${Array.from({ length: 6000 }, (_, i) => `${i},1,${VALUES[0]}-${i}`).join('\n')}\n`,
    )
    const [key, token] = [mintSecret('dk'), mintSecret('hf')]
    const manifest = {
      projects: [
        {
          slug: 'quiet',
          datasets: [
            { name: 'q.people', from: at('people.csv'), primary_key: 'id', columns: { mail: { sensitivity: 'low' } } },
            { name: 'q.many', from: at('many.csv'), primary_key: 'id' },
          ],
          models: [{ name: 'late', versions: [{ version: 1, file: join(FIXTURES, 'models/late_arrival.onnx') }] }],
          services: [
            {
              key: 'quiet',
              publish: true,
              endpoints: [
                { id: 'person', kind: 'lookup', dataset: 'q.people', key_column: 'name', key_param: 'name' },
                { id: 'late', kind: 'model', model: 'late' },
                {
                  id: 'pairs',
                  kind: 'sql',
                  query: {
                    source: { schema: 'q', table: 'many' },
                    joins: [{ schema: 'q', table: 'many', as: 'o', on: [{ left: 'one', right: 'one' }] }],
                    columns: ['name'],
                    filters: [{ column: 'name', op: 'ne', param: 'not' }],
                    order_by: [{ column: 'o.name' }],
                  },
                },
              ],
              keys: [{ name: 'quiet', secret_env: 'QUIET_KEY' }],
            },
          ],
        },
      ],
    }
    const env = {
      CALLGATE_ADMIN_TOKEN: token,
      CALLGATE_ADMIN_PASSWORD: PASSWORD,
      CALLGATE_RUNTIME_DIR: at('runtime'),
      QUIET_KEY: key,
      HOME: at('home'),
      TMPDIR: at('tmp'),
    }
    const flags = ['--log-level', 'debug', '--request-timeout', '2s', '--scoring-workers', '1']
    const callgate = await startCallgate({ target: 'executable', manifest, env, flags })
    const secrets = [key, token, PASSWORD]
    const statuses: number[] = []
    const call = async (path: string, init: Parameters<typeof callgate.call>[1] = {}) => {
      const answer = await callgate.call(path, init)
      statuses.push(answer.status)
      return answer
    }
    const admin = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      call(path, { method, body, headers: { authorization: `Bearer ${token}`, ...headers } })
    const service = '/api/service/quiet'

    expect((await call(`${service}/person?name=${VALUES[0]}`, { key })).json.rows[0].mail).toBe(VALUES[1])
    await call(`${service}/person?name=${VALUES[2]}&${VALUES[2]}=1`, { key })
    await call(`${service}/${VALUES[3]}?${VALUES[3]}`, {
      key,
      headers: { 'x-request-id': `${VALUES[3]} it is`, referer: VALUES[3]! },
    })
    for (const bad of [mintSecret('dk'), `dk_${VALUES[4]}`]) {
      secrets.push(bad)
      await call(`${service}/person?name=x`, { key: bad })
      await call(`${service}/person?name=x`, { headers: { authorization: `ApiKey ${bad}` } })
      await call('/api/projects', { headers: { authorization: `Bearer ${bad}` } })
    }
    const features = { month: 7, hour: 20, distance: 872, carrier: VALUES[4], origin: 'EWR', dest: 'STL' }
    await call(`${service}/late`, { key, body: { features } })
    await call(`${service}/late`, { key, body: { features: { ...features, hour: VALUES[4] } } })
    await call(`${service}/late`, {
      key,
      body: `{"features": ${VALUES[4]}`,
      headers: { 'content-type': 'application/json' },
    })
    for (const password of [PASSWORD, VALUES[4]]) {
      const { json } = await call('/api/auth/login', {
        body: { username: password === PASSWORD ? 'admin' : VALUES[4], password },
      })
      if (json.access_token) secrets.push(json.access_token, json.access_token.split('.')[2])
    }
    const { asset, project } = await ids(admin)
    const scope = { 'x-project-id': String(project) }
    const minted = await admin('POST', `/api/publish/assets/${asset}/api-keys`, {
      name: 'm',
      row_scope: { name: [VALUES[0]] },
    })
    secrets.push(minted.json.key, (await admin('POST', '/api/auth/tokens', { name: 't' })).json.token)
    await admin('POST', `/api/publish/assets/${asset}/api-keys/${minted.json.id}/rotate`, {})
    await admin('POST', '/api/users', { username: 'other', password: VALUES[4] })
    await call(`${service}/person?name=${VALUES[0]}`, { key: minted.json.key })
    for (const [name, text] of [
      ['bad.csv', `id,n\n1,2\n1,${VALUES[5]}\n2,2,${VALUES[5]}\n`],
      ['bad.parquet', VALUES[5]!],
      ['bad.json', `[{"a": ${VALUES[5]}`],
      ['twice.csv', `id\n${VALUES[5]}\n${VALUES[5]}\n`],
    ] as const) {
      const form = new FormData()
      form.set('file', new File([text], name))
      form.set('primary_key', 'id')
      await admin('POST', '/api/datasets/file/upload', form, scope)
    }
    const notModel = new FormData()
    notModel.set('file', new File([VALUES[5]!], 'bad.onnx'))
    await admin('POST', '/api/models', notModel, scope)
    // what the log is for: a call past its deadline, a lost worker, and what was served of a file that is gone
    expect((await call(`${service}/pairs?not=${VALUES[2]}`, { key })).status).toBe(504)
    for (const worker of workersOf(callgate.process.pid)) sigkill(worker.pid)
    await call(`${service}/late`, { key, body: { features } })

    expect([...new Set(statuses)].sort()).toEqual(expect.arrayContaining([200, 201, 400, 401, 404, 422, 504]))
    expect(await callgate.stop()).toBe(0)
    const output = callgate.output()
    expect(output).toMatch(/"level":"debug"/)
    for (const text of [...secrets, ...VALUES]) expect(output).not.toContain(text)
    expect(output).not.toMatch(/dk_\w{10}|hf_\w{10}|argon2|SELECT /)
    expect(['home', 'tmp'].flatMap(name => readdirSync(at(name)))).toEqual([])
    expect(readdirSync(dirname(callgate.dataDir)).sort()).toEqual(['callgate.yaml', 'data']) // where it was started
    // stored as hashes: neither the catalog nor its journal holds a secret
    const stored = readFileSync(join(callgate.dataDir, 'catalog.db'), 'latin1')
    for (const secret of secrets) expect(stored.includes(secret)).toBe(false)
  })
})

async function ids(
  admin: (method: string, path: string) => Promise<{ json: { id: number; asset_key: string; project_id: number }[] }>,
) {
  const [asset] = (await admin('GET', '/api/publish/assets')).json
  return { asset: asset!.id, project: asset!.project_id }
}
