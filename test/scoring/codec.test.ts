import { describe, expect, test } from 'bun:test'
import type { ElementType, ModelMetadata } from '../../src/catalog/tensor.ts'
import { Fault } from '../../src/lib/fault.ts'
import { parseLossless } from '../../src/lib/json.ts'
import { type CodecOptions, compileCodec } from '../../src/scoring/codec.ts'
import type { RowError } from '../../src/scoring/encode.ts'
import { namedRows } from '../../src/scoring/named-rows.ts'

const columns = (types: Record<string, ElementType>): ModelMetadata => ({
  inputs: Object.entries(types).map(([name, type]) => ({ name, type, dims: [null, 1] })),
  outputs: [{ name: 'y', type: 'float32', dims: [null, 1] }],
  batched: true,
  independentRows: true,
  rewritten: false,
})
const single = (dims: (number | null)[], type: ElementType = 'float32', batched = true): ModelMetadata => ({
  ...columns({}),
  batched,
  inputs: [{ name: 'X', type, dims }],
  outputs: [{ name: 'y', type: 'float32', dims: batched ? [null, 1] : [1, 1] }],
})

function refusal(metadata: ModelMetadata, rows: unknown[], options: CodecOptions & { features?: string[] } = {}) {
  try {
    compileCodec(metadata, options.features, options).encode(rows, 'rows')
  } catch (error) {
    expect(error).toBeInstanceOf(Fault)
    expect((error as Fault).status).toBe(422)
    return { fault: error as Fault, errors: (error as Fault).members.errors as RowError[] }
  }
  throw new Error('nothing was refused')
}

describe('rows become tensors', () => {
  test.each<[ElementType, number, number]>([
    ['float16', 65_519, 65_520],
    ['float32', 3.4028235677973362e38, 3.4028235677973366e38],
    ['float64', Number.MAX_VALUE, Number.POSITIVE_INFINITY],
  ])('a number that %s holds is taken, and one that would become infinity is refused', (type, most, over) => {
    for (const sign of [1, -1]) {
      const codec = compileCodec(columns({ a: type }))
      expect(codec.encode([{ a: sign * most }], 'rows').a!.dims).toEqual([1, 1])
      const wrong = [{ row: 0, feature: 'a', message: 'The number is too large.' }]
      expect(refusal(columns({ a: type }), [{ a: sign * over }]).errors).toEqual(wrong)
      expect(refusal(single([null, 2], type), [{ X: [1, sign * over] }]).errors[0]!.message).toContain('too large')
    }
    expect(refusal(columns({ a: 'float32' }), [{ a: 10n ** 39n }]).errors[0]!.message).toBe('The number is too large.')
  })

  test('each input is a feature, with its own type', () => {
    const codec = compileCodec(columns({ age: 'float32', n: 'int64', ok: 'bool', plan: 'string', small: 'int8' }))
    const tensors = codec.encode([{ age: 1.5, n: 7, ok: true, plan: 'a', small: -3, extra: 'x' }], 'rows')
    expect(tensors.age).toEqual({ type: 'float32', dims: [1, 1], data: new Float32Array([1.5]) })
    expect(tensors.n!.data).toEqual(new BigInt64Array([7n]))
    expect(tensors.ok!.data).toEqual(new Uint8Array([1]))
    expect(tensors.plan!.data).toEqual(['a'])
    expect(tensors.small!.data).toEqual(new Int8Array([-3]))
  })

  test('named columns make the row of the one input, whatever the order of the keys', () => {
    const codec = compileCodec(single([null, 3]), ['a', 'b', 'c'])
    const { X } = codec.encode(
      [
        { c: 3, a: 1, b: 2 },
        { a: 4, b: 5, c: 6 },
      ],
      'rows',
    )
    expect(X).toEqual({ type: 'float32', dims: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) })
  })

  test('null is NaN where the input is floating point', () => {
    const { X } = compileCodec(single([null, 2], 'float64'), ['a', 'b']).encode([{ a: null, b: 1 }], 'features')
    expect(Array.from(X!.data as Float64Array)).toEqual([Number.NaN, 1])
  })

  test('integers beyond 2^53 arrive exactly', () => {
    const rows = parseLossless('[{"n": 9007199254740993, "u": 18446744073709551615}]') as unknown[]
    const tensors = compileCodec(columns({ n: 'int64', u: 'uint64' })).encode(rows, 'rows')
    expect(tensors.n!.data[0]).toBe(9007199254740993n)
    expect(tensors.u!.data[0]).toBe(18446744073709551615n)
  })

  test('float16 travels as its bits', () => {
    const { h } = compileCodec(columns({ h: 'float16' })).encode([{ h: 1.5 }], 'rows')
    expect(h!.data).toEqual(new Uint16Array([0x3e00]))
  })

  test('an input with further dimensions takes nested lists', () => {
    const { X } = compileCodec(single([null, 2, 2])).encode(
      [
        {
          X: [
            [1, 2],
            [3, 4],
          ],
        },
        {
          X: [
            [5, 6],
            [7, 8],
          ],
        },
      ],
      'rows',
    )
    expect(X).toEqual({ type: 'float32', dims: [2, 2, 2], data: new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]) })
    const open = compileCodec(single([null, null], 'int64')).encode([{ X: [1, 2, 3] }], 'rows')
    expect(open.X!.dims).toEqual([1, 3])
  })

  test('of tensors are the rows that are taken, also where a list has one element', () => {
    const shapes: [(number | null)[], boolean, number[]][] = [
      [[null], true, [2]],
      [[null, 1], true, [2, 1]],
      [[null, null], true, [2, 1]],
      [[null, 1, 1], true, [2, 1, 1]],
      [[null, null, 2], true, [1, 1, 2]],
      [[1, null], false, [1, 1]],
      [[1, 1, 1], false, [1, 1, 1]],
    ]
    for (const [declared, batched, dims] of shapes) {
      const metadata = single(declared, 'float32', batched)
      const { features, encode } = compileCodec(metadata)
      const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => i + 0.5)
      const feeds = { X: { type: 'float32' as const, dims, data } }
      const rows = batched ? dims[0]! : 1
      expect(encode(namedRows(metadata, features, feeds, rows), 'rows')).toEqual(feeds)
    }
    // neither the input nor the output counts rows: the tensor as a whole is the value
    const whole = { ...single([null], 'float32', false), outputs: [{ name: 'y', type: 'float32' as const, dims: [3] }] }
    const { features, encode } = compileCodec(whole)
    const feeds = { X: { type: 'float32' as const, dims: [1], data: new Float32Array([7]) } }
    expect(encode(namedRows(whole, features, feeds, 1), 'rows')).toEqual(feeds)
  })

  test('of tensors with named columns are as many as were sent, also where the model does not stack them', () => {
    const apart = {
      ...single([null, 2], 'float32', false),
      outputs: [{ name: 'y', type: 'float32' as const, dims: [2, null] }],
    }
    const { features, encode } = compileCodec(apart, ['a', 'b'])
    const feeds = (data: number[]) => ({
      X: { type: 'float32' as const, dims: [data.length / 2, 2], data: new Float32Array(data) },
    })
    const rows = namedRows(apart, features, feeds([1, 2, 3, 4]), 1)
    expect(rows).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ])
    expect(encode(rows, 'rows')).toEqual(feeds([1, 2, 3, 4]))
    expect(namedRows(apart, features, feeds([]), 1)).toEqual([])
  })

  test('of tensors of more than four million elements are not made, which is said of the request', () => {
    const metadata = single([null], 'uint8')
    const feeds = (n: number) => ({ X: { type: 'uint8' as const, dims: [n], data: new Uint8Array(n) } })
    const rows = (n: number) => namedRows(metadata, compileCodec(metadata).features, feeds(n), n)
    expect(() => rows(4_000_001)).toThrow(
      expect.objectContaining({ status: 422, message: expect.stringMatching(/^An input has 4000001 elements/) }),
    )
    expect(rows(1)).toEqual([{ X: 0 }])
  })

  test('a model with a fixed batch of one takes features, a row at a time', () => {
    const codec = compileCodec(single([1, 2], 'float32', false), ['a', 'b'])
    expect(codec.stacks).toBe(false)
    expect(codec.encode([{ a: 1, b: 2 }], 'features').X!.dims).toEqual([1, 2])
  })
})

describe('what a model cannot take is named, and never echoed', () => {
  test('the row and the feature that are missing', () => {
    const { fault, errors } = refusal(columns({ a: 'float32', b: 'string' }), [{ a: 1, b: 'x' }, { a: 1 }])
    expect(errors).toEqual([{ row: 1, feature: 'b', message: 'This feature is missing.' }])
    expect(fault.message).toContain('row 1, feature "b"')
  })

  const wrong: [ElementType, unknown][] = [
    ['float32', 'SECRET'],
    ['float32', true],
    ['float32', Number.POSITIVE_INFINITY],
    ['float32', [1]],
    ['int64', 1.5],
    ['int64', '1'],
    ['int64', null],
    ['int64', 2n ** 63n],
    ['int8', 128],
    ['uint8', -1],
    ['int32', 1e10],
    ['bool', 1],
    ['bool', null],
    ['string', 7],
    ['string', null],
  ]
  for (const [type, value] of wrong)
    test(`${type} does not take ${typeof value} ${String(value)}`, () => {
      const { fault, errors } = refusal(columns({ f: type }), [{ f: value }])
      expect(errors).toHaveLength(1)
      expect(errors[0]).toMatchObject({ row: 0, feature: 'f' })
      expect(JSON.stringify([fault.message, errors])).not.toContain('SECRET')
    })

  test('text that would be another one to the runtime', () => {
    for (const text of ['SEC\0RET', 'SECRET\ud83d', '\ude00\ud83d']) {
      const rows = ['\u{1f600}', text].map(f => ({ f, X: ['a', f] }))
      for (const metadata of [columns({ f: 'string' }), single([null, 2], 'string')]) {
        const { fault, errors } = refusal(metadata, rows)
        expect(errors).toMatchObject([{ row: 1, message: expect.stringMatching(/^Text without/) }])
        expect(JSON.stringify([fault.message, errors])).not.toContain('SECRET')
      }
    }
  })

  test('rows that are no objects', () => {
    const { errors } = refusal(columns({ f: 'float32' }), [1, null, [], { f: 1 }, 'text'])
    expect(errors.map(error => error.row)).toEqual([0, 1, 2, 4])
  })

  test('rows that borrow names from every object have none of them', () => {
    const features = ['constructor', 'toString', '__proto__', 'length']
    const metadata = single([null, 4])
    expect(refusal(metadata, [{}], { features }).errors.map(error => error.feature)).toEqual(features)
    const own = JSON.parse('{"constructor": 1, "toString": 2, "__proto__": 3, "length": 4}')
    expect(compileCodec(metadata, features).encode([own], 'rows').X!.data).toEqual(new Float32Array([1, 2, 3, 4]))
  })

  test('a single row given as features has no row number', () => {
    expect(() => compileCodec(columns({ f: 'float32' })).encode([{}], 'features')).toThrow('feature "f"')
    try {
      compileCodec(columns({ f: 'float32' })).encode([{}], 'features')
    } catch (error) {
      expect((error as Fault).members.errors).toEqual([{ feature: 'f', message: 'This feature is missing.' }])
    }
  })

  test('extra features only where the endpoint is strict, with odd names cut short', () => {
    const metadata = columns({ f: 'float32' })
    expect(compileCodec(metadata).encode([{ f: 1, g: 2 }], 'rows').f!.data[0]).toBe(1)
    const odd = `<script>\u0000${'x'.repeat(500)}`
    const { errors } = refusal(metadata, [{ f: 1, [odd]: 2 }], { strict: true })
    expect(errors[0]!.feature!.length).toBeLessThanOrEqual(64)
    expect(errors[0]!.feature).not.toMatch(/[<>\0]/)
  })

  test('lists of another shape', () => {
    expect(refusal(single([null, 2, 2]), [{ X: [[1, 2], [3]] }]).errors[0]!.message).toContain('A list of lists of 2')
    expect(refusal(single([null, null]), [{ X: [1, 2] }, { X: [1] }]).errors).toMatchObject([{ row: 1, feature: 'X' }])
    expect(refusal(single([null, 2]), [{ X: 'no' }]).errors).toHaveLength(1)
  })

  test('what is no list where one of any length is taken is not asked for one of 0', () => {
    const told = (dims: (number | null)[], X: unknown) => refusal(single(dims), [{ X }]).errors[0]!.message
    expect(told([null, null], 1)).toBe('A list is expected.')
    expect(told([null, null, 2], [1, 2])).toBe('A list of lists of 2 is expected (shape any x 2).')
    expect(told([null, 2, null], [1, 2])).toBe('A list of lists is expected (shape 2 x any).')
  })

  test('how deep what is wrong lies: a list where lists of such are taken is not told to be one', () => {
    const told = (X: unknown) => refusal(single([null, 2, 3, 4]), [{ X }]).errors[0]!.message
    expect(told([1, 2, 3])).toBe('A list of 2 is expected (shape 2 x 3 x 4).')
    expect(told([1, 2])).toBe('A list of lists of 3 is expected (shape 2 x 3 x 4).')
    expect(told([Array(3).fill([1]), []])).toBe('A list of lists of lists of 4 is expected (shape 2 x 3 x 4).')
  })

  test('what is not there takes no room and no time: lists said to be long by another row, rows without features', () => {
    const long = Array(20_000).fill('')
    const rows = [{ X: [[[long]]] }, ...Array(200_000).fill({ X: [] })]
    expect(refusal(single([null, null, null, null, null], 'string'), rows).errors[0]).toMatchObject({ row: 1 })
    const deep = [[long, ...Array(20_000).fill([])], ...Array(20_000).fill([])]
    expect(refusal(single([null, null, null, null]), [{ X: deep }]).errors).toMatchObject([{ row: 0, feature: 'X' }])
    expect(refusal(single([null, 3, 4096, 4096]), Array(1000).fill({ X: [] })).errors).toHaveLength(100)
    const features = long.map((_, i) => `f${i}`)
    for (const type of ['float32', 'string'] as const)
      for (const row of [{}, 0])
        expect(refusal(single([null, 20_000], type), Array(300_000).fill(row), { features }).errors).toHaveLength(100)
  })

  test('a thousand bad rows give a bounded list', () => {
    expect(refusal(columns({ f: 'float32' }), Array(1000).fill({})).errors.length).toBeLessThanOrEqual(100)
  })
})

describe('feature names must fit the model', () => {
  test.each([
    [['a'], '3 features'],
    [['a', 'a', 'b'], 'unique'],
    [['a', '', 'b'], 'empty'],
  ])('%p', (features, reason) => {
    expect(() => compileCodec(single([null, 3]), features)).toThrow(reason)
  })

  test('and a model with several inputs takes none', () => {
    expect(() => compileCodec(columns({ a: 'float32', b: 'float32' }), ['a', 'b'])).toThrow('single input')
  })
})

describe('tensors become answers', () => {
  const metadata = columns({ x: 'float32' })

  test('NaN and infinities are null, one element is a scalar, more are a list', () => {
    const codec = compileCodec(metadata)
    const y = (data: number[], width: number) =>
      codec.decode(
        { y: { type: 'float32', dims: [data.length / width, width], data: new Float32Array(data) } },
        data.length / width,
      )
    expect(y([1, Number.NaN, Number.NEGATIVE_INFINITY], 1).predictions).toEqual([1, null, null])
    expect(y([1, 2, 3, 4], 2).predictions).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('64-bit integers are numbers where those are exact', () => {
    const data = new BigInt64Array([5n, 2n ** 53n + 1n])
    expect(compileCodec(metadata).decode({ y: { type: 'int64', dims: [2], data } }, 2).predictions).toEqual([
      5,
      2n ** 53n + 1n,
    ])
  })

  test('bool is true or false, text is text, deeper values nest', () => {
    const codec = compileCodec(metadata)
    expect(
      codec.decode({ y: { type: 'bool' as const, dims: [2], data: new Uint8Array([0, 1]) } }, 2).predictions,
    ).toEqual([false, true])
    expect(codec.decode({ y: { type: 'string' as const, dims: [1, 1], data: ['a'] } }, 1).predictions).toEqual(['a'])
    const cube = { type: 'float32' as const, dims: [1, 2, 2], data: new Float32Array([1, 2, 3, 4]) }
    expect(codec.decode({ y: cube }, 1).predictions).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
    ])
  })

  test('class labels that look like prototypes stay labels', () => {
    const classifier = { label: 'y', probabilities: 'p', labels: ['__proto__', 'b'] }
    const codec = compileCodec({
      ...metadata,
      classifier,
      outputs: [...metadata.outputs, { name: 'p', type: 'float32', dims: [null, 2] }],
    })
    const p = { type: 'float32' as const, dims: [1, 2], data: new Float32Array([0.25, 0.75]) }
    const y = { type: 'string' as const, dims: [1], data: ['b'] }
    expect(JSON.stringify(codec.decode({ y, p }, 1).probabilities)).toBe('[{"__proto__":0.25,"b":0.75}]')
  })
})
