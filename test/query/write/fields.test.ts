import { describe, expect, test } from 'bun:test'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Column, ColumnType } from '../../../src/catalog/column.ts'
import type { EngineName } from '../../../src/catalog/datasets.ts'
import { parseLossless } from '../../../src/lib/json.ts'
import { codecOf } from '../../../src/query/write/codec.ts'
import { encodeJson as encode } from '../../../src/query/write/fields.ts'
import { rowSchema } from '../../../src/query/write/schema.ts'

const STORED = codecOf('sqlite')
const encodeJson = (c: Column, value: unknown, codec = STORED) => encode(c, value, codec)
const schemaOf = (columns: Column[], primaryKey: string[] | null, engine: EngineName = 'sqlite') =>
  rowSchema({ engine, columns, primaryKey })
const column = (type: ColumnType, more: Partial<Column> = {}): Column => ({
  name: 'c',
  type,
  nullable: false,
  sensitivity: 'low',
  ...more,
})
const COLUMNS: Column[] = [
  ...(['integer', 'float', 'boolean', 'text', 'date', 'time', 'timestamp', 'timestamptz', 'blob', 'json'] as const).map(
    type => column(type),
  ),
  column('decimal', { precision: 12, scale: 2 }),
  column('decimal', { precision: 38, scale: 0 }),
  column('decimal', { precision: 4, scale: 4 }),
]
/** The same as a database has them, and decimals of as many digits as they happen to have. */
const OF_DATABASE: Column[] = [
  ...COLUMNS.map(c => ({ ...c, native: c.type === 'decimal' ? 'numeric' : c.type })),
  column('decimal', { native: 'numeric' }),
]
const named = (engine: EngineName) => (c: Column) =>
  [engine, `${c.type}${c.precision ? `(${c.precision},${c.scale})` : ''}`, c] as const
/** JSON texts; what is odd about each is seen in it. */
const VALUES = [
  '0',
  '1',
  '-1',
  '1.0',
  '1.5',
  '-0',
  '0.1',
  '0.30000000000000004',
  '1e2',
  '1e21',
  '1e-7',
  '123456789012345',
  '1234567890.12',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '12345678901234567890123456789012345678',
  'true',
  'false',
  '""',
  '"0"',
  '"1"',
  '"+1"',
  '"-1"',
  '"007"',
  '"1.5"',
  '"1."',
  '".5"',
  '"1.500"',
  '"1.505"',
  '"0.1234"',
  '"00.12340"',
  '"1e5"',
  '"9999999999.99"',
  '"99999999999"',
  '"9223372036854775807"',
  '"9223372036854775808"',
  '"true"',
  '"text"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\ud83d\\ude42"',
  '"2024-02-29"',
  '"2023-02-29"',
  '"0000-01-01"',
  '"12:30"',
  '"12:30:59"',
  '"12:30:59.1234567"',
  '"12:30:60"',
  '"2024-02-29T12:30:00"',
  '"2024-02-29 12:30"',
  '"2024-02-29T12:30:00Z"',
  '"2024-02-29T12:30:00+02:00"',
  '"2024-02-29T12:30:00+0200"',
  '"2024-02-29T12:30:00.123456Z"',
  '"24:00:00"',
  '"24:00:01"',
  '"infinity"',
  '"-infinity"',
  '"Infinity"',
  '"-Infinity"',
  '"NaN"',
  '"AAEC"',
  '"AA=="',
  '"AB=="',
  '"AA"',
  '"A"',
  '"YWJj\\n"',
  '[]',
  '[1,[2]]',
  '{}',
  '{"a":{"b":null}}',
]

describe('what a column takes', () => {
  test.each([...COLUMNS.map(named('sqlite')), ...OF_DATABASE.map(named('postgres'))])(
    '%s: %s: what is taken, the schema takes, and it comes out the same value',
    (engine, _, c) => {
      const codec = codecOf(engine)
      const ajv = new Ajv2020({ strict: false })
      // biome-ignore lint/suspicious/noExplicitAny: the plug-in's types are of another build of ajv
      addFormats(ajv as any)
      const valid = ajv.compile(schemaOf([c], null, engine))
      let taken = 0
      for (const text of VALUES) {
        const value = parseLossless(text)
        const stored = encodeJson(c, value, codec)
        // long integers inside of JSON are answered as strings
        if (stored === undefined || (c.type === 'json' && typeof value === 'bigint')) continue
        taken++
        expect([text, valid({ c: typeof value === 'bigint' ? Number(value) : value })]).toEqual([text, true])
        // as the engine reads it back
        const isWhole = typeof stored === 'bigint' || (typeof stored === 'number' && c.type !== 'float')
        const read = isWhole ? (engine === 'sqlite' ? BigInt : String)(stored) : stored
        const out = (codec.decoder(c) ?? (v => v))(read)
        expect([text, encodeJson(c, parseLossless(JSON.stringify(out)), codec)]).toEqual([text, stored])
      }
      expect(taken).toBeGreaterThan(1)
      expect(valid({})).toBe(false)
      expect(valid({ c: null })).toBe(false)
      expect(valid({ c: 1, d: 1 })).toBe(false)
    },
  )

  test('a number that is more exact than a double is taken as a decimal only where it was written exactly', () => {
    const decimal = column('decimal', { precision: 30, scale: 20 })
    expect(encodeJson(decimal, JSON.parse('0.123456789012345'))).toBeDefined()
    expect(encodeJson(decimal, JSON.parse('0.1234567890123456789'))).toBeUndefined()
    expect(encodeJson(decimal, JSON.parse('123456.7890123456789'))).toBeUndefined()
    expect(encodeJson(decimal, '0.12345678901234567890')).toBeDefined()
  })

  test('an integer beyond 2^53 is taken whole by an integer, and as the nearest double by a float', () => {
    const long = parseLossless('9007199254740993')
    expect(BigInt(encodeJson(column('integer'), long) as bigint)).toBe(9007199254740993n)
    expect(encodeJson(column('integer'), Number(long))).toBeUndefined()
    expect(encodeJson(column('float'), long)).toBe(9007199254740992)
  })
})

test('a schema asks for what no row is without, but not for a key that the table gives', () => {
  const columns = [
    column('integer', { name: 'id' }),
    column('text', { name: 'a' }),
    column('text', { name: 'b', nullable: true }),
  ]
  expect(schemaOf(columns, ['id']).required).toEqual(['a'])
  expect(schemaOf(columns, ['id', 'a']).required).toEqual(['id', 'a'])
  expect(schemaOf(columns, null).required).toEqual(['id', 'a'])
  expect((schemaOf(columns, null).properties as Record<string, { type: unknown }>).b!.type).toEqual(['string', 'null'])
})
