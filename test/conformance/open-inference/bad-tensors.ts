import { expect, test } from 'bun:test'
import { bytesElements, encode, f32, type World } from './world.ts'

const SECRET = 987654321
const X = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }
const one = (change: object) => ({ inputs: [{ ...X, ...change }] })

/** What is wrong: the body as JSON. */
const BODIES: Record<string, unknown> = {
  'no inputs': {},
  'inputs of no list': { inputs: {} },
  'an empty list of inputs': { inputs: [] },
  'an input of no object': { inputs: [null] },
  'an input without a name': one({ name: undefined }),
  'an input without a datatype': one({ datatype: undefined }),
  'an input without a shape': one({ shape: undefined }),
  'an input without data': one({ data: undefined }),
  'data of no list': one({ data: 5 }),
  'data of an object': one({ data: { 0: 1, 1: 2 } }),
  'an unknown input': one({ name: `n${SECRET}` }),
  'an input twice': { inputs: [X, X] },
  'one input too many': { inputs: [X, { ...X, name: 'z' }] },
  'an unknown datatype': one({ datatype: 'FLOAT' }),
  'the datatype of another type': one({ datatype: 'FP64' }),
  'a datatype in small letters': one({ datatype: 'fp32' }),
  'a shape with a text': one({ shape: ['1', 2] }),
  'a shape with a fraction': one({ shape: [0.5, 2] }),
  'a shape with a negative dimension': one({ shape: [-1, 2] }),
  'a shape of another rank': one({ shape: [2] }),
  'a shape of another width': one({ shape: [2, 1] }),
  'a huge dimension': one({ shape: [2 ** 52, 2] }),
  'a dimension beyond 2^53': one({ shape: [1e20, 2] }),
  'no rows': one({ shape: [0, 2], data: [] }),
  'too few elements': one({ data: [1] }),
  'too many elements': one({ data: [1, 2, SECRET] }),
  'nested in another shape': one({ data: [[1], [2]] }),
  'nested too deep': one({ data: [[[1], [2]]] }),
  'nested in part': one({ data: [[1, 2], 3] }),
  'a text for a number': one({ data: [1, `t${SECRET}`] }),
  'a boolean for a number': one({ data: [1, true] }),
  'a number that FP32 cannot hold': one({ data: [1, 1e39] }),
  'data and a size': one({ parameters: { binary_data_size: 8 } }),
  'a size without bytes': one({ data: undefined, parameters: { binary_data_size: 8 } }),
  'a negative size': one({ data: undefined, parameters: { binary_data_size: -8 } }),
  'a size of no number': one({ data: undefined, parameters: { binary_data_size: '8' } }),
  'parameters of no object': one({ parameters: [] }),
  'shared memory': one({ data: undefined, parameters: { shared_memory_region: 'r', shared_memory_byte_size: 8 } }),
  'an id of no text': { ...one({}), id: 5 },
  'outputs of no list': { ...one({}), outputs: {} },
  'an output without a name': { ...one({}), outputs: [{}] },
  'an unknown output': { ...one({}), outputs: [{ name: `o${SECRET}` }] },
  'an output twice': { ...one({}), outputs: [{ name: 'y' }, { name: 'y' }] },
  'a flag of no boolean': { ...one({}), parameters: { binary_data_output: 'yes' } },
  'a class count': { ...one({}), outputs: [{ name: 'y', parameters: { classification: 2 } }] },
}

export function badTensors(world: World): void {
  const refused = (answer: { status: number; headers: Headers; bytes: Buffer; json: unknown }) => {
    expect(answer.json).toEqual({ error: expect.any(String) })
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.bytes.toString()).not.toContain(String(SECRET))
    expect(answer.bytes.toString()).not.toMatch(/\bat .*\.ts|\/src\/|node_modules/)
  }

  test.each(Object.entries(BODIES))('%s', async (_name, body) => {
    refused(await world.post('/v2/models/plus/infer', body))
  })

  test.each([1e13, 1e12, 5e6])('%d rows without an element: a body of any length could name as many', async rows => {
    refused(await world.post('/v2/models/open/infer', one({ shape: [rows, 0], data: [] })))
  })

  test.each([
    [10_000, 10_000, 1, 0],
    [300, 300, 300, 0],
    [9, 9000, 0, 9000],
  ])('%d x %d x %d x %d without an element: what a model makes of it may have as many', async (...shape) => {
    refused(await world.post('/v2/models/deep/infer', one({ shape, data: [] })))
  })

  test('a past that is empty yet is taken', async () => {
    const shape = [32, 32, 0, 128]
    const { status, json } = await world.post('/v2/models/deep/infer', one({ shape, data: [] }))
    expect([status, json.outputs?.[0].shape]).toEqual([200, shape])
  })

  test('a few rows without an element are rows', async () => {
    const { status, json } = await world.post('/v2/models/open/infer', one({ shape: [3, 0], data: [] }))
    expect([status, json.outputs?.[0].shape]).toEqual([200, [3, 0]])
  })

  test.each([
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[NaN,1]}]}',
    '\u0000',
  ])('a body of %j', async body => {
    refused(await world.call('/v2/models/plus/infer', { method: 'POST', body }))
  })

  test('JSON that nests without end', async () => {
    refused(await world.call('/v2/models/plus/infer', { body: `{"inputs":${'['.repeat(100_000)}` }))
    refused(
      await world.call('/v2/models/plus/infer', { body: `{"inputs":${'['.repeat(50_000)}${']'.repeat(50_000)}}` }),
    )
  })

  test.each(['-1', '1.5', 'abc', '', '0x10', '99999999', '1e3', '9'.repeat(30)])(
    'Inference-Header-Content-Length: %s',
    async length => {
      const { bytes } = encode({ inputs: [{ ...X, data: undefined, raw: f32(1, 2) }] })
      const headers = { 'inference-header-content-length': length }
      refused(await world.call('/v2/models/plus/infer', { body: bytes, headers }))
    },
  )

  test('a length of the JSON that is left from the call before, as tritonclient leaves it in the headers that it was given', async () => {
    const { bytes } = encode({ inputs: [{ ...X, data: [1, 2] }] })
    const headers = { 'inference-header-content-length': String(bytes.length - 9) }
    const answer = await world.call('/v2/models/plus/infer', { body: bytes, headers })
    refused(answer)
    expect(answer.json.error).toContain(`Inference-Header-Content-Length says that ${bytes.length - 9} bytes of it are`)
  })

  test.each([-9, -4, -1, 1, 4])('%d bytes more than the raw tensors need', async difference => {
    const { bytes, length } = encode({ inputs: [{ ...X, data: undefined, raw: f32(1, 2) }] })
    const body =
      difference < 0 ? bytes.subarray(0, bytes.length + difference) : Buffer.concat([bytes, Buffer.alloc(difference)])
    const headers = { 'inference-header-content-length': String(length) }
    refused(await world.call('/v2/models/plus/infer', { body, headers }))
  })

  test('a raw tensor of another size than its shape needs', async () => {
    for (const raw of [f32(1), f32(1, 2, 3), new Uint8Array(7), new Uint8Array()])
      refused(await world.infer('plus', { inputs: [{ ...X, data: undefined, raw }] }))
    const huge = { ...X, shape: [2 ** 40, 2], data: undefined, raw: f32(1, 2) }
    refused(await world.infer('plus', { inputs: [huge] }))
  })

  test('BYTES whose lengths do not add up, or that are no text', async () => {
    const send = (raw: Uint8Array, count: number) =>
      world.infer('text', { inputs: [{ name: 'x', datatype: 'BYTES', shape: [count], raw }] })
    const two = bytesElements('ab', 'cd')
    refused(await send(two, 1))
    refused(await send(two, 3))
    refused(await send(two.subarray(0, -1), 2))
    refused(await send(Uint8Array.of(255, 255, 255, 255, 65), 1))
    refused(await send(Uint8Array.of(1, 0, 0), 1))
    refused(await send(two, 1_000_000_000))
    const notText = await send(bytesElements(Uint8Array.of(0xc3, 0x28)), 1)
    refused(notText)
    expect(notText.json.error).toContain('UTF-8')
    refused(await send(bytesElements('a\0b'), 1))
    refused(await world.infer('text', { inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['a\0b'] }] }))
    const half = '{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["\\ud83d"]}]}'
    refused(await world.call('/v2/models/text/infer', { body: half }))
    refused(await world.infer('text', { inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: [7] }] }))
  })

  test.each([
    [2n ** 63n, 'INT64'],
    [-(2n ** 63n) - 1n, 'INT64'],
    [1.5, 'INT64'],
    [1e30, 'INT64'],
    [null, 'INT64'],
    ['1', 'INT64'],
  ])('%p is no %s', async (value, datatype) => {
    refused(await world.infer('int64', { inputs: [{ name: 'x', datatype, shape: [1, 1], data: [value] }] }))
  })

  test('integers and booleans beyond their type, in JSON and raw', async () => {
    for (const value of [-1, 256, 1.5, true, null])
      refused(
        await world.infer('image', {
          inputs: [{ name: 'x', datatype: 'UINT8', shape: [1, 3, 2], data: Array(6).fill(value) }],
        }),
      )
    const { json } = await world.call('/v2/models/every')
    const inputs = json.inputs.map(({ name, datatype }: { name: string; datatype: string }) => ({
      name,
      datatype,
      shape: [1, 2],
      ...(datatype === 'BYTES' ? { data: ['', ''] } : datatype === 'BOOL' ? { raw: Uint8Array.of(0, 2) } : {}),
    }))
    const widths: Record<string, number> = { '8': 2, '16': 4, '32': 8, '64': 16 }
    for (const input of inputs)
      if (!input.data && !input.raw) input.raw = new Uint8Array(widths[/\d+$/.exec(input.datatype)![0]]!)
    refused(await world.infer('every', { inputs }))
    inputs.find((input: { datatype: string }) => input.datatype === 'BOOL').raw = Uint8Array.of(0, 1)
    expect((await world.infer('every', { inputs })).status).toBe(200)
  })

  test('inputs that are missing, or hold other numbers of rows', async () => {
    const pair = (name: string, rows: number) => ({
      name,
      datatype: 'FP64',
      shape: [rows, 1],
      data: Array(rows).fill(1),
    })
    const missing = await world.infer('difference', { inputs: [pair('a', 2)] })
    refused(missing)
    expect(missing.json.error).toContain('"b"')
    refused(await world.infer('difference', { inputs: [pair('a', 2), pair('b', 3)] }))
  })

  test('what the runtime refuses is 400 and does not hurt the next call', async () => {
    const { status, json } = await world.infer('scalar', {
      inputs: [{ name: 'x', datatype: 'FP64', shape: [1, 0], data: [] }],
    })
    if (status !== 200) expect([status, typeof json.error]).toEqual([400, 'string'])
    expect((await world.infer('plus', one({}))).status).toBe(200)
  })
}
