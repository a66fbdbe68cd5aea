import { expect, test } from 'bun:test'
import { compileRowSchema } from '../../src/endpoints/row-schema.ts'
import { parseLossless } from '../../src/lib/json.ts'

const ids = { type: 'object', properties: { ids: { type: 'array', items: { type: 'integer' }, uniqueItems: true } } }

test('integers beyond 2^53 are integers to a schema, in lists too', () => {
  const check = compileRowSchema(ids)
  const row = (text: string) => [parseLossless(text)]
  expect(() => check(row('{"ids":[9223372036854775807,1]}'), 'rows')).not.toThrow()
  expect(() => check(row('{"ids":[9223372036854775807,1.5]}'), 'rows')).toThrow('must be integer')
  expect(() => check(row('{"ids":[9223372036854775807,1,1]}'), 'rows')).toThrow('duplicate')
})
