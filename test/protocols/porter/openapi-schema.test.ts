import { describe, expect, test } from 'bun:test'
import { schema3 } from '../../../src/protocols/porter/openapi-schema.ts'

const text = { type: 'string', description: null }
const integer = { type: 'integer', description: null }

describe('a JSON Schema is said in what OpenAPI 3.0 has:', () => {
  const cases: [Record<string, unknown>, object][] = [
    [{ type: ['string', 'null'] }, { ...text, nullable: true }],
    [{ type: 'null' }, { enum: [null], nullable: true }],
    [{ oneOf: [{ type: 'string' }, { type: 'null' }] }, { oneOf: [text, { enum: [null], nullable: true }] }],
    [
      { type: ['integer', 'array', 'null'], minimum: 3 },
      {
        minimum: 3,
        anyOf: [
          { ...integer, nullable: true },
          { type: 'array', items: {}, nullable: true, description: null },
        ],
      },
    ],
    [{ const: 'a' }, { enum: ['a'] }],
    [
      { exclusiveMinimum: 3, exclusiveMaximum: 9 },
      { minimum: 3, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: true },
    ],
    [{ minimum: 5, exclusiveMinimum: 3 }, { minimum: 5 }],
    [
      { maximum: 5, exclusiveMaximum: 5 },
      { maximum: 5, exclusiveMaximum: true },
    ],
    [{ type: 'array' }, { type: 'array', items: {}, description: null }],
    [
      { type: 'array', items: true },
      { type: 'array', items: {}, description: null },
    ],
    // `false` is about the items after the first
    [
      { type: 'array', prefixItems: [{ type: 'integer' }], items: false },
      { type: 'array', items: {}, description: null },
    ],
    [{ properties: { yes: true, no: false } }, { properties: { yes: {}, no: { not: {} } } }],
    [{ additionalProperties: false }, { additionalProperties: false }],
    [{ patternProperties: { '^x': { type: 'integer' } }, additionalProperties: false }, {}],
    [
      { contentEncoding: 'base64', unit: 'cm', 'x-unit': 'cm', title: 'T' },
      { 'x-unit': 'cm', title: 'T' },
    ],
    [{ properties: { $ref: { type: 'string' }, unit: {} } }, { properties: { $ref: text, unit: {} } }],
  ]
  test.each(cases)('%j', (schema, expected) => expect(schema3(schema)).toEqual(expected))
})

describe('a reference', () => {
  const $defs = {
    A: { type: 'string' },
    Tree: { properties: { v: { type: 'integer' }, kids: { items: { $ref: '#/$defs/Tree' } } } },
  }

  test('is written out, beside what is said with it', () => {
    expect(schema3({ $ref: '#/$defs/A', $defs })).toEqual(text)
    expect(schema3({ $ref: '#/$defs/A', description: 'of mine', $defs })).toEqual({
      description: 'of mine',
      allOf: [text],
    })
  })

  test('to a place in a list, or to none, is no error', () => {
    expect(schema3({ $ref: '#/allOf/0', allOf: [{ type: 'string' }] })).toEqual({ allOf: [text, text] })
    expect(schema3({ $ref: '#/%zz' })).toEqual({})
    expect(schema3({ $ref: 'elsewhere#/$defs/A', $defs })).toEqual({})
  })

  test('to what it is within says nothing', () => {
    expect(schema3({ $ref: '#/$defs/Tree', $defs })).toEqual({ properties: { v: integer, kids: { items: {} } } })
  })

  test('to what refers on and on makes no document without an end', () => {
    const names = Array.from({ length: 20 }, (_, i) => `k${i}`)
    // each definition has the next one twenty times
    const chain = Object.fromEntries(
      names.map((name, i) => [
        name,
        { properties: Object.fromEntries(names.map(of => [of, { $ref: `#/$defs/k${i + 1}` }])) },
      ]),
    )
    expect(JSON.stringify(schema3({ $ref: '#/$defs/k0', $defs: chain })).length).toBeLessThan(1_000_000)
  })
})
