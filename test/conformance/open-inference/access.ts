import { expect, test } from 'bun:test'
import { mintSecret } from '../../../src/lib/secret.ts'
import type { World } from './world.ts'

const X = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }
const IRIS = { inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data: [5, 3, 1, 0.2] }] }

export function access(world: World): void {
  test('everything needs a key, but for a public model', async () => {
    for (const path of [
      '/v2',
      '/v2/health/live',
      '/v2/models',
      '/v2/models/stats',
      '/v2/models/plus',
      '/v1/models',
      '/v2/zzz',
    ]) {
      const { status, headers, json } = await world.call(path, { key: null })
      expect([status, Object.keys(json), headers.get('content-type')]).toEqual([401, ['error'], 'application/json'])
      expect(headers.get('www-authenticate')).toBeTruthy()
    }
    expect((await world.infer('iris', IRIS, { key: null })).status).toBe(200)
    expect((await world.call('/v2/models/garden.iris', { key: null })).json.name).toBe('garden.iris')
    expect((await world.post('/v1/models/iris:predict', { instances: [[5, 3, 1, 0.2]] }, null)).json).toEqual({
      predictions: [0],
    })
  })

  test('a bad key is 401 on a public model too', async () => {
    expect((await world.infer('iris', IRIS, { key: mintSecret('dk') })).status).toBe(401)
    expect((await world.infer('iris', IRIS, { key: 'dk_short' })).status).toBe(401)
  })

  test('a known model out of reach is 403, an unknown one 404', async () => {
    const { other, limited } = world.keys
    for (const key of [other, limited]) {
      expect(await world.infer('every', X, { key })).toMatchObject({ status: 403, json: { error: expect.any(String) } })
      expect((await world.infer('nope', X, { key })).status).toBe(404)
      expect((await world.infer('iris', IRIS, { key })).status).toBe(200)
    }
    expect((await world.infer('plus', X, { key: limited })).status).toBe(200)
  })

  test('the lists hold what the caller reaches, under the longer name where ids clash', async () => {
    const list = async (key: string) => (await world.call('/v2/models', { key })).json.models
    const mine = await list(world.keys.lab)
    expect(mine).toContain('bench.twin')
    expect(mine).toContain('spare.twin')
    expect(mine).not.toContain('twin')
    expect(mine).toContain('iris')
    expect((await list(world.keys.limited)).toSorted()).toEqual(['iris', 'plus'])
    expect(await list(world.keys.other)).toEqual(['iris'])
    expect((await world.call('/v1/models', { key: world.keys.other })).json).toEqual({ models: ['iris'] })
    const index = await world.call('/v2/repository/index', { method: 'POST', key: world.keys.limited })
    expect(index.json).toContainEqual({ name: 'plus', version: '2', state: 'READY', reason: '' })
    expect(new Set(index.json.map((row: { name: string }) => row.name))).toEqual(new Set(['iris', 'plus']))
  })

  test('an ambiguous name is 400 and says which there are', async () => {
    const { status, json } = await world.infer('twin', X)
    expect(status).toBe(400)
    expect(json.error).toContain('bench.twin')
    expect((await world.infer('spare.twin', X)).json).toMatchObject({ model_name: 'spare.twin', model_version: '1' })
  })

  test('over its rate a key gets 429 and when to come back', async () => {
    const answers = []
    for (let i = 0; i < 3; i++) answers.push(await world.infer('plus', X, { key: world.keys.slow }))
    expect(answers.map(answer => answer.status)).toEqual([200, 200, 429])
    expect(answers[0]!.headers.get('ratelimit')).toContain('r=1')
    expect(Number(answers[2]!.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Object.keys(answers[2]!.json)).toEqual(['error'])
  })
}
