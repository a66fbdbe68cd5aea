import { afterAll, describe, expect, test } from 'bun:test'
import { appendFileSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { ImportRequest } from '../../src/query/ingest/import.ts'
import { workshop } from './ingest-fixture.ts'

const { dir, write, parquet, refusal, remove } = workshop()
afterAll(remove)

const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map(part => Buffer.from(part as string)))
const many = (line: string, times: number) => line.repeat(times)

type Case = [name: string, content: string | Uint8Array, message: string, options?: Partial<ImportRequest>]

/** Every refusal is a 422 whose text is exactly this, with the row and column in its members, and leaves no file. */
async function refused([name, content, message, options]: Case) {
  const { left, ...found } = await refusal(await write(name, content), options)
  const row = /^(?:line|row) (\d+)/.exec(message)?.[1]
  const column = /^(?:(?:line|row) \d+, )?columns? ([^:]+):/.exec(message)?.[1]
  expect(found).toEqual({
    status: 422,
    message,
    members: { ...(row && { row: Number(row) }), ...(column && { column }) },
  })
  expect(left).toEqual([])
}

describe('a bad csv file is refused with its line', () => {
  const FRAME = '; where it numbers the rows, write the file without it (pandas: index=False, R: row.names=FALSE)'
  const cases: Case[] = [
    ['empty.csv', '', 'the file is empty'],
    ['blank.csv', '\n\na,b\n', 'line 1: the header is empty'],
    ['twice.csv', 'a,b,a\n1,2,3\n', 'line 1: the header names the column a twice'],
    ['case.csv', 'a,A\n1,2\n', 'line 1: the header has the columns a and A, which differ in case only'],
    ['unnamed.csv', ',a\n0,1\n', `line 1: column 1 of the header has no name${FRAME}`],
    ['unnamed-later.csv', 'a,,b\n1,2,3\n', 'line 1: column 2 of the header has no name'],
    [
      'wide.csv',
      `${Array.from({ length: 2001 }, (_, i) => `c${i}`)}\n`,
      'line 1: 2001 columns, and a table can have 2000',
    ],
    ['long.csv', 'x'.repeat(2_000_000), 'line 1: the header is longer than 1 MB'],
    ['latin.csv', bytes('a,b\n1,2\n3,', [0xe9], '\n'), 'line 3: not UTF-8 text'],
    // half a character, one that is longer than it has to be, one beyond the last, and the beginning of one
    ...[
      [0xed, 0xa0, 0x80],
      [0xe0, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ].map(
      (text, i): Case => [
        `utf8-${i}.csv`,
        bytes('a,b\n1,\ud7ff\u0800\u{10ffff}\n3,', text, i === 3 ? '' : '\n4,5\n'),
        'line 3: not UTF-8 text',
      ],
    ),
    [
      'utf16.csv',
      bytes([0xff, 0xfe], Buffer.from('a,b\n1,2\n', 'utf16le').toString('latin1')),
      'line 1: the file is not UTF-8 text, but UTF-16: save it as CSV UTF-8',
    ],
    ['zipped.csv', gzipSync('a,b\n1,2\n'), 'line 1: the file is not UTF-8 text, but gzip: call it .csv.gz'],
    [
      'workbook.csv',
      bytes('PK\x03\x04\x14\0\x06\0', [0xff], '\n'),
      'line 1: the file is not UTF-8 text, but a zip file or an Excel workbook',
    ],
    ['binary.csv', bytes('a\0b,c\n1,2\n'), 'line 1: the file is not UTF-8 text'],
    ['more.csv', 'a,b\n1,2\n\n3,4,5\n', 'line 4: 3 fields where the header has 2'],
    ['fewer.csv', `a,b\n"x\ny",1\n${many('1,2\n', 5000)}3\n`, 'line 5004: 1 field where the header has 2'],
    ['open.csv', 'a,b\n1,2\n3,"4\n5,6\n', 'line 3: a quoted field is never closed'],
    ['after.csv', 'a,b\n1,"2"3\n', 'line 2: characters after a closing quote'],
    ['afterhead.csv', 'a,"b" c\n1,2\n', 'line 1: characters after a closing quote'],
    ['openhead.csv', '"a,b\n1,2\n', 'line 1: a quoted name is never closed'],
    ['mixed.csv', 'a,b\r\n1,2\n3,4\r\n', 'line 2: the line ends differently (LF or CRLF) from the lines before it'],
    [
      'mixedhead.csv',
      '"a\nb",c\r\n1,2\n3,4\n',
      'line 3: the line ends differently (LF or CRLF) from the lines before it',
    ],
    ['huge.csv', `a,b\n1,"${'x'.repeat(17_000_000)}"\n2,3\n`, 'line 2: longer than 16 MB'],
    ['notgz.csv.gz', 'a,b\n1,2\n', 'the file is not a whole gzip file'],
    [
      'cut.csv.gz',
      gzipSync(`a,b\n${Array.from({ length: 20_000 }, (_, i) => `${i},${i * 7919}\n`).join('')}`).subarray(0, 20_000),
      'the file is not a whole gzip file',
    ],
    // cut between two fields of what is packed, and behind all of it: what is left reads like a file by itself
    ...[60, 80, -9, -8, -1].map((at): Case => {
      const packed = gzipSync(`a,b\n${Array.from({ length: 50 }, (_, i) => `${i},x${i}\n`).join('')}`)
      return [`cut${at}.csv.gz`, packed.subarray(0, at), 'the file is not a whole gzip file']
    }),
    ['tabs.tsv', 'a\tb\n1\t2\t3\n', 'line 2: 3 fields where the header has 2'],
  ]
  for (const given of cases) test(given[0], () => refused(given))

  for (const end of ['', '\n'])
    test(`a last line of hundreds of megabytes, which DuckDB lets go, ${end ? 'ended' : 'not ended'}`, async () => {
      const path = await write('last.csv', 'a,b\n1,2\n3,')
      truncateSync(path, 300_000_000)
      appendFileSync(path, end)
      expect(await refusal(path)).toMatchObject({ status: 422, message: 'line 3: longer than 16 MB', left: [] })
    })
})

describe('a bad value is refused with its line and column', () => {
  const lines = `k,v\n"x\ny",1\n\n${Array.from({ length: 3000 }, (_, i) => `${i},${i}\n`).join('')}`
  const cases: Case[] = [
    ['float.csv', `${lines}z,1.5.5\n`, 'line 3005, column v: not a float', { types: { v: 'float' } }],
    [
      'integer.csv',
      `${lines}z,99999999999999999999\n`,
      'line 3005, column v: not an integer',
      { types: { v: 'integer' } },
    ],
    ['bool.csv', 'v,w\n1,1\n2,1\n', 'line 3, column v: not a boolean', { types: { v: 'boolean' } }],
    ['date.csv', 'v,w\n2024-02-30,1\n', 'line 2, column v: not a date', { types: { v: 'date' } }],
    ['decimal.csv', 'v,w\n1.5,1\n1e5,1\n', 'line 3, column v: not a decimal', { types: { v: 'decimal' } }],
    [
      'digits.csv',
      `v,w\n0.5,1\n1${'0'.repeat(38)},1\n`,
      'line 3, column v: more than 38 digits, at the 1 behind the point that the column needs',
      { types: { v: 'decimal' } },
    ],
    ['two.csv', 'v,w\n1,x\ny,1\n', 'line 2, column w: not an integer', { types: { v: 'integer', w: 'integer' } }],
    [
      'undeclared.csv',
      'v,w\n1,2\n',
      'column x: there is no such column; the columns are v, w',
      { types: { x: 'text' } },
    ],
    ['one.csv', 'v\n1\n\nx\n', 'line 4, column v: not an integer', { types: { v: 'integer' } }],
    [
      'lost.ndjson',
      '{"v":1e3}\n{"v":9007199254740991.0}\n{"v":9007199254740993.0}\n',
      'row 3, column v: not an integer',
      { types: { v: 'integer' } },
    ],
    ['value.ndjson', '{"v":1}\n{"v":"x"}\n', 'row 2, column v: not an integer', { types: { v: 'integer' } }],
  ]
  for (const given of cases) test(given[0], () => refused(given))

  test('parquet', async () => {
    const dates = await parquet('dates.parquet', "SELECT unnest([DATE '2024-01-01', DATE '12024-01-01']) AS d")
    expect(await refusal(dates)).toMatchObject({
      status: 422,
      message: 'row 2, column d: a date outside the years 0000 to 9999',
      left: [],
    })
    const infinite = await parquet('infinite.parquet', "SELECT unnest([NULL, 'infinity'::TIMESTAMPTZ]) AS d")
    expect((await refusal(infinite)).message).toBe('row 2, column d: a timestamptz outside the years 0000 to 9999')
    const far = await parquet('far.parquet', "SELECT unnest([NULL, '294247-01-10 04:00:54Z'::TIMESTAMPTZ]) AS d")
    expect((await refusal(far)).message).toBe('row 2, column d: a timestamptz outside the years 0000 to 9999')
    const unsigned = await parquet('unsigned.parquet', 'SELECT unnest([1, 18446744073709551615]::UBIGINT[]) AS u')
    expect((await refusal(unsigned, { types: { u: 'integer' } })).message).toBe('row 2, column u: not an integer')
    const text = await parquet('text.parquet', "SELECT unnest(['1', 'x']) AS v")
    expect((await refusal(text, { types: { v: 'float' } })).message).toBe('row 2, column v: not a float')
  })
})

describe('a bad key or index is refused', () => {
  const rows = 'id,name,score\n1,a,1.5\n2,b,\n"3",c,2\n'
  const cases: Case[] = [
    [
      'dup.csv',
      `${rows}2,d,3\n`,
      'line 5, column id: the primary key is already taken by an earlier row',
      { primaryKey: 'id' },
    ],
    [
      'duptext.csv',
      `${rows}4,a,3\n`,
      'line 5, column name: the primary key is already taken by an earlier row',
      { primaryKey: 'name' },
    ],
    [
      'duptwo.csv',
      `${rows}2,b,3\n`,
      'line 5, columns id, name: the primary key is already taken by an earlier row',
      { primaryKey: ['id', 'name'] },
    ],
    ['null.csv', rows, 'line 3, column score: the primary key is empty', { primaryKey: 'score' }],
    [
      'nokey.csv',
      rows,
      'column ID: the primary key names a column that is not there; the columns are id, name, score',
      { primaryKey: 'ID' },
    ],
    [
      'noindex.csv',
      rows,
      'column x: the index names a column that is not there; the columns are id, name, score',
      { indexes: [['id'], ['x']] },
    ],
    ['twice.csv', rows, 'columns id, id: the index names a column twice', { indexes: [['id', 'id']] }],
    ['none.csv', rows, 'the index names no column', { indexes: [[]] }],
    [
      'dup.ndjson',
      '{"id":1}\n\n{"id":1}\n',
      'row 2, column id: the primary key is already taken by an earlier row',
      { primaryKey: 'id' },
    ],
  ]
  for (const given of cases) test(given[0], () => refused(given))
})

describe('a bad json or parquet file is refused', () => {
  const DEEPER = 'a JSON value of more than 1000 levels'
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const HALF = 'half a character in a text: \\ud800 to \\udfff stand in pairs'
  const cases: Case[] = [
    ['empty.json', '', 'the file is empty'],
    ['spaces.json', '  \n ', 'the file has no records, so no columns'],
    ['none.json', '[]', 'the file has no records, so no columns'],
    ['numbers.json', '[{"a":1},2]', 'row 2: not an object'],
    ['scalar.json', '5', 'row 1: not an object'],
    ['broken.json', '[{"a":1},{"a":2},{"a" 3}]', 'row 3: not valid JSON'],
    ['comma.json', '[{"a":1},]', 'row 2: not valid JSON'],
    ['half.json', '[{"a":"\\\\ud800"},{"a":"\\ud83d\\ude00"},{"a":"\\ud83d"},{"a":1}]', `row 3: ${HALF}`],
    ['half.ndjson', '{"a":1}\n{"a":[{"b":"x\\\\\\udfff"}]}\n', `row 2: ${HALF}`],
    ['cut.json', '[{"a":1},{"a":2}', 'row 3: the file ends before the array does'],
    ['trailing.json', '[{"a":1}] x', 'something follows the end of the array'],
    ['latin.json', bytes('[{"a":"', [0xff], '"}]'), 'row 1: not UTF-8 text'],
    ['latin.ndjson', bytes('{"a":"\ufffd"}\n{"a":"é"}\n{"a":"', [0xe9], '"}\n'), 'row 3: not UTF-8 text'],
    ['deep.json', '['.repeat(200_000), 'row 1: not valid JSON'],
    ['deeper.ndjson', `{"a":${nested(1000)}}\n{"a":${nested(50_000)}}\n`, `row 2, column a: ${DEEPER}`],
    ['deeper.csv', `a\n1\n"${nested(1001)}"\n`, `line 3, column a: ${DEEPER}`, { types: { a: 'json' } }],
    ['keys.json', '[{"a":1},{"A":2}]', 'the file has the columns a and A, which differ in case only'],
    ['double.json', '[{"a":1},{"a":1,"b":2,"a":2}]', 'row 2: a field occurs twice'],
    ['double.ndjson', '{"a":1}\n{"a":1,"a":2}\n', 'row 2: a field occurs twice'],
    ['unnamed.json', '[{"":1}]', 'column 1 of the file has no name'],
    ['broken.ndjson', '{"a":1}\n\n{"a":2}\n{"a" 3}\n', 'row 3: not valid JSON'],
    ['scalar.ndjson', '{"a":1}\n7\n', 'row 2: not an object'],
    ['large.ndjson', `{"a":1}\n{"a":"${'x'.repeat(40_000_000)}"}\n`, 'row 2: longer than 16 MB'],
    ['text.parquet', 'a,b\n1,2\n', 'not a parquet file'],
    ['empty.parquet', '', 'the file is empty'],
  ]
  for (const given of cases) test(given[0], () => refused(given))

  test('a parquet file with a decimal of more digits than can be read, which would be other numbers', () =>
    // x: decimal256(50, 3), as Arrow writes it: 1.5 and 2
    refused([
      'digits.parquet',
      Buffer.from(
        'UEFSMRUAFWAVYCwVBBUAFQYVBhwAAAACAAAABAEAAAAAAAAAAAAAAAAAAAAAAAAABdwAAAAAAAAAAAAAAAAAAAAAAAAAB9AVBBksNQAYBnNjaGVtYRUCABUOFSoVAhgBeCUKFQYVZCxcFQYVZAAAABYEGRwZHCYAHBUOGSUGABkYAXgVABYEFoYBFoYBJghJHBUAFQAVAgA8KQYZJgAEAAAAFoYBFgQmCBaGAQAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGRwcAAAAjgAAAFBBUjE=',
        'base64',
      ),
      'column x: a decimal of 50 digits, and 38 can be read: write it as text, or with fewer',
    ]))

  test('a parquet file that is encrypted, or has no columns', async () => {
    // as Arrow writes them: one with its footer encrypted, and a table of nothing
    const secret =
      'UEFSRSoAAABw9HzWYzd5xU/6OGmVnsKePgT6XpQAYjPYUYbz60n5dCNm5/78091yV1wmAAAAMYO3k+5M5FMkIwrusnRErCwmkgT/z+4ttVnhwUXQedZqum1oCrpbAAAAQEH6M1CHyZFJ98gRN9ljjROamFQhXzyVWkuk2Fl3Jv1hFkP/L0GUZh0WSekkBepre4I+rXCA+GO3gJhtrmgyvSxYqZz9loNPSBCBT8bGpe7bJmvDgQ0CAFekXScAAADcFqerQlIGlg4A1xbrtv2Q+GFZ+3aepB9PsaKtWn2XlSpSNsFDP7McHCgIp9/CHuggyr4SAAAYywF7ImtleU1hdGVyaWFsVHlwZSI6IlBLTVQxIiwiaW50ZXJuYWxTdG9yYWdlIjp0cnVlLCJpc0Zvb3RlcktleSI6dHJ1ZSwia21zSW5zdGFuY2VJRCI6IkRFRkFVTFQiLCJrbXNJbnN0YW5jZVVSTCI6IkRFRkFVTFQiLCJtYXN0ZXJLZXlJRCI6ImsiLCJ3cmFwcGVkREVLIjoibEMvenh6ZDhYblExRnM3ZHR1OGladz09IiwiZG91YmxlV3JhcHBpbmciOmZhbHNlfQCZAQAAy0EPgRLO6nWRH2mPkZMXPrD7Z2601567dqnmBEoDWSgdQv5I4ePKKuR1o6rWzzdpI1wMwLsCv370y5c4JD3zcUN/ekrC0CPZlPs5wweN2TQ4ao7UCxCK9ItUAe14jYR9dyVe4WOWXwm/llANC5lfsC8Ww0pt8d3Xj+/iQd1S2XbdumwFvxHcuQb8aQN1oOFbgJDsQPJ0YAWMY+50MGWs2mbEIhe+ER28gHB31l3WUJgYUeYidbljIfP0Zgld0PywcGgNcTM7st5+vWSEpe2VpuqVyihMwstbxvJmUghi8CnvjSO2k/FYPTm4Sr1t8xKHv3YhlnfKpLiI9VMo6oqQdmi+Cb/ZvxlSgdVWRc0tGRG0hJ/QPxJPhmwiwiD0I+h8VqGRKxckd30LPAcnGu8Z9tQ19iPL7TiqOYSWof96aUzab/3O+wDdVq84oSoVzhwif8j1ScwpdtDo4SlnqAuqtpB/RUby1kXTR7olb6OgOg1KOzfJoregwN985a5iq1THkGWiE59fjUKUttfAT3EC0IhF+I25LOBDhnsCAABQQVJF'
    await refused(['secret.parquet', Buffer.from(secret, 'base64'), 'the parquet file is encrypted'])
    const nothing =
      'UEFSMRUEGRw1ABgGc2NoZW1hFQAAFgAZHBkMFgAWACYAFgAAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRkMAEUAAABQQVIx'
    await refused(['nothing.parquet', Buffer.from(nothing, 'base64'), 'the file has no columns'])
  })

  test('a parquet file that is damaged, or whose names clash', async () => {
    const path = await parquet('good.parquet', 'SELECT range AS a, hash(range) AS b FROM range(50000)')
    const whole = await Bun.file(path).bytes()
    await refused(['cut.parquet', whole.subarray(0, whole.length / 2), 'not a parquet file'])
    const holed = whole.slice()
    holed.fill(0xaa, 1000, whole.length / 2)
    await refused(['holed.parquet', holed, 'the parquet file is damaged, or has a feature that cannot be read'])
    const renamed = Buffer.from(await Bun.file(await parquet('clash.parquet', 'SELECT 1 AS aa, 2 AS ab')).bytes())
    for (let at = renamed.indexOf('ab'); at >= 0; at = renamed.indexOf('ab', at + 1)) renamed.write('AA', at)
    await refused(['renamed.parquet', renamed, 'the file has the columns aa and AA, which differ in case only'])
  })
})

test('an absent file, a directory, and what cannot be reached are refused', async () => {
  expect((await refusal('/nowhere/at/all.csv')).message).toBe('there is no such file')
  expect((await refusal('/tmp', { format: 'csv' })).message).toBe('there is no such file')
  const itself = join(dir, 'itself.csv')
  symlinkSync(itself, itself)
  for (const path of [itself, join(await write('file.csv', 'a\n1\n'), 'below.csv'), `/${'a'.repeat(5000)}.csv`])
    expect((await refusal(path)).message).toBe('there is no such file')
})
