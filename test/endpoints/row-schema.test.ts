import { expect, test } from 'bun:test'
import { boundedAjv } from '../../src/endpoints/bounded-schema.ts'
import { compiledAhead, compileRowSchema } from '../../src/endpoints/row-schema.ts'
import { parseLossless } from '../../src/lib/json.ts'

const ids = { type: 'object', properties: { ids: { type: 'array', items: { type: 'integer' }, uniqueItems: true } } }

test('integers beyond 2^53 are integers to a schema, in lists too', () => {
  const check = compileRowSchema(ids)
  const row = (text: string) => [parseLossless(text)]
  expect(() => check(row('{"ids":[9223372036854775807,1]}'), 'rows')).not.toThrow()
  expect(() => check(row('{"ids":[9223372036854775807,1.5]}'), 'rows')).toThrow('must be integer')
  expect(() => check(row('{"ids":[9223372036854775807,1,1]}'), 'rows')).toThrow('duplicate')
})

test.each([
  ['#/$defs/a', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }],
  ['#', { allOf: [{ $ref: '#' }] }],
  ['#', { if: { not: { $ref: '#' } } }],
  ['#', { dependentSchemas: { x: { $ref: '#' } } }],
  ['#/$defs/a', { properties: { x: { $ref: '#/$defs/a' } }, $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }] } } }],
  [
    '#/$defs/a~1b%25',
    { properties: { x: { $ref: '#/$defs/a~1b%25' } }, $defs: { 'a/b%': { oneOf: [{ $ref: '#/$defs/a~1b%25' }] } } },
  ],
])('a reference that leads back to itself for the same value (%s in %j) is refused', (reference, schema) => {
  expect(() => compileRowSchema(schema)).toThrow(`the reference ${reference} leads back to itself.`)
})

test('a reference that leads back to itself further on in the value is followed', () => {
  const check = compileRowSchema({ type: 'object', properties: { next: { anyOf: [{ $ref: '#' }, { const: 0 }] } } })
  expect(() => check([{ next: { next: { next: 0 } } }], 'rows')).not.toThrow()
  expect(() => check([{ next: { next: { next: 1 } } }], 'rows')).toThrow('schema')
})

test('a schema of thousands of properties is no deep one', () => {
  const names = Array.from({ length: 8000 }, (_, i) => `p${i}`)
  const check = compileRowSchema({ properties: Object.fromEntries(names.map(name => [name, { type: 'integer' }])) })
  expect(() => check([{ p0: 1, p7999: 1 }], 'rows')).not.toThrow()
  expect(() => check([{ p0: 1, p7999: 'x' }], 'rows')).toThrow('row 0, p7999: The schema says that it must be integer.')
})

test('what many references are to is compiled once', () => {
  const names = Array.from({ length: 100 }, (_, i) => `p${i}`)
  const each = (schema: object) => ({ properties: Object.fromEntries(names.map(name => [name, schema])) })
  const check = boundedAjv(false).compile({ ...each({ $ref: '#/$defs/A' }), $defs: { A: each({ type: 'integer' }) } })
  expect(String(check).length).toBeLessThan(100_000)
  expect([check({ p99: { p99: 1 } }), check({ p99: { p99: 'x' } })]).toEqual([true, false])
})

test('a schema that nests too deep is told so', () => {
  let schema: Record<string, unknown> = { type: 'string' }
  for (let i = 0; i < 15_000; i++) schema = { items: schema }
  expect(() => compileRowSchema(schema)).toThrow('understood here: it nests too deep.')
})

/** How many functions are made of code meanwhile. */
function madeOfCode(work: () => void): number {
  const { Function: own } = globalThis
  let made = 0
  globalThis.Function = ((...parts: string[]) => {
    made++
    return own(...parts)
  }) as unknown as FunctionConstructor
  try {
    work()
  } finally {
    globalThis.Function = own
  }
  return made
}

test('the schema of schemas is compiled once for all of them', () => {
  compileRowSchema({ type: 'object' })
  expect(madeOfCode(() => compileRowSchema({ type: 'string' }))).toBe(1)
})

test('what is to be published is compiled before, with others served in between, each for one endpoint', async () => {
  const wide = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, { type: 'integer' }]))
  const schemas = Array.from({ length: 10 }, (_, i) => ({ title: `t${i}`, properties: wide }))
  const endpoints = [
    ...schemas.map(schema => ({ schema })),
    { request_schema: schemas[0] },
    { schema: { type: 'text' } },
    null,
  ]
  let isOver = false
  let served = 0
  const others = (async () => {
    for (; !isOver; served++) await Bun.sleep(0)
  })()
  const all = () => [...schemas, schemas[0]].map(schema => compileRowSchema(schema))
  await compiledAhead(endpoints, async () => {
    isOver = true
    const checks: ReturnType<typeof all> = []
    expect(madeOfCode(() => checks.push(...all()))).toBe(0)
    for (const check of checks) expect(() => check([{ p299: 'x' }], 'rows')).toThrow('p299')
    expect(madeOfCode(all)).toBe(11)
  })
  await others
  expect(served).toBeGreaterThan(3)
  expect(madeOfCode(all)).toBe(11)
})

test.each<[string, Record<string, unknown>]>([
  ['properties.a.type must be equal to one of the allowed values.', { properties: { a: { type: 'text' } } }],
  ['minItems must be integer.', { minItems: 'x' }],
  [
    'no schema with key or ref "http://json-schema.org/draft-07/sc',
    { $schema: 'http://json-schema.org/draft-07/schema#' },
  ],
])('%s', (why, schema) => {
  expect(() => compileRowSchema(schema)).toThrow(`schema is not a JSON Schema that is understood here: ${why}`)
})

test('a schema of more parts than can be compiled in passing is refused', () => {
  const schema = (parts: number) => ({ enum: Array.from({ length: parts }, (_, i) => ({ i })) })
  expect(() => compileRowSchema(schema(19_000))).not.toThrow()
  expect(() => compileRowSchema(schema(20_000))).toThrow('understood here: it has more than 20000 parts.')
  expect(() => compileRowSchema({ enum: Array.from({ length: 100_000 }, (_, i) => `n${i}`) })).not.toThrow()
})
