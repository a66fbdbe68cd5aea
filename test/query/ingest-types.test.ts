import { afterAll, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { decodeDecimal } from '../../src/lib/decimal.ts'
import { openDuckdb } from '../../src/query/ingest/duck.ts'
import { formatOf } from '../../src/query/ingest/import.ts'
import { openSource } from '../../src/query/ingest/job.ts'
import { planColumns } from '../../src/query/ingest/plan.ts'
import { workshop } from './ingest-fixture.ts'
import { refusal } from './table-fixture.ts'

const { dir, write, parquet, take, remove } = workshop()
afterAll(remove)

/** The types of one csv column with these values. */
async function typeOf(...values: string[]): Promise<string> {
  const { types } = await take(await write('one.csv', `x,y\n${values.map(value => `${value},1\n`).join('')}`))
  return types.x!
}

test('a format is told by the file name, in any case', () => {
  expect(['a.csv', 'A.CSV.GZ', 'a.tsv', 'a.json', 'a.ndjson', 'a.jsonl', 'a.Parquet'].map(formatOf)).toEqual([
    'csv',
    'csv.gz',
    'tsv',
    'json',
    'ndjson',
    'ndjson',
    'parquet',
  ])
  expect(formatOf('a.xlsx')).toBeUndefined()
})

test('csv: types are inferred from all values, and kept', async () => {
  const path = await write(
    'types.csv',
    [
      'i,wide,huge,f,b,d,ts,tz,code,mixed,none,money',
      '1,9007199254740993,123456789012345678901234567890,1.5,true,2024-02-29,2024-01-01 10:00:00.500,2024-01-01T10:00:00+02:00,01234,1,,12345678901234567.89',
      '-2,-9223372036854775808,-1,2004.0,FALSE,1999-12-31,2024-01-01T10:00:01.123456789,2024-01-01T10:00:00.25Z,5,x,,-1.5',
      ',9223372036854775807,0,-1e-3,False,0001-01-01,2024-01-01T10:00,2024-12-31 23:30:00-0100,7,2,,0.25',
    ].join('\n'),
  )
  const { types, rows, rowCount } = await take(path)
  expect(rowCount).toBe(3)
  expect(types).toEqual({
    i: 'integer?',
    wide: 'integer!',
    huge: 'decimal(30,0)',
    f: 'float',
    b: 'boolean',
    d: 'date',
    ts: 'timestamp',
    tz: 'timestamptz',
    code: 'text',
    mixed: 'text',
    none: 'text?',
    money: 'decimal(19,2)',
  })
  expect(rows.map(row => row.i)).toEqual([1, -2, null])
  expect(rows.map(row => row.wide)).toEqual([9007199254740993n, -9223372036854775808n, 9223372036854775807n])
  expect(rows.map(row => decodeDecimal(row.huge as string, 30, 0))).toEqual([
    '123456789012345678901234567890',
    '-1',
    '0',
  ])
  expect(rows.map(row => decodeDecimal(row.money as string, 19, 2))).toEqual(['12345678901234567.89', '-1.50', '0.25'])
  expect(rows.map(row => row.f)).toEqual([1.5, 2004, -0.001])
  expect(rows.map(row => row.b)).toEqual([1, 0, 0])
  expect(rows.map(row => row.d)).toEqual(['2024-02-29', '1999-12-31', '0001-01-01'])
  expect(rows.map(row => row.ts)).toEqual([
    '2024-01-01T10:00:00.5',
    '2024-01-01T10:00:01.123456789',
    '2024-01-01T10:00:00',
  ])
  expect(rows.map(row => row.tz)).toEqual(['2024-01-01T08:00:00', '2024-01-01T10:00:00.25', '2025-01-01T00:30:00'])
  expect(rows.map(row => row.code)).toEqual(['01234', '5', '7'])
})

test('csv: what only looks like a number, a date or a boolean stays text', async () => {
  for (const text of [
    '01234',
    '+5',
    ' 5',
    '5 ',
    'NaN',
    '1_000',
    '0x10',
    '1e999',
    '2023-02-30',
    '2023-1-1',
    '24:00',
    'yes',
    '-',
    '.',
    'e5',
    '1.2.3',
    '12345678901234567890123456789012345678901',
  ])
    expect([text, await typeOf(text)]).toEqual([text, 'text'])
  expect(await typeOf('true', '1')).toBe('text')
  expect(await typeOf('2024-01-01', '2024-01-01T10:00:00')).toBe('timestamp')
  expect(await typeOf('2024-01-01T10:00:00', '2024-01-01T10:00:00Z')).toBe('text')
  expect(await typeOf('1', '2.5', '1e3')).toBe('float')
  expect(await typeOf('-0')).toBe('float')
}, 180_000)

test('csv: an unquoted empty field is NULL, a quoted one is empty text', async () => {
  const { rows, types } = await take(await write('empty.csv', 'a,b\n"",1\n,2\nx,\n'))
  expect(rows.map(row => row.a)).toEqual(['', null, 'x'])
  expect(rows.map(row => row.b)).toEqual([1, 2, null])
  expect(types).toEqual({ a: 'text?', b: 'integer?' })
})

test('csv: quotes, line breaks in fields, unicode and NUL characters come through', async () => {
  const { rows } = await take(await write('quotes.csv', '\ufeff"a ""b""",é\r\n"x\r\ny","q""q"\r\nz\0z,日本\r\n'))
  expect(rows).toEqual([
    { 'a "b"': 'x\r\ny', é: 'q"q' },
    { 'a "b"': 'z\0z', é: '日本' },
  ])
})

test('csv: a name may have line breaks in it, others than lines end with', async () => {
  for (const [within, end] of [
    ['\n', '\r\n'],
    ['\r\n', '\n'],
    ['\n', '\r'],
  ]) {
    const path = await write('lines.csv', `"two${within}lines",v${end}"a${within}b",1${end}c,2`)
    const { rows } = await take(path)
    expect(rows).toEqual([
      { [`two${within}lines`]: `a${within}b`, v: 1 },
      { [`two${within}lines`]: 'c', v: 2 },
    ])
  }
})

test('csv: names are read as fields are: a quote within one is text, spaces around quotes are not', async () => {
  const path = await write('inches.csv', '5" pipe,a"b"c, "x,y" ,"q ""q"""\n6" pipe,d"e"f, "x,y" ,"q ""q"""\n')
  expect((await take(path)).rows).toEqual([{ '5" pipe': '6" pipe', 'a"b"c': 'd"e"f', 'x,y': 'x,y', 'q "q"': 'q "q"' }])
  const tabs = await write('inches.tsv', 'size, "big\tw\n1\t2\n')
  expect((await take(tabs)).rows).toEqual([{ 'size, "big': 1, w: 2 }])
})

test('csv: the delimiter is the one the header has most of, outside quotes; tsv has tabs', async () => {
  for (const delimiter of [',', ';', '|', '\t']) {
    const { rows } = await take(
      await write('delimiter.csv', `${['"a,,,,,b"', 'c', 'd'].join(delimiter)}\n1${delimiter}2${delimiter}3\n`),
    )
    expect(rows).toEqual([{ 'a,,,,,b': 1, c: 2, d: 3 }])
  }
  expect((await take(await write('tabs.tsv', 'a,b\tc\n1\t2\n'))).rows).toEqual([{ 'a,b': 1, c: 2 }])
})

test('csv.gz is read like csv, and a header alone is a table without rows', async () => {
  const { rows } = await take(await write('a.csv.gz', gzipSync('a,b\n1,x\n')))
  expect(rows).toEqual([{ a: 1, b: 'x' }])
  const empty = await take(await write('header.csv', 'a,b\n'), { primaryKey: 'a' })
  expect(empty).toMatchObject({ rowCount: 0, types: { a: 'text?', b: 'text?' } })
})

test('what DuckDB is asked to settle types grows by little with each column: it plans long questions for minutes', async () => {
  const asked = async (file: string, text: string) => {
    const path = await write(file, text)
    const connection = await openDuckdb(dir, { paths: [path] })
    const questions: string[] = []
    const read = connection.runAndReadAll.bind(connection)
    connection.runAndReadAll = (sql, ...rest) => {
      questions.push(sql)
      return read(sql, ...rest)
    }
    const source = await openSource(formatOf(file)!, { names: [path], paths: [path] }, connection)
    questions.length = 0
    const { columns } = await planColumns(connection, source, {})
    connection.closeSync()
    return {
      length: Math.max(...questions.map(({ length }) => length)),
      types: columns.map(({ stored }) => stored.type),
    }
  }
  const names = Array.from({ length: 400 }, (_, i) => `n${i}`)
  const fields = names.map((name, i) => `"${name}":${i % 2 ? '"2024-02-01"' : i}`)
  for (const [file, text] of [
    ['wide.csv', `${names}\n${names.map((_, i) => (i % 2 ? '2024-02-01' : i))}`],
    ['wide.ndjson', `{${fields}}`],
  ] as const) {
    const { length, types } = await asked(file, text)
    expect(types).toEqual(names.map((_, i) => (i % 2 ? 'date' : 'integer')))
    expect(length).toBeLessThan(100 * names.length)
  }
})

test('a field may be called as what types are settled with', async () => {
  const path = await write('looks.ndjson', '{"looks":1,"LOOKS_json":"2024-02-01","looks_text":true,"x":1.5}')
  expect((await take(path)).types).toEqual({ looks: 'integer', LOOKS_json: 'date', looks_text: 'boolean', x: 'float' })
})

test('declared types win, and take other spellings', async () => {
  const path = await write(
    'declared.csv',
    'a,b,c,d,e,f\n007,1,1.50,1,2024-01-01,10:30\n+8,0,.5,x,,23:59:59.50\n"",no,100,,"",\n',
  )
  const { rows, types } = await take(path, {
    types: { a: 'integer', b: 'boolean', c: 'decimal', d: 'text', e: 'timestamptz', f: 'time' },
  })
  expect(types).toEqual({ a: 'integer?', b: 'boolean', c: 'decimal(4,1)', d: 'text?', e: 'timestamptz?', f: 'time?' })
  expect(rows).toEqual([
    { a: 7, b: 1, c: 15, d: '1', e: '2024-01-01T00:00:00', f: '10:30:00' },
    { a: 8, b: 0, c: 5, d: 'x', e: null, f: '23:59:59.5' },
    { a: null, b: 0, c: 1000, d: null, e: null, f: null },
  ])
})

test('times of the year 0 are told as those of any other, inferred and declared', async () => {
  const lines = [
    '0000-02-29,0000-02-29T12:30:00.000000001,0000-12-31 23:59:59+01:00',
    '2024-02-29,2024-02-29T00:00:00,2024-02-29T00:00:00Z',
  ]
  const records = lines.map(line => line.split(',')).map(([d, ts, tz]) => JSON.stringify({ d, ts, tz }))
  for (const path of [
    await write('year0.csv', `d,ts,tz\n${lines.join('\n')}\n`),
    await write('year0.ndjson', records.join('\n')),
  ])
    for (const types of [undefined, { d: 'date', ts: 'timestamp', tz: 'timestamptz' } as const])
      expect((await take(path, { types })).rows).toEqual([
        { d: '0000-02-29', ts: '0000-02-29T12:30:00.000000001', tz: '0000-12-31T22:59:59' },
        { d: '2024-02-29', ts: '2024-02-29T00:00:00', tz: '2024-02-29T00:00:00' },
      ])
})

test('times with a zone need no seconds, as those without one', async () => {
  const times = ['2024-01-01T10:00Z', '2024-01-01 10:00+0230', '2024-01-01T10:00-02', '2024-01-01T10:00:30.25+01:00']
  const path = await write('minutes.csv', `t,n\n${times.map(time => `${time},1\n`).join('')}`)
  for (const types of [undefined, { t: 'timestamptz' } as const]) {
    const taken = await take(path, { types })
    expect(taken.types.t).toBe('timestamptz')
    expect(taken.rows.map(row => row.t)).toEqual([
      '2024-01-01T10:00:00',
      '2024-01-01T07:30:00',
      '2024-01-01T12:00:00',
      '2024-01-01T09:00:30.25',
    ])
  }
})

test('a declared blob may have no bytes, as an export of one says', async () => {
  const { rows } = await take(await write('blob.csv', 'a,b\n"",1\n,2\nAP8=,3\n'), { types: { a: 'blob' } })
  expect(rows.map(row => row.a)).toEqual([new Uint8Array(), null, new Uint8Array([0, 255])])
})

test('json: numbers of a declared decimal keep their digits, small ones too, or are refused', async () => {
  const numbers = [
    '0.0000000005',
    '-0.00000004',
    '12345.678',
    '"12345678901234567890.0000000001"',
    '1.25e-9',
    'null',
    '""',
    '7',
  ]
  const path = await write('decimals.ndjson', numbers.map(n => `{"a":${n}}`).join('\n'))
  for (const type of ['decimal(38,11)', 'decimal'] as const) {
    const { rows, types } = await take(path, { types: { a: type } })
    const precision = Number(/\((\d+)/.exec(types.a!)![1])
    expect(rows.map(row => row.a && decodeDecimal(row.a as string, precision, 11))).toEqual([
      '0.00000000050',
      '-0.00000004000',
      '12345.67800000000',
      '12345678901234567890.00000000010',
      '0.00000000125',
      null,
      null,
      '7.00000000000',
    ])
  }
  const lost = await write('lost.ndjson', '{"a":1}\n{"a":99999999999999999.999}\n')
  expect((await refusal(() => take(lost, { types: { a: 'decimal(20,3)' } }))).message).toBe(
    'row 2, column a: not a decimal, or a number of more digits than JSON is read with: write it as a text',
  )
})

const RECORDS = [
  '{"id":9007199254740993,"n":1,"f":1.5,"big":123456789012345678901234567890,"s":"01","t":"2024-01-01T10:00:00+01:00","b":true,"o":{"x":[1,null]},"any":1}',
  '{"n":null,"id":1,"f":2,"s":"","big":1,"t":"2024-06-01T00:00:00Z","b":false,"o":null,"any":"x","late":"2024-01-01"}',
]

test.each([
  ['array.json', `[${RECORDS.join(',\n')}]`],
  ['marked.json', `\ufeff[${RECORDS.join(',\n')}]`],
  ['values.json', RECORDS.join(' ')],
  ['lines.ndjson', `${RECORDS.join('\n\n')}\n`],
])(
  '%s: numbers keep their digits, null is not empty text, fields are collected from all records',
  async (name, content) => {
    const { rows, types } = await take(await write(name, content))
    expect(types).toEqual({
      id: 'integer!',
      n: 'integer?',
      f: 'float',
      big: 'decimal(30,0)',
      s: 'text',
      t: 'timestamptz',
      b: 'boolean',
      o: 'json?',
      any: 'json',
      late: 'date?',
    })
    const plain: object[] = rows.map(row => ({ ...row, big: decodeDecimal(row.big as string, 30, 0) }))
    expect(plain).toEqual([
      {
        id: 9007199254740993n,
        n: 1,
        f: 1.5,
        big: '123456789012345678901234567890',
        s: '01',
        t: '2024-01-01T09:00:00',
        b: 1,
        o: '{"x":[1,null]}',
        any: '1',
        late: null,
      },
      {
        id: 1,
        n: null,
        f: 2,
        big: '1',
        s: '',
        t: '2024-06-01T00:00:00',
        b: 0,
        o: null,
        any: '"x"',
        late: '2024-01-01',
      },
    ])
  },
)

test('json: NaN is NULL, as SQLite has it, and is not written into JSON text', async () => {
  const { rows, types } = await take(
    await write('nan.json', '[{"a":NaN,"b":{"x":NaN,"y":"NaN"}},{"a":1.5,"b":[-Infinity]}]'),
  )
  expect(types).toEqual({ a: 'float?', b: 'json' })
  expect(rows).toEqual([
    { a: null, b: '{"x":null,"y":"NaN"}' },
    { a: 1.5, b: '[null]' },
  ])
})

test('whatever is taken for JSON is stored as JSON: NaN in any case, and commas at the end of lists, which DuckDB reads too', async () => {
  const path = await write(
    'loose.json',
    '[{"a":nan,"b":{"x":[-inf,"nan: inf, \\" -Inf"],}},{"a":INF,"b":[]},{"a":1,"b":1}]',
  )
  const { rows, types } = await take(path)
  expect(types).toEqual({ a: 'float?', b: 'json' })
  expect(rows).toEqual([
    { a: null, b: '{"x":[null,"nan: inf, \\" -Inf"]}' },
    { a: Infinity, b: '[]' },
    { a: 1, b: '1' },
  ])
  const texts = ['{"a":NaN}', '[1,]', ' [ 1.5, -inf ] ', '"nan"']
  const declared = await write('json.csv', `j,n\n${texts.map(text => `"${text.replaceAll('"', '""')}",1\n`).join('')}`)
  const wanted = ['{"a":null}', '[1]', '[1.5,null]', '"nan"']
  expect((await take(declared, { types: { j: 'json' } })).rows.map(row => row.j)).toEqual(wanted)
  const list = texts.map(text => `'${text}'`).join(', ')
  const own = await parquet('json.parquet', `SELECT unnest([${list}])::JSON AS j`)
  expect((await take(own)).rows.map(row => row.j)).toEqual(wanted)
})

test('parquet: types of its own are kept', async () => {
  const path = await parquet(
    'types.parquet',
    `SELECT 1::TINYINT AS tiny, 9007199254740993 AS wide, 18446744073709551615::UBIGINT AS ubig, 5::UBIGINT AS fits, 4000000000::UINTEGER AS uint,
      -0.05::DECIMAL(9, 2) AS dec, -12345678901234567890.123::DECIMAL(30, 3) AS bigdec, 1.5::FLOAT AS real, 'nan'::DOUBLE AS nan, 'inf'::DOUBLE AS inf,
      true AS bool, DATE '2024-02-29' AS date, TIMESTAMP '2024-01-01 10:00:00.120' AS ts, TIMESTAMP_NS '2024-01-01 10:00:00.123456789' AS ns,
      TIMESTAMPTZ '2024-01-01 10:00:00+02' AS tz, TIME '10:30:00.5' AS time, '6b1f8a60-0000-4000-8000-000000000001'::UUID AS uuid, 'a'::ENUM('a', 'b') AS enum,
      '\\xFF\\x00'::BLOB AS blob, [1, NULL] AS list, {'a': 1.0::DOUBLE / 0, 'b': 'NaN'} AS struct, MAP {'k': DATE '2024-01-01'} AS map, NULL::VARCHAR AS nothing, '' AS empty`,
  )
  const { rows, types } = await take(path)
  expect(types).toEqual({
    tiny: 'integer',
    wide: 'integer!',
    ubig: 'decimal(20,0)',
    fits: 'integer',
    uint: 'integer',
    dec: 'decimal(9,2)',
    bigdec: 'decimal(30,3)',
    real: 'float',
    nan: 'float?',
    inf: 'float',
    bool: 'boolean',
    date: 'date',
    ts: 'timestamp',
    ns: 'timestamp',
    tz: 'timestamptz',
    time: 'time',
    uuid: 'text',
    enum: 'text',
    blob: 'blob',
    list: 'json',
    struct: 'json',
    map: 'json',
    nothing: 'text?',
    empty: 'text',
  })
  const row = rows[0]!
  expect(decodeDecimal(row.ubig as string, 20, 0)).toBe('18446744073709551615')
  expect(decodeDecimal(row.bigdec as string, 30, 3)).toBe('-12345678901234567890.123')
  const others: object = { ...row, ubig: undefined, bigdec: undefined }
  expect(others).toEqual({
    tiny: 1,
    wide: 9007199254740993n,
    ubig: undefined,
    fits: 5,
    uint: 4000000000,
    dec: -5,
    bigdec: undefined,
    real: 1.5,
    nan: null,
    inf: Infinity,
    bool: 1,
    date: '2024-02-29',
    ts: '2024-01-01T10:00:00.12',
    ns: '2024-01-01T10:00:00.123456789',
    tz: '2024-01-01T08:00:00',
    time: '10:30:00.5',
    uuid: '6b1f8a60-0000-4000-8000-000000000001',
    enum: 'a',
    blob: new Uint8Array([255, 0]),
    list: '[1,null]',
    struct: '{"a":null,"b":"NaN"}',
    map: '{"k":"2024-01-01"}',
    nothing: null,
    empty: '',
  })
})

test('parquet: decimals, times and blobs in lists, structures and maps keep what they have in columns', async () => {
  const path = await parquet(
    'nested.parquet',
    `SELECT [99999999999999999999.99::DECIMAL(22, 2), NULL] AS decimals, {'on, (': {'price"': [1.10::DECIMAL(4, 2)]}, 'n': 1, 'none': NULL::DECIMAL(4, 2)} AS deep,
      MAP {TIMESTAMP '2024-01-01 10:00:00': MAP {'q"': '\\xFF\\x00'::BLOB}, TIMESTAMP '0000-01-01': NULL} AS map, MAP {1.50::DECIMAL(3, 2): 'nan'::DOUBLE} AS keys,
      [{'at': TIMESTAMPTZ '2024-01-01 10:00:00.25+02', 'day': DATE '2024-02-29', 'clock': TIME '10:30:00'}, NULL] AS times, [[TIMESTAMP_NS '2024-01-01 10:00:00.123456789'], []] AS nanos,
      [TIMESTAMP 'infinity', TIMESTAMP '12024-01-01'] AS beyond, [1, 18446744073709551615]::UBIGINT[] AS plain
     UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`,
  )
  const { rows } = await take(path)
  expect(rows[0]!).toEqual({
    decimals: '["99999999999999999999.99",null]',
    deep: '{"on, (":{"price\\"":["1.10"]},"n":1,"none":null}',
    map: '{"2024-01-01T10:00:00":{"q\\"":"/wA="},"0000-01-01T00:00:00":null}',
    keys: '{"1.50":null}',
    times: '[{"at":"2024-01-01T08:00:00.25Z","day":"2024-02-29","clock":"10:30:00"},null]',
    nanos: '[["2024-01-01T10:00:00.123456789"],[]]',
    beyond: '["infinity","12024-01-01 00:00:00"]',
    plain: '[1,18446744073709551615]',
  })
  expect(Object.values(rows[1]!)).toEqual(Array(8).fill(null))
})

test('parquet: declared types are read from the values as text', async () => {
  const path = await parquet(
    'declared.parquet',
    "SELECT '2024-01-01T10:00:00Z' AS t, 5 AS n, 2.0::DOUBLE AS f, 1.25::DECIMAL(5, 2) AS d",
  )
  const { rows, types } = await take(path, { types: { t: 'timestamptz', n: 'text', f: 'integer', d: 'decimal' } })
  expect(types).toEqual({ t: 'timestamptz', n: 'text', f: 'integer', d: 'decimal(5,2)' })
  expect(rows).toEqual([{ t: '2024-01-01T10:00:00', n: '5', f: 2, d: 125 }])
})

test('parquet: floats of a declared decimal keep the digits that they have, small ones too', async () => {
  const floats = '[0.00005, -1.25e-7, 1.1, 0, 123456.5, NULL]'
  const path = await parquet(
    'floats.parquet',
    `SELECT unnest(${floats}::DOUBLE[]) AS d, unnest(${floats}::FLOAT[]) AS f`,
  )
  const { rows } = await take(path, { types: { d: 'decimal(18,9)', f: 'decimal(18,9)' } })
  for (const column of ['d', 'f'])
    expect(rows.map(row => row[column] === null || decodeDecimal(row[column] as number, 18, 9))).toEqual([
      '0.000050000',
      '-0.000000125',
      '1.100000000',
      '0.000000000',
      '123456.500000000',
      true,
    ])
})
