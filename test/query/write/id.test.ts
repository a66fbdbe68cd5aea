import { expect, test } from 'bun:test'
import type { Column } from '../../../src/catalog/column.ts'
import { codecOf } from '../../../src/query/write/codec.ts'
import { formatId as format, parseId as parse } from '../../../src/query/write/id.ts'

const STORED = codecOf('sqlite')
const formatId = (columns: Column[], key: (string | bigint)[]) => format(columns, key, STORED)
const parseId = (columns: Column[], id: string) => parse(columns, id, STORED)

const text: Column = { name: 't', type: 'text', nullable: false, sensitivity: 'low' }
const integer: Column = { name: 'n', type: 'integer', nullable: false, sensitivity: 'low' }

test.each([
  [[text], ['a/b,c %2C'], 'a%2Fb%2Cc%20%252C'],
  [[integer], [9223372036854775807n], '9223372036854775807'],
  [[text, integer], ['a,b', 5n], 'a%2Cb,5'],
  [[text, text], ['', ''], ','],
  [[{ ...integer, type: 'decimal', precision: 10, scale: 2 }], [1250n], '12.50'],
  [[{ ...text, type: 'timestamptz' }], ['2024-01-01T00:00:00'], '2024-01-01T00%3A00%3A00Z'],
  [[{ ...integer, type: 'boolean' }], [1n], 'true'],
] as [Column[], (string | bigint)[], string][])('%#: a key and its segment, and back', (columns, key, id) => {
  expect(formatId(columns, key)).toBe(id)
  expect(parseId(columns, id)!.map(String)).toEqual(key.map(String))
})

test('a segment that was encoded as a whole is understood where only one reading fits', () => {
  expect(parseId([text, integer], 'a%2C5')).toEqual(['a', 5])
  expect(parseId([text, integer], 'a%2Cb%2C5')).toBeUndefined()
  expect(parseId([text, text], 'a%2Cb,c')).toEqual(['a,b', 'c'])
  expect(parseId([text], 'a,b')).toEqual(['a,b'])
})

test('what can be no key is none', () => {
  for (const id of ['', 'x', '1.5', '%', '%zz', '1%00']) expect([id, parseId([integer], id)]).toEqual([id, undefined])
  expect(parseId([text], 'a%00b')).toBeUndefined()
  expect(parseId([text, integer], 'a')).toBeUndefined()
  expect(parseId([text, integer], 'a,1,2')).toBeUndefined()
})
