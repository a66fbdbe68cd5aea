import { expect, test } from 'bun:test'
import type { World } from './world.ts'

export function describing(world: World): void {
  test('the server tells its name, and only the extensions that it has', async () => {
    const { status, headers, json } = await world.call('/v2')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json')
    expect(json).toEqual({
      name: 'callgate',
      version: expect.any(String),
      extensions: ['model_repository', 'model_configuration', 'statistics', 'binary_tensor_data'],
    })
  })

  test('live and ready say so in the body', async () => {
    expect(await world.call('/v2/health/live')).toMatchObject({ status: 200, json: { live: true } })
    expect(await world.call('/v2/health/ready')).toMatchObject({ status: 200, json: { ready: true } })
    expect(await world.call('/v2/models/iris/ready')).toMatchObject({
      status: 200,
      json: { name: 'iris', ready: true },
    })
  })

  test('metadata names tensors, datatypes and shapes, -1 where any length goes', async () => {
    expect((await world.call('/v2/models/joined')).json).toEqual({
      name: 'joined',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [
        { name: 'a', datatype: 'FP64', shape: [-1] },
        { name: 'b', datatype: 'FP64', shape: [-1] },
      ],
      outputs: [{ name: 'c', datatype: 'FP64', shape: [-1] }],
    })
    expect((await world.call('/v2/models/image')).json.inputs).toEqual([
      { name: 'x', datatype: 'UINT8', shape: [-1, 3, 2] },
    ])
  })

  test('versions are strings; each answers under its number, the active one without', async () => {
    expect((await world.call('/v2/models/plus')).json.versions).toEqual(['1', '2'])
    expect((await world.call('/v2/models/plus/versions/1')).json.versions).toEqual(['1'])
    expect((await world.call('/v2/models/plus/versions/1/ready')).json).toEqual({ name: 'plus', ready: true })
    const one = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [0, 10] }] }
    const first = await world.infer('plus', one, { version: 1 })
    const active = await world.infer('plus', one)
    expect([first.json.model_version, first.json.outputs[0].data]).toEqual(['1', [1, 11]])
    expect([active.json.model_version, active.json.outputs[0].data]).toEqual(['2', [2, 12]])
  })

  test('a pinned endpoint serves its version and no other', async () => {
    expect((await world.call('/v2/models/pinned')).json.versions).toEqual(['1'])
    expect((await world.call('/v2/models/pinned/versions/2')).status).toBe(404)
  })

  test.each(['0', '3', '99999', '01', '-1', '1e0', 'latest', '%31%', '99999999999999999999'])(
    'there is no version %s',
    async version => {
      for (const action of ['', '/ready', '/config', '/stats']) {
        const { status, json } = await world.call(`/v2/models/plus/versions/${version}${action}`)
        expect([status, Object.keys(json)]).toEqual([404, ['error']])
      }
    },
  )

  test('the configuration has Triton names of types, and the dimensions of a row where rows stack', async () => {
    expect((await world.call('/v2/models/iris/config')).json).toMatchObject({
      name: 'iris',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      max_batch_size: expect.any(Number),
      input: [{ name: 'X', data_type: 'TYPE_FP32', dims: [4] }],
      output: [
        { name: 'output_label', data_type: 'TYPE_INT64', dims: [] },
        { name: 'output_probability', data_type: 'TYPE_FP32', dims: [3] },
      ],
    })
    const fixed = (await world.call('/v2/models/fixed/config')).json
    expect([fixed.max_batch_size, fixed.input[0].dims]).toEqual([0, [3, 2]])
    expect((await world.call('/v2/models/text/versions/1/config')).json.input[0].data_type).toBe('TYPE_STRING')
  })

  test('statistics count rows, successes and failures of a version', async () => {
    const stats = async () => (await world.call('/v2/models/difference/stats')).json.model_stats[0]
    const before = await stats()
    const pair = (name: string, rows: number) => ({
      name,
      datatype: 'FP64',
      shape: [rows, 1],
      data: Array(rows).fill(1),
    })
    await world.infer('difference', { inputs: [pair('a', 3), pair('b', 3)] })
    await world.infer('difference', { inputs: [pair('a', 3)] })
    const after = await stats()
    expect(after).toMatchObject({ name: 'difference', version: '1' })
    expect(after.inference_count - before.inference_count).toBe(3)
    expect(after.execution_count - before.execution_count).toBe(1)
    expect(after.inference_stats.success.count - before.inference_stats.success.count).toBe(1)
    expect(after.inference_stats.fail.count - before.inference_stats.fail.count).toBe(1)
    expect(after.inference_stats.compute_infer.ns).toBeGreaterThan(before.inference_stats.compute_infer.ns)
    expect(Math.abs(Date.now() - after.last_inference)).toBeLessThan(60_000)
    for (const part of ['queue', 'compute_input', 'compute_output'])
      expect(after.inference_stats[part]).toEqual({ count: expect.any(Number), ns: expect.any(Number) })
    const all = (await world.call('/v2/models/stats')).json.model_stats
    expect(all).toContainEqual(after)
    expect(all.filter((one: { name: string }) => one.name === 'plus')).toHaveLength(2)
    expect((await world.call('/v2/models/plus/versions/1/stats')).json.model_stats).toHaveLength(1)
  })

  test('a name with a slash and a space is one model, encoded or not', async () => {
    for (const path of ['with%20space/slash', 'with%20space%2Fslash', 'bench.with%20space/slash']) {
      expect((await world.call(`/v2/models/${path}/ready`)).status).toBe(200)
      expect((await world.call(`/v2/models/${path}/versions/1`)).json.versions).toEqual(['1'])
    }
  })

  test("Triton's extensions that are not here are named in the refusal", async () => {
    for (const [method, path, extension] of [
      ['GET', '/v2/systemsharedmemory/status', 'systemsharedmemory'],
      ['POST', '/v2/cudasharedmemory/region/r/register', 'cudasharedmemory'],
      ['GET', '/v2/trace/setting', 'trace'],
      ['POST', '/v2/logging', 'logging'],
    ] as const)
      expect(await world.call(path, { method })).toMatchObject({
        status: 404,
        json: { error: `Triton's ${extension} extension is not part of this server.` },
      })
  })

  test('what is not there is 404 with an error, the wrong method 405', async () => {
    for (const path of ['/v2/nothing', '/v2/models/nope', '/v2/models/nope/ready', '/v2/models/%ff', '/v2/logging'])
      expect(await world.call(path)).toMatchObject({ status: 404, json: { error: expect.any(String) } })
    for (const [method, path] of [
      ['GET', '/v2/models/iris/infer'],
      ['GET', '/v2/repository/index'],
      ['POST', '/v2/models/iris'],
      ['DELETE', '/v2/health/live'],
      ['GET', '/v1/models/iris:predict'],
    ] as const) {
      const { status, headers, json } = await world.call(path, { method })
      expect([status, typeof json.error]).toEqual([405, 'string'])
      expect(headers.get('allow')).toBeTruthy()
    }
  })
}
