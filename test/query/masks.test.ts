import { describe, expect, test } from 'bun:test'
import type { Mask } from '../../src/catalog/column.ts'
import { maskOf } from '../../src/query/masks.ts'

const secret = new Uint8Array(32).fill(1)
const masked = (mask: Mask | undefined, value: unknown) =>
  maskOf({ name: 'c', type: 'text', nullable: true, sensitivity: 'high', ...(mask ? { mask } : {}) }, secret)(value)

const TABLE: [Mask | undefined, [unknown, unknown][]][] = [
  [
    undefined,
    [
      ['anything', '***'],
      ['', '***'],
      [5, '***'],
    ],
  ],
  [
    'redact',
    [
      ['anything', '***'],
      [{ a: 1 }, '***'],
    ],
  ],
  ['null', [['anything', null]]],
  [
    'email',
    [
      ['jane.doe@example.org', 'j***@example.org'],
      ['😀x@example.org', '😀***@example.org'],
      ['"a@b"@example.org', '"***@example.org'],
      ['x@y', 'x***@y'],
      ['@example.org', '***'],
      ['no address', '***'],
      ['', '***'],
      [12, '***'],
    ],
  ],
  [
    'last4',
    [
      ['4111111111111234', '***1234'],
      ['12345', '***2345'],
      // nothing is left to hide behind
      ['1234', '***'],
      ['1', '***'],
      ['', '***'],
      ['a😀b😀c', '***😀b😀c'],
      [123456789, '***6789'],
      ['9223372036854775807', '***5807'],
      [true, '***'],
    ],
  ],
  [
    'initials',
    [
      ['Jane Doe', 'J. D.'],
      ['  jane\t von\nDoe ', 'j. v. D.'],
      ['Éva 数学', 'É. 数.'],
      ['😀x', '😀.'],
      ['', ''],
    ],
  ],
  [
    'year',
    [
      ['1985-04-12', '1985'],
      ['1985-04-12T10:00:00Z', '1985'],
      [1985, '1985'],
      ['1985', '1985'],
      [19850412, '***'],
      ['19850412', '***'],
      ['12:30:00', '***'],
      ['-1985', '***'],
      ['x1985-', '***'],
      ['', '***'],
    ],
  ],
]

describe('a mask shows what it is for and no more', () => {
  for (const [mask, cases] of TABLE)
    test(mask ?? 'redact, where none is named', () => {
      for (const [value, shown] of cases) expect([value, masked(mask, value)]).toEqual([value, shown])
    })
})

test('hash is 16 hex digits: equal for equal values, another for another secret, never the plain digest', () => {
  const of = (value: unknown) => masked('hash', value) as string
  expect(of('jane')).toMatch(/^[0-9a-f]{16}$/)
  expect(of('jane')).toBe(of('jane'))
  expect(of('jane')).not.toBe(of('Jane'))
  expect(of(5)).toBe(of('5'))
  expect(of('jane')).not.toBe(new Bun.CryptoHasher('sha256').update('jane').digest('hex').slice(0, 16))
  const other = maskOf(
    { name: 'c', type: 'text', nullable: true, sensitivity: 'high', mask: 'hash' },
    new Uint8Array(32),
  )
  expect(other('jane')).not.toBe(of('jane'))
})
