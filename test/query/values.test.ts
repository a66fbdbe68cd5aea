import { describe, expect, test } from 'bun:test'
import type { StoredColumn } from '../../src/catalog/column.ts'
import { comparable, decoderOf, encodeText, needsBigints, type StoredValue } from '../../src/query/values.ts'
import { cpuOf } from '../harness.ts'

const column = (type: StoredColumn['type'], more: Partial<StoredColumn> = {}): StoredColumn => ({
  name: 'c',
  type,
  nullable: true,
  ...more,
})

/** text of a request -> as it is stored; undefined: refused */
const TABLE: [StoredColumn, [string, StoredValue | undefined][]][] = [
  [
    column('integer'),
    [
      ['0', 0],
      ['+7', 7],
      ['-12', -12],
      ['0007', 7],
      ['9007199254740991', 9007199254740991],
      ['9007199254740993', 9007199254740993n],
      ['9223372036854775807', 9223372036854775807n],
      ['-9223372036854775808', -9223372036854775808n],
      ['9223372036854775808', undefined],
      ['-9223372036854775809', undefined],
      ['99999999999999999999', undefined],
      ...['', ' 1', '1 ', '1.0', '1e3', '0x10', '1_000', '١', '--1', 'NaN', 'Infinity', '1\n'].map(
        t => [t, undefined] as [string, undefined],
      ),
    ],
  ],
  [
    column('float'),
    [
      ['1', 1],
      ['-.5', -0.5],
      ['5.', 5],
      ['1e-7', 1e-7],
      ['1E+300', 1e300],
      ['1e999', undefined],
      ['1e1000', undefined],
      ...['', '.', 'e5', 'NaN', 'Infinity', '-Infinity', '0x1', '1,5', '1e', '+'].map(
        t => [t, undefined] as [string, undefined],
      ),
    ],
  ],
  [
    column('decimal', { precision: 5, scale: 2 }),
    [
      ['1.5', 150n],
      ['-0.05', -5n],
      ['999.99', 99999n],
      ['1.500', 150n],
      ['-0', 0n],
      ['1000', undefined],
      ['1.005', undefined],
      ['1e2', undefined],
      ['', undefined],
      ['.', undefined],
    ],
  ],
  [
    column('decimal', { precision: 20, scale: 0 }),
    [
      ['5', 'p00000000000000000005'],
      ['-5', 'n99999999999999999994'],
      ['100000000000000000000', undefined],
    ],
  ],
  [
    column('boolean'),
    [
      ['true', 1],
      ['1', 1],
      ['false', 0],
      ['0', 0],
      ...['TRUE', 'yes', '', '2', 'null'].map(t => [t, undefined] as [string, undefined]),
    ],
  ],
  [
    column('text'),
    [
      ['', ''],
      ["' OR 1=1 --", "' OR 1=1 --"],
      ['😀é', '😀é'],
      ['a\0b', undefined],
      ['\0', undefined],
    ],
  ],
  [
    column('date'),
    [
      ['2024-02-29', '2024-02-29'],
      ['0000-01-01', '0000-01-01'],
      ['9999-12-31', '9999-12-31'],
      ...[
        '2024-02-30',
        '2023-02-29',
        '2024-13-01',
        '2024-00-01',
        '2024-1-1',
        '2024-01-01T00:00',
        '20240101',
        '',
        '-2024-01-01',
        '10000-01-01',
      ].map(t => [t, undefined] as [string, undefined]),
    ],
  ],
  [
    column('time'),
    [
      ['09:30', '09:30:00'],
      ['09:30:15', '09:30:15'],
      ['09:30:15.2500', '09:30:15.25'],
      ['09:30:15.000', '09:30:15'],
      ...['24:00', '9:30', '09:60', '09:30:60', '09:30:15.1234567891', '09:30Z', ''].map(
        t => [t, undefined] as [string, undefined],
      ),
    ],
  ],
  [
    column('timestamp'),
    [
      ['2024-02-29', '2024-02-29T00:00:00'],
      ['2024-02-29 10:05', '2024-02-29T10:05:00'],
      ['2024-02-29T10:05:06.100', '2024-02-29T10:05:06.1'],
      ...[
        '2024-02-29T10:05Z',
        '2024-02-29T10:05+01:00',
        '2024-02-30T10:05',
        '2024-02-29T',
        '2024-02-29T25:00',
        'now',
        '',
      ].map(t => [t, undefined] as [string, undefined]),
    ],
  ],
  [
    column('timestamptz'),
    [
      ['2024-02-29T10:05:00Z', '2024-02-29T10:05:00'],
      ['2024-02-29t10:05:00z', '2024-02-29T10:05:00'],
      ['2024-02-29T10:05', '2024-02-29T10:05:00'],
      ['2024-02-29T10:05:00.25+02:00', '2024-02-29T08:05:00.25'],
      ['2024-02-29T23:30:00-0130', '2024-03-01T01:00:00'],
      ['2024-01-01T00:00:00+14:00', '2023-12-31T10:00:00'],
      // a zone that leads out of the years that sort as text
      ['0000-01-01T00:00:00+01:00', undefined],
      ['9999-12-31T23:59:00-01:00', undefined],
      ...['2024-02-29T10:05:00+25:99', '2024-02-29T10:05:00+2', '2024-02-29T10:05:00 UTC', '2024-02-29Z', ''].map(
        t => [t, undefined] as [string, undefined],
      ),
    ],
  ],
  [column('blob'), [['AAEC', undefined]]],
  [column('json'), [['{}', undefined]]],
]

describe("a request's text is a value of the column's type exactly, or refused", () => {
  for (const [of, cases] of TABLE)
    test(`${of.type}${of.precision ? `(${of.precision},${of.scale})` : ''}`, () => {
      for (const [text, stored] of cases) expect([text, encodeText(of, text)]).toEqual([text, stored])
    })
})

test('whatever is sent is read in time that grows with its length only', () => {
  const hostile = [
    '2024-01-01T'.padEnd(4000, '1'),
    '1'.repeat(4000),
    `${'1'.repeat(2000)}.${'1'.repeat(2000)}e`,
    '+'.repeat(4000),
    ' '.repeat(4000),
  ]
  const taken = cpuOf(() => {
    for (const [of] of TABLE) for (const text of hostile) encodeText(of, text)
  })
  expect(taken).toBeLessThan(1000)
})

test('blobs and json are compared with nothing', () => {
  expect(['blob', 'json'].map(type => comparable(column(type as 'blob')))).toEqual([false, false])
  expect(['text', 'integer', 'boolean'].map(type => comparable(column(type as 'text')))).toEqual([true, true, true])
})

describe('stored values are answered as JSON that loses nothing', () => {
  const answered = (of: StoredColumn, stored: StoredValue, bigints = false) => {
    const decode = decoderOf(of, bigints)
    return decode ? decode(stored) : stored
  }
  test('integers beyond 2^53 are strings, on either side of it', () => {
    const wide = column('integer', { wide: true })
    expect(needsBigints(wide)).toBe(true)
    expect(answered(wide, 9007199254740991n, true)).toBe(9007199254740991)
    expect(answered(wide, 9007199254740992n, true)).toBe('9007199254740992')
    expect(answered(wide, -9007199254740992n, true)).toBe('-9007199254740992')
    expect(answered(wide, -9223372036854775808n, true)).toBe('-9223372036854775808')
    expect(answered(wide, null, true)).toBeNull()
  })
  test('an integer column reads the same whether or not its neighbour needs bigint', () => {
    expect(answered(column('integer'), 7n, true)).toBe(7)
    expect(answered(column('boolean'), 1n, true)).toBe(true)
    expect(answered(column('decimal', { precision: 5, scale: 2 }), 150n, true)).toBe('1.50')
    expect(answered(column('float'), 1.5, true)).toBe(1.5)
  })
  test('decimals are strings with their scale', () => {
    expect(answered(column('decimal', { precision: 5, scale: 2 }), -5)).toBe('-0.05')
    expect(answered(column('decimal', { precision: 18, scale: 0 }), 999999999999999999n, true)).toBe(
      '999999999999999999',
    )
    expect(needsBigints(column('decimal', { precision: 18, scale: 0 }))).toBe(true)
    expect(answered(column('decimal', { precision: 20, scale: 1 }), 'n99999999999999999994')).toBe('-0.5')
  })
  test('the others', () => {
    expect(answered(column('boolean'), 0)).toBe(false)
    expect(answered(column('timestamptz'), '2024-01-01T00:00:00')).toBe('2024-01-01T00:00:00Z')
    expect(answered(column('timestamp'), '2024-01-01T00:00:00')).toBe('2024-01-01T00:00:00')
    expect(answered(column('blob'), new Uint8Array([0, 255]))).toBe('AP8=')
    expect(answered(column('blob'), new Uint8Array())).toBe('')
    expect(answered(column('json'), '{"a":[1]}')).toEqual({ a: [1] })
    for (const type of ['boolean', 'decimal', 'timestamptz', 'blob', 'json', 'text', 'float'] as const)
      expect(answered(column(type), null)).toBeNull()
  })
})
