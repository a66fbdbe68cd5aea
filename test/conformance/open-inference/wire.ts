import { expect, test } from 'bun:test'
import { deflateRawSync } from 'node:zlib'
import { encode, f32, MAX_BODY, type World } from './world.ts'

const X = { name: 'x', datatype: 'FP32', shape: [1, 2] }

export function wire(world: World): void {
  test('a JSON answer has exactly the type application/json and no length of a header', async () => {
    const { status, headers, json } = await world.infer('plus', { id: 'req-42', inputs: [{ ...X, data: [1, 2] }] })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.has('inference-header-content-length')).toBe(false)
    expect(json).toEqual({
      id: 'req-42',
      model_name: 'plus',
      model_version: '2',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [3, 4] }],
    })
  })

  test.each([undefined, '', null])('an answer to a request with the id %p has one of its own', async id => {
    const { json, headers } = await world.infer('plus', { id, inputs: [{ ...X, data: [1, 2] }] })
    expect(json.id).toBe(headers.get('x-request-id'))
    expect(json.id).toMatch(/^[0-9a-f]{32}$/)
  })

  test.each(['gzip', 'deflate'] as const)('%s is taken and given, with the length of the JSON unpacked', async pack => {
    for (const binary of [true, false]) {
      const body = {
        inputs: [binary ? { ...X, raw: f32(1, 2) } : { ...X, data: [1, 2] }],
        parameters: { binary_data_output: binary },
      }
      const { status, headers, json, raw } = await world.infer('plus', body, { pack, accept: pack })
      expect([status, headers.get('content-encoding')]).toEqual([200, pack])
      if (binary) expect(raw.y).toEqual(Buffer.from(f32(3, 4)))
      else expect(json.outputs[0].data).toEqual([3, 4])
    }
  })

  test('what is accepted is weighed, and packed answers vary by it', async () => {
    const ask = async (accept: string) =>
      (await world.infer('plus', { inputs: [{ ...X, data: [1, 2] }] }, { accept })).headers
    expect((await ask('gzip, deflate, br')).get('content-encoding')).toBe('gzip')
    expect((await ask('gzip;q=0.1, deflate;q=0.5')).get('content-encoding')).toBe('deflate')
    expect((await ask('gzip;q=0')).get('content-encoding')).toBeNull()
    expect((await ask('br')).get('content-encoding')).toBeNull()
    expect((await ask('*')).get('vary')?.toLowerCase()).toContain('accept-encoding')
  })

  test('deflate without its zlib frame is taken too', async () => {
    const { bytes } = encode({ inputs: [{ ...X, data: [1, 2] }] })
    const headers = { 'content-encoding': 'deflate' }
    expect((await world.call('/v2/models/plus/infer', { body: deflateRawSync(bytes), headers })).status).toBe(200)
  })

  test.each([undefined, 'application/octet-stream', 'text/plain', 'application/json'])(
    'the content type %p does not matter',
    async type => {
      const { bytes, length } = encode({ inputs: [{ ...X, raw: f32(1, 2) }] })
      const { status } = await world.call('/v2/models/plus/infer', {
        body: bytes,
        headers: { 'inference-header-content-length': String(length), ...(type ? { 'content-type': type } : {}) },
      })
      expect(status).toBe(200)
    },
  )

  test('a body over the limit is 413, packed or not', async () => {
    const big = { inputs: [{ ...X, data: [1, 2] }], parameters: { filling: 'x'.repeat(MAX_BODY) } }
    for (const pack of [undefined, 'gzip', 'deflate'] as const) {
      const { status, json } = await world.infer('plus', big, { pack })
      expect([status, Object.keys(json)]).toEqual([413, ['error']])
    }
  })

  test('another content encoding is 415, broken bytes are 400', async () => {
    const send = (encoding: string) =>
      world.call('/v2/models/plus/infer', { body: '{"inputs":[]}', headers: { 'content-encoding': encoding } })
    expect(await send('br')).toMatchObject({ status: 415, json: { error: expect.any(String) } })
    for (const encoding of ['gzip', 'deflate'])
      expect(await send(encoding)).toMatchObject({ status: 400, json: { error: expect.any(String) } })
  })

  test('a request id and a trace are continued', async () => {
    const headers = {
      'x-request-id': 'mine-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }
    const answer = await world.call('/v2/models/plus/ready', { headers })
    expect(answer.headers.get('x-request-id')).toBe('mine-1')
    expect(answer.headers.get('traceparent')).toStartWith('00-0af7651916cd43dd8448eb211c80319c-')
  })
}
