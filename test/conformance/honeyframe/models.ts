import { expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { MODEL_ROW, type World } from './world.ts'

export function models(world: World): void {
  const json = { 'content-type': 'application/json' }
  const row = { month: 7, hour: 20, distance: 872, carrier: 'EV', origin: 'EWR', dest: 'STL' }

  test('a batch gives what its rows give one by one, in their order', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({ tenure: i * 3, plan: ['free', 'basic', 'premium'][i % 3]! }))
    const batch = (await world.score({ rows })).json
    expect(batch.count).toBe(40)
    const single = await Promise.all(rows.map(async features => (await world.score({ features })).json))
    expect(batch.predictions).toEqual(single.map(s => s.predictions[0]))
    for (const [i, s] of single.entries())
      expect(batch.probabilities[i].leaves).toBeCloseTo(s.probabilities[0].leaves, 5)
    expect(new Set(batch.predictions).size).toBe(2)
  })

  test('extra features are ignored, and refused where the endpoint is strict', async () => {
    expect((await world.score({ features: { ...MODEL_ROW, colour: 'red' } })).status).toBe(200)
    const id = await world.publish('strict', [{ id: 'm', kind: 'model', model: 'churn_risk', strict: true }])
    const { key } = await world.mint({}, id)
    const refused = await world.call('/api/service/strict/m', {
      key,
      body: { features: { ...MODEL_ROW, colour: 'red' } },
    })
    expect([refused.status, refused.json.errors]).toEqual([422, [{ feature: 'colour', message: expect.any(String) }]])
    expect(refused.text).not.toContain('red"')
  })

  test('what rows lack or have wrong is 422 with row and feature, without the values', async () => {
    const rows = [MODEL_ROW, { tenure: 'SECRET', plan: 'basic' }, { plan: 7 }, 'SECRET', { tenure: null, plan: null }]
    const { status, json, text } = await world.score({ rows })
    expect([status, json.code]).toEqual([422, 'unacceptable_rows'])
    expect(json.errors.map((e: { row: number; feature?: string }) => [e.row, e.feature])).toEqual([
      [1, 'tenure'],
      [2, 'tenure'],
      [2, 'plan'],
      [3, undefined],
      [4, 'plan'],
    ])
    expect(text).not.toContain('SECRET')
    const single = await world.score({ features: { tenure: 'SECRET', plan: 'basic' } })
    expect(single.json.errors).toEqual([{ feature: 'tenure', message: expect.any(String) }])
  })

  test('exactly one of features and rows, and rows not empty, else 422', async () => {
    for (const body of [
      {},
      [],
      null,
      'x',
      1,
      { features: MODEL_ROW, rows: [MODEL_ROW] },
      { rows: [] },
      { rows: MODEL_ROW },
      { features: [MODEL_ROW] },
      { features: null },
    ])
      expect((await world.score(JSON.stringify(body), json)).status, JSON.stringify(body)).toBe(422)
  })

  test('no JSON is 400, another type or encoding 415', async () => {
    for (const body of ['', '{', '{"features":', 'NaN', "{'features':1}", '\ufeff', '{"a":1}}'])
      expect((await world.score(body, json)).status, body).toBe(400)
    expect((await world.score(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), json)).status).toBe(400)
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
    ])
      expect((await world.score('{}', { 'content-type': type })).status, type).toBe(415)
    const good = JSON.stringify({ features: MODEL_ROW })
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'application/vnd.x+json',
    ])
      expect((await world.score(good, { 'content-type': type })).status, type).toBe(200)
  })

  test('a gzipped body is taken, a broken one is 400, one that swells over the limit is 413', async () => {
    const gzip = { ...json, 'content-encoding': 'gzip' }
    const body = new Uint8Array(gzipSync(JSON.stringify({ features: MODEL_ROW })))
    expect((await world.score(body, gzip)).json.predictions).toEqual(['stays'])
    expect((await world.score(body.slice(0, -8), gzip)).status).toBe(400)
    expect((await world.score('{}', gzip)).status).toBe(400)
    expect((await world.score(new Uint8Array(gzipSync('['.repeat(1_000_000))), gzip)).status).toBe(413)
  })

  test('integers beyond 2^53 go in and come out exactly, as JSON integers', async () => {
    const numbers = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '42']
    const body = `{"rows":[${numbers.map(n => `{"n":${n}}`).join(',')}]}`
    const answer = await world.serve('echo', { method: 'POST', body, headers: json })
    expect(answer.text).toContain(`"predictions":[${numbers.join(',')}]`)
    const dry = await world.admin('POST', `/api/api-services/${world.service}/endpoints/echo/test`, body, json)
    expect(dry.text).toContain(`"predictions":[${numbers.join(',')}]`)
    const over = await world.serve('echo', {
      method: 'POST',
      body: '{"features":{"n":9223372036854775808}}',
      headers: json,
    })
    expect(over.status).toBe(422)
    const fraction = await world.serve('echo', { method: 'POST', body: '{"features":{"n":1.5}}', headers: json })
    expect(fraction.status).toBe(422)
  })

  test('named columns of several types make one model', async () => {
    const answer = await world.serve('late', { body: { rows: [row, { ...row, hour: 6 }] } })
    expect(answer.json).toMatchObject({ count: 2, predictions: [expect.any(Number), expect.any(Number)] })
    const probabilities: Record<string, number> = answer.json.probabilities[0]
    expect(Object.keys(probabilities)).toEqual(['0', '1'])
    expect(probabilities['0']! + probabilities['1']!).toBeCloseTo(1, 5)
  })

  test('an endpoint can answer another output, or all of them', async () => {
    const id = await world.publish('outputs', [
      { id: 'p', kind: 'model', model: 'churn_risk', output: 'probabilities' },
      { id: 'all', kind: 'model', model: 'churn_risk', outputs: 'all' },
    ])
    const { key } = await world.mint({}, id)
    const ask = async (endpoint: string) =>
      (await world.call(`/api/service/outputs/${endpoint}`, { key, body: { features: MODEL_ROW } })).json
    expect((await ask('p')).predictions[0]).toHaveLength(2)
    const all = await ask('all')
    expect(all.predictions).toEqual(['stays'])
    expect(Object.values(all.outputs)).toContainEqual(['stays'])
  })

  test('an endpoint that names a model follows its active version; model_id and version are pinned', async () => {
    const project = { 'x-project-id': String(world.shop) }
    const upload = (version: number, features: string) => {
      const form = new FormData()
      form.set('file', Bun.file(`${import.meta.dir}/../../fixtures/models/iris.onnx`), 'iris.onnx')
      for (const [name, value] of Object.entries({ name: 'flowers', version: String(version), features }))
        form.set(name, value)
      return world.admin('POST', '/api/models', form, project)
    }
    const first = await upload(1, '["a","b","c","d"]')
    expect([first.status, first.json.feature_columns]).toEqual([201, ['a', 'b', 'c', 'd']])
    const second = await upload(2, '["w","x","y","z"]')
    const id = await world.publish('flowers', [
      { id: 'follows', kind: 'model', model: 'flowers' },
      { id: 'pinned', kind: 'model', model_id: first.json.model_id },
      { id: 'second', kind: 'model', model: 'flowers', version: 2 },
    ])
    const { key } = await world.mint({}, id)
    const old = { a: 5.1, b: 3.5, c: 1.4, d: 0.2 }
    const renamed = { w: 5.1, x: 3.5, y: 1.4, z: 0.2 }
    const ask = async (endpoint: string, features: object) => {
      const { status, json: answer } = await world.call(`/api/service/flowers/${endpoint}`, { key, body: { features } })
      return [status, answer.model_id]
    }
    expect(await ask('follows', old)).toEqual([200, first.json.model_id])
    expect(await ask('second', renamed)).toEqual([200, second.json.model_id])
    const active = await world.admin('POST', `/api/models/${second.json.model_id}/activate`)
    expect(active.json).toMatchObject({ version: 2, active: true })
    expect(await ask('follows', renamed)).toEqual([200, second.json.model_id])
    expect(await ask('pinned', old)).toEqual([200, first.json.model_id])
    const listed = (await world.admin('GET', '/api/models?name=flowers')).json.models
    expect(listed.map((m: { model_id: number }) => m.model_id)).toEqual([second.json.model_id])
    expect(listed[0].versions.map((v: { version: number }) => v.version)).toEqual([2, 1])
    expect((await world.admin('DELETE', `/api/models/${second.json.model_id}`)).status).toBe(409)
    expect((await world.admin('DELETE', `/api/models/${first.json.model_id}`)).status).toBe(409)
  })

  test('a file that is no model is refused when it is added', async () => {
    const form = new FormData()
    form.set('file', new File(['not a model'], 'bad.onnx'))
    const refused = await world.admin('POST', '/api/models', form, { 'x-project-id': String(world.shop) })
    expect([refused.status, refused.json.code]).toEqual([422, 'model_unusable'])
    expect(refused.text).not.toMatch(/\/tmp|uploads/)
    expect((await world.admin('GET', '/api/models?name=bad')).json.models).toEqual([])
  })
}
