import { describe, expect, test } from 'bun:test'
import { Type } from '@sinclair/typebox'
import {
  badRequest,
  conflict,
  deadlinePassed,
  Fault,
  forbidden,
  methodNotAllowed,
  notFound,
  notServed,
  toFault,
  unauthorized,
  unavailable,
  unprocessable,
} from '../../src/lib/fault.ts'
import { problem } from '../../src/lib/problem.ts'
import { checkShape } from '../../src/lib/shape.ts'
import { shown } from '../../src/lib/text.ts'

const identity = { requestId: 'r-1', headers: { 'x-request-id': 'r-1' } }

describe('a problem document', () => {
  test('has its members, and detail is a text', async () => {
    const response = problem(unprocessable('No.', { errors: [{ row: 0 }] }), identity)
    expect([response.status, response.headers.get('content-type'), response.headers.get('x-request-id')]).toEqual([
      422,
      'application/problem+json',
      'r-1',
    ])
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Unprocessable Content',
      status: 422,
      detail: 'No.',
      code: 'unprocessable',
      request_id: 'r-1',
      errors: [{ row: 0 }],
    })
  })
  test('of each refusal: status, code and what HTTP asks for', () => {
    const table: [Fault, number, string, Record<string, string>][] = [
      [badRequest('x'), 400, 'bad_request', {}],
      [unauthorized('x'), 401, 'unauthorized', { 'www-authenticate': 'Bearer realm="callgate"' }],
      [forbidden('x'), 403, 'forbidden', {}],
      [notFound('x'), 404, 'not_found', {}],
      [methodNotAllowed(['GET', 'HEAD']), 405, 'method_not_allowed', { allow: 'GET, HEAD' }],
      [conflict('x'), 409, 'conflict', {}],
      [unprocessable('x'), 422, 'unprocessable', {}],
      [notServed(), 501, 'not_implemented', {}],
      [unavailable('x', 7), 503, 'unavailable', { 'retry-after': '7' }],
      [deadlinePassed(), 504, 'deadline_passed', {}],
    ]
    for (const [fault, status, code, headers] of table) {
      const response = problem(fault, identity)
      expect([response.status, fault.code]).toEqual([status, code])
      for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toBe(value)
    }
  })
  test('of what nobody foresaw is a 500 that tells nothing', async () => {
    for (const thrown of [
      new Error('SECRET: SELECT * FROM data'),
      'SECRET',
      undefined,
      { status: 200, message: 'SECRET' },
      // whose codes are numbers
      new DOMException('SECRET', 'AbortError'),
      { code: null },
    ]) {
      const response = problem(toFault(thrown), identity)
      const text = await response.text()
      expect(response.status).toBe(500)
      expect(text).not.toMatch(/SECRET|SELECT|at .*\.ts/)
    }
    const fault = new Fault(503, 'x', 'public', { cause: new Error('SECRET') })
    expect(toFault(fault)).toBe(fault)
    expect(await problem(fault, identity).text()).not.toContain('SECRET')
  })
})

describe('a shape that is not met', () => {
  const Schema = Type.Object(
    {
      name: Type.String({ minLength: 2, pattern: '^[a-z]+$' }),
      size: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
      mode: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
      mask: Type.Optional(Type.Union([Type.Literal('hash'), Type.Literal('null'), Type.Null()])),
      one: Type.Optional(Type.Literal('x')),
      list: Type.Optional(Type.Array(Type.Object({ 'a/b': Type.Boolean() }), { maxItems: 2 })),
      either: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      own: Type.Optional(Type.Number({ error: 'must be as we say.' })),
    },
    { additionalProperties: false },
  )
  const said = (value: unknown, where = '') => {
    try {
      checkShape(Schema, value, where)
    } catch (error) {
      expect((error as Fault).status).toBe(422)
      return (error as Fault).message
    }
    return 'it fits'
  }
  const TABLE: [unknown, string][] = [
    [{ name: 'ok', size: 3, mode: 'a', list: [{ 'a/b': true }], either: null }, 'it fits'],
    ['SECRET', 'The body: expected object.'],
    [null, 'The body: expected object.'],
    [{}, 'name is missing.'],
    [{ name: 5 }, 'name: expected string.'],
    [{ name: 'SECRET9' }, "name: expected string to match '^[a-z]+$'."],
    [{ name: 'ok', size: 77 }, 'size: expected integer to be less or equal to 9.'],
    [{ name: 'ok', size: 1.5 }, 'size: expected integer.'],
    [{ name: 'ok', mode: 'SECRET' }, 'mode must be one of a, b.'],
    [{ name: 'ok', mask: 'SECRET' }, 'mask must be one of hash, "null", null.'],
    [{ name: 'ok', one: 'SECRET' }, 'one must be "x".'],
    [{ name: 'ok', either: 77 }, 'either must be one of: string, null.'],
    [{ name: 'ok', own: 'SECRET' }, 'own must be as we say.'],
    [{ name: 'ok', list: [{ 'a/b': true }, { 'a/b': 'SECRET' }] }, 'list[1].a/b: expected boolean.'],
    [{ name: 'ok', list: [{}, {}, {}] }, 'list: expected array length to be less or equal to 2.'],
    [{ name: 'ok', extra: 'SECRET' }, 'extra is not a known field.'],
    [JSON.parse('{"name":"ok","__proto__":{"SECRET":1}}'), '__proto__ is not a known field.'],
    [{ name: 'ok', ['\u001b[31m'.repeat(40)]: 1 }, `${'?[31m'.repeat(12)}?... is not a known field.`],
  ]
  test('is told by its place and never by its value', () => {
    for (const [value, message] of TABLE) {
      expect(said(value)).toBe(message)
      expect(said(value)).not.toMatch(/SECRET|77/)
    }
    expect(said({}, 'endpoint e')).toBe('endpoint e: name is missing.')
  })
})

test('a name in a message is short and on one line', () => {
  expect(shown('plain é😀')).toBe('plain é😀')
  expect(shown('a\nb\tc\0d\u001be\u0085f\u2028g\u007f')).toBe('a?b?c?d?e?f?g?')
  expect(shown('x'.repeat(64))).toBe('x'.repeat(64))
  expect(shown('x'.repeat(65))).toBe(`${'x'.repeat(61)}...`)
})
