/** Bodies of many rows, whatever way they take to the scoring processes. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder } from '../harness.ts'
import { buildModel, slowModel } from '../scoring/onnx-builder.ts'

/** Rows that are scored at once at most. */
const LIMIT = 512
/** y = i, or i + 1,000,000 where more rows than that are scored at once. */
const crowded = () =>
  buildModel({
    inputs: [{ name: 'i', type: 'int64', dims: ['N'] }],
    outputs: [{ name: 'y', type: 'int64', dims: ['N'] }],
    initializers: [
      { name: 'limit', type: 'int64', dims: [1], values: [LIMIT] },
      { name: 'million', type: 'int64', dims: [1], values: [1_000_000] },
    ],
    nodes: [
      { op: 'Shape', inputs: ['i'], outputs: ['rows'] },
      { op: 'Greater', inputs: ['rows', 'limit'], outputs: ['over'] },
      { op: 'Cast', inputs: ['over'], outputs: ['one'], attributes: [{ name: 'to', int: 7 }] },
      { op: 'Mul', inputs: ['one', 'million'], outputs: ['more'] },
      { op: 'Add', inputs: ['i', 'more'], outputs: ['y'] },
    ],
  })

const key = mintSecret('dk')
let callgate: Callgate
beforeAll(async () => {
  const folder = temporaryFolder()
  const models = Object.entries({ crowded: crowded(), singly: slowModel(300, 12) }).map(([name, bytes]) => {
    const file = join(folder, `${name}.onnx`)
    writeFileSync(file, bytes)
    return { name, versions: [{ version: 1, file }] }
  })
  const endpoints = models.map(({ name }) => ({ id: name, kind: 'model', model: name }))
  callgate = await startCallgate({
    env: { KEY: key },
    flags: ['--scoring-workers', '1'],
    manifest: {
      projects: [
        {
          slug: 'rows',
          models,
          services: [{ key: 'rows', publish: true, endpoints, keys: [{ name: 'rows', secret_env: 'KEY' }] }],
        },
      ],
    },
  })
})
afterAll(cleanUp)

const ask = (id: string, body: object, signal?: AbortSignal) =>
  fetch(`${callgate.url}/api/service/rows/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify(body),
    signal,
  })

test('are scored in parts, as many rows at once as may be, where rows are independent', async () => {
  for (const count of [1, LIMIT, LIMIT + 1, 5000, 50_000]) {
    const rows = Array.from({ length: count }, (_, i) => ({ i }))
    const answer = (await (await ask('crowded', { rows })).json()) as { predictions: number[]; count: number }
    expect(answer.count).toBe(count)
    expect(answer.predictions.findIndex((y, i) => y !== i)).toBe(-1)
  }
})

test('that a model takes one by one are not scored to the end when their caller has gone', async () => {
  const one = async () => {
    const started = performance.now()
    expect((await ask('singly', { features: { x: 1 } })).status).toBe(200)
    return performance.now() - started
  }
  await one()
  const single = await one()
  const rows = Array.from({ length: 300 }, () => ({ x: 1 }))
  await Promise.all([1, 2, 3].map(() => ask('singly', { rows }, AbortSignal.timeout(250)).catch(() => undefined)))
  expect(await one()).toBeLessThan(Math.max(1500, single * 40)) // of 900
})
