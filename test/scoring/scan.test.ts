import { describe, expect, test } from 'bun:test'
import type { ModelMetadata } from '../../src/catalog/tensor.ts'
import { parseJson } from '../../src/lib/body.ts'
import { compileCodec } from '../../src/scoring/codec.ts'
import { rowsOf } from '../../src/scoring/rows.ts'
import { Scanner } from '../../src/scoring/scan.ts'
import { cpuOf } from '../harness.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const names = ['a', 'mean radius', 'é"\\', 'a b']
const metadata = {
  inputs: [{ name: 'x', type: 'float32', dims: [null, 4] }],
  outputs: [{ name: 'y', type: 'float32', dims: [null, 1] }],
  batched: true,
  independentRows: true,
} as unknown as ModelMetadata
const codec = compileCodec(metadata, names)

/** What parsing the text and reading its objects makes of it; undefined: it is refused. */
function slowly(text: string): Float32Array | undefined {
  try {
    const { rows, form } = rowsOf(parseJson(bytes(text)))
    return codec.encode(rows, form).x!.data as Float32Array
  } catch {
    return undefined
  }
}
const quickly = (text: string) => codec.scan(bytes(text))?.feeds.x?.data as Float32Array | undefined

/** NaN is equal to itself here, and -0 is not 0. */
const shown = (values: Float32Array | undefined) =>
  values && Array.from(values, v => (Object.is(v, -0) ? '-0' : String(v)))

describe('a body that is scanned', () => {
  test.each(['1e39', '-1e39', '3.4028235677973366e38', `1${'0'.repeat(39)}`, '-1e400'])(
    'a number that would become infinity is left to be refused: %s',
    number => {
      const text = `{"features":{"a":${number},"mean radius":1,"é\\"\\\\":1,"a b":1}}`
      expect(quickly(text.replace(number, '3.4028235677973362e38'))![0]).toBe(3.4028234663852886e38)
      expect([quickly(text), slowly(text)]).toEqual([undefined, undefined])
    },
  )

  test('in the forms that callers send is read at all: compact, spaced, in another order, with nulls', () => {
    const one = '"mean radius": 17.989999771118164, "a": 1, "é\\"\\\\": -0.25, "a b": null'
    for (const text of [
      `{"features":{${one.replaceAll('": ', '":').replaceAll(', ', ',')}}}`,
      `{"features": {${one}}}`,
      ` {\n  "rows" : [ {\t${one}} ,\r\n {${one}}\n] } \n`,
    ]) {
      const values = quickly(text)
      expect(values).toBeDefined()
      expect(shown(values)).toEqual(shown(slowly(text)))
    }
  })

  test('gives every number as the nearest float, or leaves it to the parser', () => {
    const numbers = [
      '0',
      '-0',
      '1e3',
      '1E-7',
      '-1.5e+2',
      '16777217',
      '16777219',
      '9007199254740993',
      '0.1',
      '1e400',
      '3.5e38',
      `1${'0'.repeat(39)}`,
      `-1${'0'.repeat(310)}`,
      `${'9'.repeat(309)}.5`,
      `0.${'9'.repeat(310)}`,
    ]
    // halfway between two floats, and a hair beside it: where counting digits with rounding would go wrong
    for (let i = 0; i < 3000; i++) {
      const float = Math.fround((Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 20 - 10))
      const next = Math.fround(float * (1 + 2 ** -23))
      const middle = (float + next) / 2
      numbers.push(String(float), String(middle), middle.toPrecision(19), middle.toPrecision(21))
      numbers.push(middle.toFixed(20).slice(0, 24), `${middle.toFixed(18)}1`)
    }
    let read = 0
    for (const number of numbers) {
      const text = `{"features":{"a":${number},"mean radius":0,"é\\"\\\\":0,"a b":0}}`
      const values = quickly(text)
      if (values) read++
      if (values) expect([number, shown(values)]).toEqual([number, shown(slowly(text))])
    }
    expect(read).toBeGreaterThan(numbers.length * 0.9)
  })

  test('is never taken where parsing refuses it, and never read otherwise: random texts, damaged in random places', () => {
    const random = (below: number) => Math.floor(Math.random() * below)
    const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
    const space = () => pick(['', '', '', ' ', '\n ', '\t\r'])
    const value = () =>
      pick([
        () => String(random(1000)),
        () => String((Math.random() - 0.5) * 100),
        () => Math.random().toExponential(random(18)),
        () => 'null',
        () =>
          pick(['true', '"1"', '01', '1.', '.5', '-', '+1', '1e', '[1]', '{}', 'NaN', '-null', '1.5.5', '1-2', '0x1']),
      ])()
    const row = () => {
      const keys = names.map(name => JSON.stringify(name)).sort(() => Math.random() - 0.5)
      if (random(20) === 0) keys.pop()
      if (random(20) === 0) keys.push(pick(['"a"', '"extra"', '"__proto__"', '"\\u0061"']))
      return `{${keys.map(key => `${space()}${key}${space()}:${space()}${value()}${space()}`).join(',')}}`
    }
    let taken = 0
    for (let i = 0; i < 20_000; i++) {
      let text =
        random(2) === 0
          ? `{${space()}"features"${space()}:${space()}${row()}${space()}}`
          : `{"rows":[${Array.from({ length: random(4) }, row).join(`${space()},`)}]${space()}}${space()}`
      if (random(3) === 0) {
        const at = random(text.length)
        text =
          text.slice(0, at) +
          pick(['', '"', '{', '}', ',', ':', '0', '1', '-', ' ', '\\', '\u00a0', ']']) +
          text.slice(at + random(2))
      }
      const values = quickly(text)
      if (!values) continue
      taken++
      expect([text, shown(values)]).toEqual([text, shown(slowly(text))])
    }
    expect(taken).toBeGreaterThan(1000)
  })

  test('is left alone where a model takes anything but single floats', () => {
    const other = (type: string, dims: (number | null)[]) =>
      compileCodec({ ...metadata, inputs: [{ name: 'x', type, dims }] } as unknown as ModelMetadata)
    for (const codec of [
      other('int64', [null]),
      other('float64', [null]),
      other('string', [null]),
      other('float32', [null, 3]),
    ])
      expect(codec.scan(bytes('{"features":{"x":1}}'))).toBeUndefined()
    expect(other('float32', [null, 1]).scan(bytes('{"features":{"x":1}}'))!.feeds.x).toEqual({
      type: 'float32',
      dims: [1, 1],
      data: new Float32Array([1]),
    })
  })

  test('of many features is given up where every row has another order, and is learnt where they keep to one', () => {
    const many = Array.from({ length: 2003 }, (_, i) => `feature ${i}`)
    // 2003 is prime: every step goes through all of them, in an order of its own
    const row = (step: number) => `{${many.map((_, i) => `"${many[(i * step) % many.length]}":1`)}}`
    const wide = new Scanner(many)
    const body = (step: (i: number) => number) =>
      bytes(`{"rows":[${Array.from({ length: 100 }, (_, i) => row(step(i)))}]}`)
    const [ordered, mixed] = [body(() => 14), body(i => 7 * (i + 1))]
    expect(cpuOf(() => expect(wide.scan(mixed)).toBeUndefined())).toBeLessThan(500) // else it takes seconds
    let tries = 1
    while (!wide.scan(ordered)) tries++
    expect(tries).toBeLessThan(20)
  })

  test('of more than a megabyte is left alone: it is read where nobody waits for it', () => {
    const text = '{"features":{"a":1,"mean radius":2,"é\\"\\\\":3,"a b":4}}'
    const padded = (length: number) => text + ' '.repeat(length - bytes(text).length)
    expect(shown(quickly(padded(2 ** 20)))).toEqual(['1', '2', '3', '4'])
    expect(quickly(padded(2 ** 20 + 1))).toBeUndefined()
  })

  test('of several inputs is given to each its own values', () => {
    const two = compileCodec({
      ...metadata,
      inputs: ['u', 'v'].map(name => ({ name, type: 'float32', dims: [null] })),
    } as unknown as ModelMetadata)
    expect(two.scan(bytes('{"rows":[{"u":1,"v":2},{"v":4,"u":3}]}'))).toEqual({
      rows: 2,
      feeds: {
        u: { type: 'float32', dims: [2], data: new Float32Array([1, 3]) },
        v: { type: 'float32', dims: [2], data: new Float32Array([2, 4]) },
      },
    })
  })

  test('of thousands of inputs takes no longer for each than of a few', () => {
    const inputs = Array.from({ length: 4000 }, (_, i) => ({ name: `${i}`, type: 'float32', dims: [null] }))
    const wide = compileCodec({ ...metadata, inputs } as unknown as ModelMetadata)
    const row = (r: number) => `{${inputs.map(({ name }) => `"${name}":${r}`)}}`
    const body = bytes(`{"rows":[${Array.from({ length: 25 }, (_, r) => row(r))}]}`)
    let feeds: ReturnType<typeof wide.scan>
    expect(
      cpuOf(() => {
        feeds = wide.scan(body)
      }),
    ).toBeLessThan(1000) // else it takes four seconds
    expect(feeds!.feeds['3999']!.data).toEqual(Float32Array.from({ length: 25 }, (_, r) => r))
  })

  test('does not read behind its end, wherever it is cut', () => {
    const scanner = new Scanner(['a'])
    const text = '{"rows":[{"a":1234.5678},{"a":null}]}'
    for (let end = 0; end < text.length; end++) {
      const whole = bytes(text)
      expect(scanner.scan(whole.subarray(0, end))).toBeUndefined()
    }
    expect(scanner.scan(bytes(text))!.rows).toBe(2)
  })
})
