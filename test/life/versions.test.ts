/** Versions of a model under load, and what a caller who leaves costs. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { buildModel, slowModel } from '../scoring/onnx-builder.ts'

const key = mintSecret('dk')
let callgate: Callgate
let scope: Record<string, string>

/** y = x + n */
function plus(n: number): string {
  const path = join(temporaryFolder(), `plus-${n}.onnx`)
  writeFileSync(
    path,
    buildModel({
      inputs: [{ name: 'x', type: 'float', dims: ['N', 1] }],
      outputs: [{ name: 'y', type: 'float', dims: ['N', 1] }],
      initializers: [{ name: 'n', type: 'float', dims: [1], values: [n] }],
      nodes: [{ op: 'Add', inputs: ['x', 'n'], outputs: ['y'] }],
    }),
  )
  return path
}

beforeAll(async () => {
  const slow = join(temporaryFolder(), 'slow.onnx')
  writeFileSync(slow, slowModel())
  callgate = await startCallgate({
    env: { KEY: key },
    manifest: {
      projects: [
        {
          slug: 'versions',
          models: [
            { name: 'plus', versions: [{ version: 1, file: plus(1) }] },
            { name: 'slow', versions: [{ version: 1, file: slow }] },
          ],
          services: [
            {
              key: 'v',
              publish: true,
              endpoints: [
                { id: 'plus', kind: 'model', model: 'plus' },
                { id: 'slow', kind: 'model', model: 'slow' },
                {
                  id: 'checked',
                  kind: 'model',
                  model: 'plus',
                  schema: {
                    properties: { x: { type: 'number', minimum: 0 }, when: { type: 'string', format: 'date' } },
                  },
                },
              ],
            },
          ],
          keys: [{ name: 'all', secret_env: 'KEY' }],
        },
      ],
    },
  })
  const projects = await callgate.admin('GET', '/api/projects')
  scope = { 'x-project-id': String(projects.json.items[0].project_id) }
})
afterAll(cleanUp)

async function upload(path: string, version: number) {
  const form = new FormData()
  form.set('file', Bun.file(path))
  form.set('name', 'plus')
  form.set('version', String(version))
  return callgate.admin('POST', '/api/models', form, scope)
}
const idOf = async (version: number): Promise<number> => {
  const { json } = await callgate.admin('GET', '/api/models?name=plus', undefined, scope)
  return json.models[0].versions.find((v: { version: number }) => v.version === version).model_id
}
const activate = async (version: number) => callgate.admin('POST', `/api/models/${await idOf(version)}/activate`)
const call = (x: number) => callgate.call('/api/service/v/plus', { key, body: { features: { x } } })

test('versions come, take over and are rolled back under load without a failed or a mixed-up call', async () => {
  expect((await upload(plus(1000), 2)).status).toBe(201)
  const [first, second] = [await idOf(1), await idOf(2)]
  let done = false
  const seen = new Map<number, number>()
  const calling = Promise.all(
    Array.from({ length: 16 }, async (_, caller) => {
      for (let i = 0; !done; i++) {
        const x = caller * 100 + (i % 100)
        const answer = await call(x)
        if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`)
        const added = answer.json.predictions[0] - x
        if (added !== 1 && added !== 1000) throw new Error(`${x} became ${answer.json.predictions[0]}`)
        if (answer.json.model_id !== (added === 1 ? first : second))
          throw new Error('the model_id is of another version')
        seen.set(added, (seen.get(added) ?? 0) + 1)
      }
    }),
  )
  for (const version of [2, 1, 2, 1, 2]) {
    // the version that is active has calls before another takes its place
    const called = (seen.get(1) ?? 0) + (seen.get(1000) ?? 0)
    await waitFor(() => (seen.get(1) ?? 0) + (seen.get(1000) ?? 0) > called + 16 || undefined)
    expect((await activate(version)).status).toBe(200)
    expect((await call(5)).json.predictions).toEqual([version === 1 ? 6 : 1005])
  }
  done = true
  await calling
  expect(seen.get(1)).toBeGreaterThan(0)
  expect(seen.get(1000)).toBeGreaterThan(0)
})

test('every version answers by its number at the model doors, whichever is active', async () => {
  const infer = async (version: string) => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }]
    const { json } = await callgate.call(`/v2/models/plus${version}/infer`, { key, body: { inputs } })
    return [json.model_version, json.outputs[0].data[0]]
  }
  expect(await infer('')).toEqual(['2', 1001])
  expect(await infer('/versions/1')).toEqual(['1', 2])
  expect(await infer('/versions/2')).toEqual(['2', 1001])
})

test('the same bytes under their number change nothing; other bytes, also after a delete, are refused', async () => {
  const before = await callgate.admin('GET', '/api/models?name=plus', undefined, scope)
  expect((await upload(plus(1000), 2)).status).toBe(200)
  expect((await upload(plus(7), 2)).status).toBe(409)
  expect((await callgate.admin('GET', '/api/models?name=plus', undefined, scope)).json).toEqual(before.json)
  expect((await upload(plus(7), 3)).status).toBe(201)
  expect((await callgate.admin('DELETE', `/api/models/${await idOf(3)}`)).status).toBe(200)
  expect((await upload(plus(8), 3)).status).toBe(409)
  expect((await upload(plus(7), 3)).status).toBe(201)
})

test('the active version with siblings cannot be deleted', async () => {
  expect((await callgate.admin('DELETE', `/api/models/${await idOf(2)}`)).status).toBe(409)
  expect((await call(1)).json.predictions).toEqual([1001])
})

test("an endpoint's JSON Schema is enforced at every door, and names the row and the feature, not the value", async () => {
  const own = await callgate.call('/api/service/v/checked', { key, body: { rows: [{ x: 1 }, { x: -77123 }] } })
  expect(own.status).toBe(422)
  expect(own.json.errors).toEqual([{ row: 1, feature: 'x', message: expect.stringContaining('>= 0') }])
  expect(own.text).not.toContain('77123')
  const dated = await callgate.call('/api/service/v/checked', { key, body: { features: { x: 1, when: 'yesterday' } } })
  expect([dated.status, dated.json.errors[0].feature]).toEqual([422, 'when'])
  const v1 = await callgate.call('/v1/models/checked:predict', { key, body: { instances: [{ x: -77123 }] } })
  expect([v1.status, v1.text.includes('77123')]).toEqual([400, false])
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [-77123] }]
  const v2 = await callgate.call('/v2/models/checked/infer', { key, body: { inputs } })
  expect([v2.status, v2.text.includes('77123')]).toEqual([400, false])
  const good = await callgate.call('/api/service/v/checked', { key, body: { features: { x: 1, when: '2024-02-29' } } })
  expect(good.json.predictions).toEqual([1001])
})

test('callers who leave cost nobody anything: what they asked for is not scored', async () => {
  const slow = () =>
    fetch(`${callgate.url}/api/service/v/slow`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify({ features: { x: 1 } }),
      signal: AbortSignal.timeout(300),
    }).catch(() => undefined)
  const started = performance.now()
  expect((await callgate.call('/api/service/v/slow', { key, body: { features: { x: 1 } } })).status).toBe(200)
  const one = performance.now() - started
  await Promise.all(Array.from({ length: 30 }, slow))
  const waited = performance.now()
  expect((await call(2)).json.predictions).toEqual([1002])
  // had the thirty been scored, this call would have stood behind them
  expect(performance.now() - waited).toBeLessThan(Math.max(3000, one * 8))
})
