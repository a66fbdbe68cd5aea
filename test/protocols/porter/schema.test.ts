import { describe, expect, test } from 'bun:test'
import { parsePorter, porterJson } from '../../../src/protocols/porter/json.ts'
import { compileSchema } from '../../../src/protocols/porter/schema.ts'

const said = (schema: Record<string, unknown>, value: unknown): string | undefined => {
  const failure = compileSchema(schema).check(value)
  return failure && `data${failure.at} ${failure.says}`
}

const row = {
  type: 'object',
  properties: { id: { type: 'integer' }, x: { type: 'number', minimum: 0 }, y: { type: ['number', 'null'] } },
  required: ['y', 'id', 'x'],
}

describe("a schema's first error is in fastjsonschema's words:", () => {
  const cases: [Record<string, unknown>, unknown, string | undefined][] = [
    [row, { id: 1, x: 2, y: null, more: true }, undefined],
    [row, [], 'data must be object'],
    [row, {}, "data must contain ['id', 'x', 'y'] properties"],
    // what is missing comes before what is wrong, and that in the schema's order
    [row, { x: 'a', id: 'b' }, "data must contain ['y'] properties"],
    [row, { y: 'c', x: -1, id: 1.5 }, 'data.id must be integer'],
    [row, { y: 'c', x: -1, id: 2 ** 60 }, 'data.x must be bigger than or equal to 0'],
    [row, { y: 'c', x: 1, id: 18446744073709551615n }, 'data.y must be number or null'],
    [row, { y: 1, x: true, id: 1 }, 'data.x must be number'],
    [{ type: 'array', items: row }, [{ id: 1, x: 1, y: 1 }, 1], 'data[1] must be object'],
    [{ type: 'string', nullable: true }, null, undefined],
    [{ type: 'string', nullable: true }, 1, 'data must be string or null'],
    [{ type: 'string', nullable: true, enum: ['a'] }, null, "data must be one of ['a']"],
    [{ type: ['string', 'null'], nullable: true }, 1, 'data must be string or null'],
    [
      { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
      [[1], [1, 'x']],
      'data[1][1] must be integer',
    ],
    [{ maximum: 0.5 }, 1, 'data must be smaller than or equal to 0.5'],
    [{ exclusiveMinimum: 1 }, 1, 'data must be bigger than 1'],
    [{ exclusiveMaximum: 1 }, 1, 'data must be smaller than 1'],
    [{ multipleOf: 0.01 }, 19.01, undefined],
    [{ multipleOf: 3 }, 9007199254740993n, undefined],
    [{ multipleOf: 2 }, 3, 'data must be multiple of 2'],
    [{ minLength: 3 }, '😀é', 'data must be longer than or equal to 3 characters'],
    [{ maxLength: 1 }, 'ab', 'data must be shorter than or equal to 1 characters'],
    [{ pattern: '^[a-z]+$' }, 'A', 'data must match pattern ^[a-z]+$'],
    [{ format: 'date-time' }, '2023-02-29T00:00:00Z', 'data must be date-time'],
    [{ format: 'date-time' }, '2024-02-29T23:59:60.5+0100', undefined],
    [{ enum: ['red', "o'k", 1.5, null, true] }, 'blue', `data must be one of ['red', "o'k", 1.5, None, True]`],
    [{ const: 'a' }, 'b', 'data must be same as const definition: a'],
    [{ minItems: 1 }, [], 'data must contain at least 1 items'],
    [{ maxItems: 1 }, [1, 2], 'data must contain less than or equal to 1 items'],
    [{ uniqueItems: true }, [{ a: 1 }, { a: 1 }], 'data must contain unique items'],
    [
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      'data must contain unique items',
    ],
    [{ uniqueItems: true }, [2 ** 60, 2n ** 60n], 'data must contain unique items'],
    [{ uniqueItems: true }, [1, true, '1', [1], null, 'null', 1.5], undefined],
    [{ uniqueItems: true }, Array.from({ length: 100_000 }, (_, i) => [i]), undefined],
    [{ format: 'uri' }, `data:text/plain,${'a'.repeat(300_000)} `, 'data must be uri'],
    [{ additionalProperties: false }, { b: 1, a: 2 }, "data must not contain {'a', 'b'} properties"],
    [{ additionalProperties: { type: 'integer' } }, { x: 'y' }, 'data.x must be integer'],
    [{ anyOf: [{ type: 'string' }, { minimum: 3 }] }, 1, 'data cannot be validated by any definition'],
    [
      { oneOf: [{ type: 'integer' }, { minimum: 3 }] },
      4,
      'data must be valid exactly by one definition (2 matches found)',
    ],
    [{ not: { type: 'null' } }, null, 'data must NOT match a disallowed definition'],
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    [{ if: { type: 'string' }, then: { minLength: 2 } }, 'a', 'data must be longer than or equal to 2 characters'],
    [
      { $defs: { n: { type: 'number' } }, properties: { a: { $ref: '#/$defs/n' } } },
      { a: '' },
      'data.a must be number',
    ],
  ]

  test.each(cases.map((_, i) => [cases[i]![2] ?? 'nothing to say', i] as const))('%s (%i)', (_, i) => {
    const [schema, value, text] = cases[i]!
    expect(said(schema, value)).toBe(text!)
  })

  test('a schema that refers to itself is followed as deep as the value goes', () => {
    const tree = { type: 'object', properties: { next: { $ref: '#' } } }
    expect(said(tree, { next: { next: 1 } })).toBe('data.next.next must be object')
    expect(said(tree, { next: { next: {} } })).toBeUndefined()
  })

  test('what fastjsonschema does not know is left to another check, and said to be', () => {
    expect(compileSchema(row).complete).toBe(true)
    expect(compileSchema({ properties: { a: { dependentRequired: { b: ['c'] } } } }).complete).toBe(false)
    expect(compileSchema({ format: 'uuid' }).complete).toBe(false)
  })
})

test('JSON goes out with sorted keys, in ASCII, with a line feed, and big integers as they are', () => {
  expect(porterJson({ b: [1.5, null, 2n ** 64n], a: { z: 'é😀\u007f"', y: true } })).toBe(
    '{"a":{"y":true,"z":"\\u00e9\\ud83d\\ude00\\u007f\\""},"b":[1.5,null,18446744073709551616]}\n',
  )
})

test('ids and what is echoed keep the digits they were written with', () => {
  const body = parsePorter(Buffer.from('[{"id":1.0,"x":5.10},{"id":9007199254740993,"x":1e2}]'))
  expect(porterJson(body.ids(body.value as unknown[]))).toBe('[1.0,9007199254740993]\n')
  const long = '9'.repeat(60)
  expect(porterJson(parsePorter(Buffer.from(`{"id":${long}}`)).ids([{}]))).toBe(`[${long}]\n`)
  expect(porterJson(body.verbatim())).toBe('[{"id":1.0,"x":5.10},{"id":9007199254740993,"x":1e2}]\n')
})
