import { expect, test } from 'bun:test'
import type { World } from './world.ts'

const X = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }

export function repository(world: World): void {
  const { manager, lab, other } = world.keys
  const act = (model: string, action: 'load' | 'unload', body: unknown = {}, key: string | null = manager) =>
    world.post(`/v2/repository/models/${model}/${action}`, body, key)
  const state = async (body?: string) => {
    const { json } = await world.call('/v2/repository/index', { method: 'POST', body })
    return json.filter((row: { name: string }) => row.name === 'plus')
  }

  test('unloading takes the name away at the model doors alone; loading brings it back', async () => {
    expect(await act('plus', 'unload', { parameters: { unload_dependents: false } })).toMatchObject({
      status: 200,
      json: { name: 'plus', unload: true },
    })
    try {
      for (const path of ['/v2/models/plus/ready', '/v1/models/plus', '/v2/models/bench.plus/ready'])
        expect(await world.call(path)).toMatchObject({ status: 404, json: { ready: false, error: expect.any(String) } })
      for (const path of ['/v2/models/plus', '/v2/models/plus/config', '/v2/models/plus/versions/1/stats'])
        expect(await world.call(path)).toMatchObject({ status: 404, json: { error: expect.any(String) } })
      expect((await world.infer('plus', X)).status).toBe(404)
      expect((await world.post('/v1/models/plus:predict', { instances: [[1, 2]] })).status).toBe(404)
      expect((await world.call('/v2/models')).json.models).not.toContain('plus')
      expect(await state()).toEqual([
        { name: 'plus', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' },
        { name: 'plus', version: '2', state: 'UNAVAILABLE', reason: 'unloaded' },
      ])
      expect(await state('{"ready":true}')).toEqual([])
      const service = await world.post('/api/service/bench/plus', { features: { x: [1, 2] } })
      expect([service.status, service.json.predictions]).toEqual([200, [[3, 4]]])
      expect((await world.infer('pinned', X)).status).toBe(200)
    } finally {
      expect(await act('plus', 'load')).toMatchObject({ status: 200, json: { name: 'plus', load: true } })
    }
    expect((await world.call('/v2/models/plus/ready')).json).toEqual({ name: 'plus', ready: true })
    expect((await world.infer('plus', X)).status).toBe(200)
    expect((await state())[0].state).toBe('READY')
  })

  test('it takes a key that may manage models: 403 for others, 401 without one', async () => {
    for (const action of ['load', 'unload'] as const) {
      expect((await act('plus', action, {}, lab)).status).toBe(403)
      expect((await act('plus', action, {}, other)).status).toBe(403)
      expect((await act('plus', action, {}, null)).status).toBe(401)
      expect((await act('iris', action, {}, null)).status).toBe(401)
      expect((await act('iris', action, {}, other)).status).toBe(403)
    }
    expect((await world.call('/v2/models/plus/ready')).status).toBe(200)
  })

  test('an unknown model is an error, and so are files and configurations', async () => {
    for (const action of ['load', 'unload'] as const)
      expect(await act('nope', action)).toMatchObject({ status: 404, json: { error: expect.any(String) } })
    expect((await act('plus', 'load', { parameters: { config: '{}' } })).status).toBe(400)
    expect((await act('plus', 'load', { parameters: { 'file:1/model.onnx': 'AAAA' } })).status).toBe(400)
    expect((await act('plus', 'load', [])).status).toBe(400)
    expect((await act('twin', 'unload')).status).toBe(400)
  })

  test('what is deleted and made anew under its name is loaded, and has inferred nothing yet', async () => {
    const { server, keys } = world
    const { items } = (await server.admin('GET', '/api/projects')).json
    const lab = items.find((project: { slug: string }) => project.slug === 'lab')
    const project = { 'x-project-id': String(lab.project_id) }
    const remake: Record<string, () => Promise<void>> = {
      async anew() {
        const endpoints = [{ id: 'anew', kind: 'model', model: 'plus' }]
        const fields = { asset_key: 'fleeting', asset_type: 'api_service', title: 'Fleeting', config: { endpoints } }
        const { json } = await server.admin('POST', '/api/publish/assets', fields, project)
        expect((await server.admin('POST', `/api/publish/assets/${json.id}/publish`, {}, project)).status).toBe(200)
        forget.push(() => server.admin('DELETE', `/api/publish/assets/${json.id}`, undefined, project))
      },
      async fleeting() {
        const path = `/api/projects/${lab.project_id}/deployments`
        expect((await server.admin('POST', path, { name: 'fleeting', model: 'plus' })).status).toBe(201)
        forget.push(() => server.admin('DELETE', `${path}/fleeting`))
      },
    }
    const forget: (() => Promise<{ status: number }>)[] = []
    for (const [model, make] of Object.entries(remake)) {
      const base = model === 'anew' ? '' : '/v1/lab/fleeting'
      const count = async () =>
        (await world.call(`${base}/v2/models/${model}/stats`)).json.model_stats.map(
          (one: { inference_count: number }) => one.inference_count,
        )
      await make()
      expect((await world.post(`${base}/v2/models/${model}/infer`, X)).status).toBe(200)
      expect(await count()).toEqual([0, 1])
      expect((await world.post(`${base}/v2/repository/models/${model}/unload`, {}, keys.manager)).status).toBe(200)
      expect((await world.call(`${base}/v2/models/${model}/ready`)).status).toBe(404)
      expect((await forget.pop()!()).status).toBeLessThan(300)
      await make()
      expect((await world.call(`${base}/v2/models/${model}/ready`)).json).toEqual({ name: model, ready: true })
      expect(await count()).toEqual([0, 0])
      await forget.pop()!()
    }
  })

  test('loading needs no body at all', async () => {
    const path = '/v2/repository/models/plus/load'
    expect((await world.call(path, { method: 'POST', key: manager })).status).toBe(200)
  })
}
