import { expect, test } from 'bun:test'
import { DATATYPES } from './models.ts'
import { bytesElements, f32, type World } from './world.ts'

type Type = keyof typeof DATATYPES
const bytesOf = (array: ArrayLike<number | bigint> & { buffer: ArrayBufferLike }) =>
  new Uint8Array(array.buffer as ArrayBuffer)

/** Four elements of every type at their limits: as JSON (undefined: it has no form there) and as raw bytes. */
const ELEMENTS: Record<Type, { json: unknown[] | undefined; raw: Uint8Array; read?: unknown[] }> = {
  bool: { json: [true, false, false, true], raw: Uint8Array.of(1, 0, 0, 1) },
  uint8: { json: [0, 255, 1, 128], raw: Uint8Array.of(0, 255, 1, 128) },
  uint16: { json: [0, 65535, 1, 2], raw: bytesOf(Uint16Array.of(0, 65535, 1, 2)) },
  uint32: { json: [0, 4294967295, 1, 2], raw: bytesOf(Uint32Array.of(0, 4294967295, 1, 2)) },
  uint64: {
    json: [0, 1, 9007199254740993n, 2n ** 64n - 1n],
    raw: bytesOf(BigUint64Array.of(0n, 1n, 9007199254740993n, 2n ** 64n - 1n)),
  },
  int8: { json: [-128, 127, 0, -1], raw: bytesOf(Int8Array.of(-128, 127, 0, -1)) },
  int16: { json: [-32768, 32767, 0, -1], raw: bytesOf(Int16Array.of(-32768, 32767, 0, -1)) },
  int32: { json: [-2147483648, 2147483647, 0, -1], raw: bytesOf(Int32Array.of(-2147483648, 2147483647, 0, -1)) },
  int64: {
    json: [-(2n ** 63n), 2n ** 63n - 1n, -9007199254740993n, 7],
    raw: bytesOf(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, -9007199254740993n, 7n)),
  },
  float16: { json: undefined, raw: bytesOf(Float16Array.of(1.5, -2, 0.25, 65504)), read: [1.5, -2, 0.25, 65504] },
  float: {
    json: [0.5, -1.25, 16777216, 3e38].map(Math.fround),
    raw: bytesOf(Float32Array.of(0.5, -1.25, 16777216, 3e38)),
  },
  double: { json: [0.1, -1e300, 5e-324, 4], raw: bytesOf(Float64Array.of(0.1, -1e300, 5e-324, 4)) },
  string: { json: ['', 'plain', 'žluťoučký 🐎', '"\\\n'], raw: bytesElements('', 'plain', 'žluťoučký 🐎', '"\\\n') },
}
const TYPES = Object.keys(DATATYPES) as Type[]

const input = (type: Type, form: 'flat' | 'nested' | 'raw') => {
  const { json, raw } = ELEMENTS[type]
  const base = { name: `i_${type}`, datatype: DATATYPES[type], shape: [2, 2] }
  if (form === 'raw' || !json) return { ...base, raw }
  return { ...base, data: form === 'flat' ? json : [json.slice(0, 2), json.slice(2)] }
}
const jsonText = (values: unknown[]) =>
  `[${values.map(v => (typeof v === 'bigint' ? v : JSON.stringify(v))).join(',')}]`

export function tensors(world: World): void {
  test.each(['flat', 'nested', 'raw'] as const)(
    'every datatype goes in %s and comes out as JSON, 64-bit integers exactly',
    async form => {
      const { status, json, bytes } = await world.infer('every', { inputs: TYPES.map(type => input(type, form)) })
      expect([status, json.error]).toEqual([200, undefined])
      const text = bytes.toString()
      for (const [i, type] of TYPES.entries()) {
        const { name, datatype, shape, data } = json.outputs[i]
        expect([name, datatype, shape]).toEqual([`o_${type}`, DATATYPES[type], [2, 2]])
        const { json: expected, read } = ELEMENTS[type]
        if (type === 'int64' || type === 'uint64') expect(text).toContain(`"data":${jsonText(expected!)}`)
        else expect(data).toEqual(read ?? expected)
      }
    },
  )

  test.each(['nested', 'raw'] as const)('every datatype goes in %s and comes out as raw bytes', async form => {
    const { status, json, raw, headers, bytes } = await world.infer('every', {
      inputs: TYPES.map(type => input(type, form)),
      parameters: { binary_data_output: true },
    })
    expect([status, headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
    for (const type of TYPES) expect(raw[`o_${type}`]).toEqual(Buffer.from(ELEMENTS[type].raw))
    expect(json.outputs.every((output: object) => !('data' in output))).toBe(true)
    const sizes = json.outputs.map(
      (output: { parameters: { binary_data_size: number } }) => output.parameters.binary_data_size,
    )
    const total = sizes.reduce((a: number, b: number) => a + b, Number(headers.get('inference-header-content-length')))
    expect(bytes.length).toBe(total)
  })

  test('JSON and raw inputs mix; outputs come as they were asked for, in that order and no others', async () => {
    const { json, raw } = await world.infer('every', {
      inputs: TYPES.toReversed().map((type, i) => input(type, i % 2 ? 'raw' : 'flat')),
      outputs: [
        { name: 'o_string', parameters: { binary_data: true } },
        { name: 'o_bool', parameters: { binary_data: false } },
        { name: 'o_int8' },
      ],
      parameters: { binary_data_output: true },
    })
    expect(json.outputs.map((output: { name: string }) => output.name)).toEqual(['o_string', 'o_bool', 'o_int8'])
    expect(json.outputs[1].data).toEqual([true, false, false, true])
    expect(Object.keys(raw)).toEqual(['o_string', 'o_int8'])
    expect(raw.o_string).toEqual(Buffer.from(ELEMENTS.string.raw))
  })

  test('FP16 has no form in JSON inputs: the refusal says so', async () => {
    const inputs = TYPES.map(type => input(type, 'flat'))
    inputs[TYPES.indexOf('float16')] = { name: 'i_float16', datatype: 'FP16', shape: [2, 2], data: [1, 2, 3, 4] }
    const { status, json } = await world.infer('every', { inputs })
    expect([status, json.error]).toEqual([400, expect.stringContaining('binary')])
  })

  test('NaN and infinities of an answer are null in JSON and themselves in raw bytes; null is NaN in an input', async () => {
    const zeros = { name: 'x', datatype: 'FP32', shape: [3], data: [0, null, 2] }
    expect((await world.infer('inverse', { inputs: [zeros] })).json.outputs[0].data).toEqual([null, null, 0.5])
    const { raw } = await world.infer('inverse', { inputs: [zeros], parameters: { binary_data_output: true } })
    const values = [0, 4, 8].map(at => raw.y!.readFloatLE(at))
    expect(values).toEqual([Number.POSITIVE_INFINITY, Number.NaN, 0.5])
  })

  test('infinities and NaN that a schema or a check has looked at reach the model as they came', async () => {
    const raw = f32(Number.POSITIVE_INFINITY, Number.NaN, 2)
    const x = { name: 'x', datatype: 'FP32', shape: [3], raw }
    for (const model of ['inverse', 'bounded', 'seen']) {
      const { status, json } = await world.infer(model, { inputs: [x] })
      expect([model, status, json.outputs[0].data]).toEqual([model, 200, [0, null, 0.5]])
    }
  })

  test('raw tensors take up their place whatever the length of the JSON before them', async () => {
    for (let padding = 0; padding < 8; padding++) {
      const { status, json } = await world.infer('int64', {
        id: 'x'.repeat(padding + 1),
        inputs: [{ name: 'x', datatype: 'INT64', shape: [1, 1], raw: bytesOf(BigInt64Array.of(5n)) }],
      })
      expect([status, json.outputs[0].data]).toEqual([200, [-5]])
    }
  })
}
