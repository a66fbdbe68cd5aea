import { describe, expect, test } from 'bun:test'
import {
  excessOf,
  isLonger,
  parseExact,
  parseLossless,
  parseShown,
  stringifyLossless,
  tooDeep,
} from '../../src/lib/json.ts'
import { cpuOf } from '../harness.ts'

test.each([
  '[0.1234567890123456789,12345678901234567890.5,-1e400,1e-400,1E+0400]',
  `[${'9'.repeat(60)},1,-2.5,true,false,null]`,
  '{"1e400":"1e400","a\\"":"\\"12345678901234567890.5\\\\","b":{"__proto__":[1e400]}}',
  '9007199254740993',
])('what is parsed to be written again is as it was: %s', text => {
  expect(stringifyLossless(parseExact(text))).toBe(text)
})

test('what answers show of JSON is numbers that a double holds, and texts of the others', () => {
  const long = '9'.repeat(60)
  const text = `[1e400,-1e400,1E+400,9007199254740993,${long},12345678901234567890.5,0.33333333333333333333,1e-400]`
  const beyond = ['1e400', '-1e400', '1E+400', '9007199254740993', long]
  expect(parseShown(text)).toEqual([...beyond, 12345678901234567000, 1 / 3, 0])
  expect(parseShown(text, true)).toEqual([...beyond, '12345678901234567890.5', '0.33333333333333333333', '1e-400'])
  const held =
    '[0.1,1.50,0.30000000000000004,1e+308,1.7976931348623157e308,5e-324,0.00000000000000000000001,1.0000000000000000]'
  for (const exact of [false, true]) {
    expect(parseShown(held, exact)).toEqual(JSON.parse(held))
    expect(parseShown('{"1e400":"1e400","a":[{"b":1e400}]}', exact)).toEqual({ '1e400': '1e400', a: [{ b: '1e400' }] })
    expect(() => parseShown('{12345678901234567890:1}', exact)).toThrow(SyntaxError)
    expect(parseShown('["1e400-", "a1e4000"]', exact)).toEqual(['1e400-', 'a1e4000'])
  }
  // each zero of a long row of them is looked at once
  const zeros = `1.${'0'.repeat(500_000)}1`
  expect(parseShown(`[${zeros}]`, true)).toEqual([zeros])
})

describe('integers beyond 2^53', () => {
  test('survive parsing, wherever they stand', () => {
    expect(parseLossless('9007199254740993')).toBe(9007199254740993n)
    expect(parseLossless('[-9223372036854775808, 9223372036854775807]')).toEqual([
      -9223372036854775808n,
      9223372036854775807n,
    ])
    expect(parseLossless('{"a":{"b":[1,18446744073709551615]}}')).toEqual({ a: { b: [1, 18446744073709551615n] } })
    expect(parseLossless(`[${'9'.repeat(40)}]`)).toEqual([BigInt('9'.repeat(40))])
  })

  test('of more digits than any type has become the nearest double, so that nobody computes with them for long', () => {
    expect(parseLossless(`[${'9'.repeat(41)},${'9'.repeat(400)}]`)).toEqual([1e41, Number.POSITIVE_INFINITY])
  })
  test('are numbers within it, and so are fractions and exponents of any length', () => {
    expect(parseLossless('[9007199254740991, 0, -1, 1234567890123456]')).toEqual([
      9007199254740991, 0, -1, 1234567890123456,
    ])
    expect(parseLossless('[1234567890123456789.5, 12345678901234567890e2, 0.12345678901234567890, 1e400]')).toEqual([
      Number('1234567890123456789.5'),
      Number('12345678901234567890e2'),
      0.12345678901234568,
      Number.POSITIVE_INFINITY,
    ])
    expect(parseLossless('[12345678901234567890, 12345678901234567890.0]')).toEqual([
      12345678901234567890n,
      Number('12345678901234567890'),
    ])
  })
  test.each(['x', '\\n', '\\"', '9'])('survive beside a text of megabytes: %s', piece => {
    const text = `{"long":"${piece.repeat(3_000_000)}","id":9007199254740993,"last":["\\\\",-9007199254740993]}`
    const { long, ...rest } = parseLossless(text) as { long: string }
    expect(long === JSON.parse(`"${piece}"`).repeat(3_000_000)).toBe(true)
    expect(rest as object).toEqual({ id: 9007199254740993n, last: ['\\', -9007199254740993n] })
  })

  test('in a text are text', () => {
    expect(parseLossless('{"12345678901234567890":"12345678901234567890"}')).toEqual({
      '12345678901234567890': '12345678901234567890',
    })
  })
  test('are no names', () => {
    for (const text of ['{12345678901234567890:1}', '{"a":[{"b":1,-12345678901234567890 :{}}]}'])
      expect(() => parseLossless(text)).toThrow(SyntaxError)
  })
  test('are written as integers, and NaN and infinities as null', () => {
    const text = '{"a":9007199254740993,"b":[-9223372036854775808],"c":"9"}'
    expect(stringifyLossless(parseLossless(text))).toBe(text)
    expect(stringifyLossless([Number.NaN, Number.POSITIVE_INFINITY, -0, 1.5])).toBe('[null,null,0,1.5]')
  })
})

test('a member called __proto__ is a member, with or without long integers beside it', () => {
  for (const text of ['{"__proto__":{"admin":true}}', '{"__proto__":{"admin":true},"n":12345678901234567890}']) {
    const parsed = parseLossless(text) as Record<string, unknown>
    expect(Object.keys(parsed)).toContain('__proto__')
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
    expect(parsed.admin).toBeUndefined()
  }
})

test('what is no JSON throws, quickly', () => {
  const taken = cpuOf(() => {
    for (const text of [
      '',
      '{',
      '[1,]',
      "{'a':1}",
      'NaN',
      '01',
      '\u00a01',
      `${'1'.repeat(200_000)}x`,
      `[${'-'.repeat(200_000)}`,
      `${'9'.repeat(200_000)}.`,
    ])
      expect(() => parseLossless(text)).toThrow(SyntaxError)
  })
  expect(taken).toBeLessThan(1000)
})

test('values that are beside one another are counted, wherever they are, outside of texts', () => {
  const tooMany = (text: string, most: number) => excessOf(text, undefined, most) === 'values'
  for (const json of [
    '[1,2,3,4]',
    '{"a":1,"b":2,"c":{"d":4,"e":5}}',
    '[[1],[2],[3],[]]',
    '[{"a":1,"b":2},{"c":3,"d":4}]',
  ])
    expect([tooMany(json, 4), tooMany(json, 3)]).toEqual([false, true])
  for (const json of ['["a,b,c,d",1]', '"a\\",b,c,d"', '[[[[[[1]]]]]]', '{}']) expect(tooMany(json, 3)).toBe(false)
})

test('depth is counted outside of texts', () => {
  const nested = (n: number) => '['.repeat(n) + ']'.repeat(n)
  expect([tooDeep(nested(64)), tooDeep(nested(65)), tooDeep('{"a":'.repeat(65))]).toEqual([false, true, true])
  expect(tooDeep(JSON.stringify('['.repeat(1000)))).toBe(false)
  expect(tooDeep(JSON.stringify(`\\"${'['.repeat(1000)}`))).toBe(false)
  expect(tooDeep('[],'.repeat(1000))).toBe(false)
  expect(tooDeep('['.repeat(10_000_000))).toBe(true)
})

test.each<[unknown, number]>([
  [[1, 2, 3], 4],
  [{ ab: 'xyz' }, 7],
  [[[], {}, null, ''], 5],
  [12n, 1],
])('%p is %i characters long or more, and no longer than its JSON', (value, length) => {
  expect([isLonger(value, length - 1), isLonger(value, length)]).toEqual([true, false])
  expect(stringifyLossless(value).length).toBeGreaterThanOrEqual(length)
})
