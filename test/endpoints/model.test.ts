/** Bodies of many rows, whatever way they take to the scoring processes. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adminGrant } from '../../src/catalog/grant.ts'
import { addVersion } from '../../src/catalog/models.ts'
import type { Call } from '../../src/endpoints/endpoint.ts'
import { compileEndpoint } from '../../src/endpoints/registry.ts'
import type { EndpointRuntime } from '../../src/endpoints/runtime.ts'
import { NO_PARAMS } from '../../src/lib/params.ts'
import { mintSecret } from '../../src/lib/secret.ts'
import { createScorer } from '../../src/scoring/scorer.ts'
import { ACTOR, openCatalog } from '../catalog/catalog-fixture.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { workersOf } from '../life/processes.ts'
import { modelsDirectory } from '../scoring/fixtures.ts'
import { buildModel, plusOne, slowModel } from '../scoring/onnx-builder.ts'

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

test('are scored in one process of their own with --scoring subprocess, where rows do not stack either', async () => {
  const models = await modelsDirectory()
  const catalog = openCatalog()
  const scorer = createScorer({ mode: 'subprocess', workers: 1 })
  try {
    const sizes = { opset: 17, nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }] }
    const [x, y] = ['x', 'y'].map(name => ({ name, type: 'float' as const, dims: [1, 2] }))
    const { model } = await models.add(buildModel({ ...sizes, inputs: [x!], outputs: [y!] }))
    const { sha256, metadata } = model
    addVersion(catalog.db, ACTOR, catalog.project.id, { name: 'one', sha256, size: 1, features: null, metadata })
    const runtime = { scorer, modelsDir: models.path } as EndpointRuntime
    const config = { id: 'one', kind: 'model', model: 'one' } as const
    const endpoint = compileEndpoint(config, catalog.db, catalog.project.id, runtime)
    const bytes = new TextEncoder().encode(JSON.stringify({ rows: [1, 2, 3].map(n => ({ x: [n, 5] })) }))
    const call = { params: NO_PARAMS, bytes, body: undefined, deadline: Date.now() + 30_000, caller: undefined }
    const reply = await endpoint.run(call as unknown as Call, adminGrant(catalog.project.id))
    expect(JSON.parse(reply as string)).toMatchObject({
      predictions: [
        [-1, -5],
        [-2, -5],
        [-3, -5],
      ],
      count: 3,
    })
    expect(scorer.stats().batches).toBe(1)
  } finally {
    await scorer.close()
    catalog.close()
    await models.remove()
  }
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

test('of a version that is removed while they wait are answered by it; calls after that are told that there is none', async () => {
  const folder = temporaryFolder()
  const file = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const versions = [plusOne(), crowded()].map((bytes, i) => ({ version: i + 1, file: file(`${i}.onnx`, bytes) }))
  const models = [
    { name: 'twice', versions, active: 2 },
    { name: 'slow', versions: [{ version: 1, file: file('slow.onnx', slowModel()) }] },
  ]
  const endpoints = models.map(({ name }) => ({ id: name, kind: 'model', model: name }))
  const server = await startCallgate({
    env: { KEY: key },
    // a process that has loaded a model does not miss its file
    flags: ['--scoring-workers', '1', '--model-loading', 'first-use'],
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
  const listed = (await server.admin('GET', '/api/models')).json.models
  const { versions: all } = listed.find((model: { name: string }) => model.name === 'twice')
  const first = all.find((one: { version: number }) => one.version === 1)
  // whatever is asked of it waits
  const [scoring] = workersOf(server.process.pid, 'score')
  process.kill(scoring!.pid, 'SIGSTOP')
  const slow = [1, 2].map(x =>
    server
      .call('/api/service/rows/slow', { method: 'POST', key, body: { features: { x } } })
      .then(({ status }) => status),
  )
  const infer = () =>
    server.call('/v2/models/twice/versions/1/infer', {
      method: 'POST',
      key,
      body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] },
    })
  const waiting = infer()
  await Bun.sleep(1500) // until the server has read it, which nothing tells
  expect((await server.admin('DELETE', `/api/models/${first.model_id}`)).status).toBe(200)
  expect((await infer()).status).toBe(404)
  process.kill(scoring!.pid, 'SIGCONT')
  expect(await Promise.all(slow)).toEqual([200, 200])
  const { status, json } = await waiting
  expect([status, json.outputs?.[0].data]).toEqual([200, [2, 3]])
  const kept = () => readdirSync(join(server.dataDir, 'models')).length
  await waitFor(() => kept() === 2 || undefined)
})
