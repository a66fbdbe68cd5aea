/** Files in place: of every kind, the same answers as an import gives; as they are now, or a refusal; and nothing else is read. */
import { heapStats } from 'bun:jsc'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Column, ColumnType, DeclaredType } from '../../src/catalog/column.ts'
import type { Dataset } from '../../src/catalog/datasets.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { describeFiles } from '../../src/query/engines/duckdb/describe.ts'
import { findFiles } from '../../src/query/engines/duckdb/files.ts'
import { placeText } from '../../src/query/engines/duckdb/place.ts'
import { DuckReader } from '../../src/query/engines/duckdb/reader.ts'
import { describeInPlace } from '../../src/query/engines/duckdb/start.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import { openDuckdb, readingMemory } from '../../src/query/ingest/duck.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { waitFor } from '../harness.ts'
import { describedFiles, makeFiles } from './duck-fixture.ts'
import { workshop } from './ingest-fixture.ts'
import { isKept, queryWorkers } from './query-workers.ts'
import { ask, prepare, refusal } from './table-fixture.ts'

const { dir, write, parquet, take, remove } = workshop()
const scratchDir = join(dir, 'workers')
const runner = new QueryRunner(2, { scratchDir, connections: new Connections(() => '', 0) })
afterAll(() => {
  runner.close()
  remove()
})

const all = (table = 't', more: Partial<QueryDefinition> = {}): QueryDefinition => ({
  source: { schema: 'd', table },
  pagination: { default_limit: 1000 },
  ...more,
})
const inPlace = (path: string, more: { primaryKey?: string[]; types?: Record<string, DeclaredType> } = {}) =>
  describedFiles(dir, path, { name: 'd.t', ...more })
const answer = (dataset: Dataset, definition = all()) => ask(prepare(definition, [dataset], runner))

/** The same file imported: the dataset that an import makes of it. */
async function imported(path: string, primaryKey?: string[], types?: Record<string, ColumnType>): Promise<Dataset> {
  const { columns, target: file, rowCount } = await take(path, { primaryKey, types })
  const made = columns.map((column): Column => ({ ...column, sensitivity: 'low' }))
  const place = { location: null, engine: 'sqlite' as const, sourceHash: null, origin: null, indexes: [] }
  return { ...(await inPlaceShape()), ...place, file, columns: made, primaryKey: primaryKey ?? null, rowCount }
}
let shape: Dataset | undefined
const inPlaceShape = async () => (shape ??= await inPlace(await write('shape.csv', 'a\n1\n')))

const TRICKY = [
  'i,wide,huge,f,b,d,ts,tz,code,mixed,none,money,q',
  '1,9007199254740993,123456789012345678901234567890,1.5,true,2024-02-29,2024-01-01 10:00:00.500,2024-01-01T10:00:00+02:00,01234,1,,12345678901234567.89,"a,""b"""',
  '-2,-9223372036854775808,-1,2004.0,FALSE,1999-12-31,2024-01-01T10:00:01.123456789,2024-01-01T10:00:00.25Z,5,x,,-1.5,""',
  ',9223372036854775807,0,-1e-3,False,0001-01-01,2024-01-01T10:00,2024-12-31 23:30:00-0100,7,2,,0.25,',
  '4,1,5,0,true,2024-03-01,2024-01-02 00:00:00,2024-01-01T00:00:00Z,00,é,,1,"two\nlines"',
].join('\n')
const RECORDS = [
  {
    id: 1,
    name: 'Ann',
    big: 'BIG',
    tags: ['a', 'b'],
    at: '2024-01-01T10:00:00Z',
    n: 1.5,
    deep: { x: [1, { y: null }] },
  },
  { id: 2, name: null, big: -1, tags: [], at: '2024-01-01T10:00:00.25+02:00', n: 2, extra: true },
]
const json = (text: string) => text.replaceAll('"BIG"', '9223372036854775807')
const NATIVE = `SELECT * FROM (VALUES
  (1::UTINYINT, 18446744073709551615::UBIGINT, 1.5::FLOAT, 'NaN'::DOUBLE, 1.25::DECIMAL(5,3), 'ab'::BLOB, TIMESTAMP_NS '2024-01-01 10:00:00.123456789', TIMESTAMPTZ '2024-01-01 10:00:00+02', TIME '10:00:00.5', [1, 2], {'a': 1.5, 'b': [NULL, 'x']}, uuid '6b1ff5d4-4c7c-4e44-9d9a-3c6d5c0a3c1d', INTERVAL 1 DAY, 'x'::ENUM('y', 'x'), TIMESTAMP_S '2024-01-01 10:00:00', DATE '0000-05-05'),
  (NULL, 7, -1, 2.5, -0.001, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'y', NULL, NULL))
  t(small, unsigned, single, nan, price, bytes, nanos, zoned, clock, list, struct, uuid, span, kind, seconds, year0)`

describe('every kind of file gives what an import of it gives', () => {
  const same = async (path: string, types?: Record<string, ColumnType>) => {
    const [place, stored] = [await describeOf(path, types), await imported(path, undefined, types)]
    for (const definition of [
      all(),
      ...place.columns.map(({ name }) =>
        all('t', { columns: [name], order_by: [{ column: name, direction: 'desc' }] }),
      ),
      all('t', {
        columns: [
          { fn: 'count' },
          ...place.columns
            .filter(c => c.type !== 'json' && c.type !== 'blob')
            .map(({ name: column }) => ({ fn: 'max' as const, column })),
        ],
      }),
    ]) {
      const [found, wanted] = [await answer(place, definition), await answer(stored, definition)]
      expect(found).toEqual(wanted)
    }
    return place
  }
  const describeOf = async (path: string, types: Record<string, ColumnType> = {}): Promise<Dataset> => {
    const files = findFiles(path)
    const connection = await openDuckdb(dir, { paths: files.paths })
    const { columns, location, rowCount } = await describeFiles(connection, files, {
      path,
      types,
      primaryKey: null,
      propose: false,
    })
    connection.closeSync()
    const origin = { path, types }
    return {
      ...(await inPlaceShape()),
      origin,
      location,
      sourceHash: files.version,
      rowCount,
      columns: columns.map(c => ({ ...c, sensitivity: 'low' })),
    }
  }

  test('csv, tsv and gzip', async () => {
    const place = await same(await write('tricky.csv', TRICKY))
    expect(place.columns.map(c => c.type)).toEqual([
      'integer',
      'integer',
      'decimal',
      'float',
      'boolean',
      'date',
      'timestamp',
      'timestamptz',
      'text',
      'text',
      'text',
      'decimal',
      'text',
    ])
    await same(await write('semi.csv', 'a;b\n1;2,5\n;x\n'))
    await same(await write('tabs.tsv', 'a\tb\n1\t"x\ty"\n'))
    await same(await write('zipped.csv.gz', gzipSync(TRICKY)))
  })
  test('csv with declared types', async () => {
    const path = await write(
      'declared.csv',
      'a,b,c,d,e\n007,1,x,YWI=,2024-01-01\n,0,,,\n+8,yes,"","",2024-01-02T10:00\n',
    )
    await same(path, { a: 'integer', b: 'boolean', d: 'blob', e: 'timestamp' })
  })
  test('json and ndjson', async () => {
    await same(await write('records.json', json(JSON.stringify(RECORDS))))
    await same(await write('records.ndjson', json(RECORDS.map(record => JSON.stringify(record)).join('\n'))))
    await same(await write('one.json', '{"a": 1, "b": "x"}'))
    await same(await write('loose.json', '[{"a":nan,"b":[-inf,"nan",]},{"a":1,"b":1}]'))
    await same(await write('json.csv', 'a,b\n"[1,]",1\n"{""a"":nan}",2\n'), { a: 'json' })
  })
  test('parquet, with the types that it has', async () => {
    const place = await same(await parquet('native.parquet', NATIVE))
    expect(Object.fromEntries(place.columns.map(c => [c.name, c.type]))).toMatchObject({
      small: 'integer',
      unsigned: 'decimal',
      single: 'float',
      nan: 'float',
      price: 'decimal',
      bytes: 'blob',
      nanos: 'timestamp',
      zoned: 'timestamptz',
      clock: 'time',
      list: 'json',
      struct: 'json',
      uuid: 'text',
      kind: 'text',
      seconds: 'timestamp',
      year0: 'date',
    })
  })

  test('parquet, with decimals, times and blobs in what is nested', async () => {
    const nested = `SELECT [1.10::DECIMAL(22, 2)] AS list, {'at': TIMESTAMPTZ '2024-01-01 10:00:00+02'} AS struct, MAP {'k': '\\xFF'::BLOB} AS map`
    const place = await same(await parquet('nested.parquet', nested))
    expect((await answer(place)).rows).toEqual([
      { list: ['1.10'], struct: { at: '2024-01-01T08:00:00Z' }, map: { k: '/w==' } },
    ])
  })

  test('times of every precision are found by what is answered of them', async () => {
    const rows = `SELECT * FROM (VALUES
      (TIMESTAMP_NS '2024-01-01 10:00:00.123456789', TIMESTAMP '2024-01-01 10:00:00.123456', TIMESTAMP_S '2024-01-01 10:00:00', TIMESTAMPTZ '2024-01-01 10:00:00.000001Z', TIME_NS '23:59:59.999999999'),
      (TIMESTAMP_NS '1969-12-31 23:59:59.876543211', TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMP_S '1969-12-31 23:59:59', TIMESTAMPTZ '1969-12-31 23:59:59Z', TIME_NS '00:00:00.000000001'))
      t(nanos, micros, seconds, zoned, clock)`
    const path = await parquet('times.parquet', rows)
    for (const dataset of [await describeOf(path), await imported(path)])
      for (const row of (await answer(dataset)).rows)
        for (const [column, value] of Object.entries(row))
          for (const op of ['eq', 'gte', 'lte'] as const) {
            const query = all('t', { filters: [{ column, op, param: 'p' }] })
            const found = await ask(
              prepare(query, [dataset], runner),
              String(new URLSearchParams({ p: String(value) })),
            )
            expect([column, op, found.rows]).toEqual([column, op, expect.arrayContaining([row])])
            if (op === 'eq') expect(found.rows).toEqual([row])
          }
    // where microseconds are kept, a finer time would be rounded to one that it is not
    const finer = all('t', { columns: ['micros'], filters: [{ column: 'micros', op: 'eq', param: 'p' }] })
    const asked = prepare(finer, [await describeOf(path)], runner)
    expect((await refusal(() => ask(asked, 'p=2024-01-01T10:00:00.1234561'))).status).toBe(422)
  })

  test('decimals without digits before the point, and texts that begin with a byte order mark', async () => {
    const path = await parquet(
      'odd.parquet',
      `SELECT unnest(['\ufeffa', 'a', '\ufeff', 'b']) AS t, unnest([-0.25, 0, NULL, 0.5])::DECIMAL(2, 2) AS d, unnest([-0.25, 0, NULL, 0.5])::DECIMAL(38, 38) AS e`,
    )
    await same(path)
    const stored = await imported(path, ['t'])
    for (const dataset of [stored, await inPlace(path, { primaryKey: ['t'] })]) {
      const { rows } = await answer(dataset)
      expect(rows.map(row => row.t)).toEqual(['a', 'b', '\ufeff', '\ufeffa'])
      expect(rows.map(row => row.d)).toEqual(['0.00', '0.50', null, '-0.25'])
      const sums = { columns: ['d', 'e'].map(column => ({ fn: 'sum' as const, column, as: column })) }
      expect((await answer(dataset, all('t', sums))).rows).toEqual([{ d: '0.25', e: `0.25${'0'.repeat(36)}` }])
      const walked: unknown[] = []
      let cursor = ''
      do {
        const page = await ask(prepare(all('t'), [dataset], runner), `limit=1${cursor}`)
        walked.push(...page.rows.map(row => row.t))
        cursor = page.next === undefined ? '' : `&cursor=${page.next}`
      } while (cursor && walked.length < 10)
      expect(walked).toEqual(['a', 'b', '\ufeff', '\ufeffa'])
    }
  })
})

describe('several files are one table', () => {
  const lake = join(dir, 'lake')
  const put = async (path: string, query: string) => {
    mkdirSync(join(lake, path, '..'), { recursive: true })
    renameSync(await parquet('part.parquet', query), join(lake, path))
  }

  test('a folder of parquet files with partitions, whose columns they are, in the order of their names', async () => {
    await put('year=2023/month=01/a.parquet', 'SELECT 1 AS id, 10 AS n')
    await put('year=2024/month=02/b.parquet', "SELECT 2 AS id, 20 AS n, 'new' AS more")
    await put('year=2024/month=10/c.parquet', 'SELECT 3 AS id, 30::BIGINT AS n')
    writeFileSync(join(lake, '_SUCCESS'), '')
    writeFileSync(join(lake, 'year=2024/.part.parquet.crc'), 'x')
    mkdirSync(join(lake, '_delta_log'), { recursive: true })
    writeFileSync(join(lake, '_delta_log/1.json'), '{}')
    const dataset = await inPlace(lake)
    expect((await answer(dataset)).rows).toEqual([
      { id: 1, n: 10, more: null, month: '01', year: 2023 },
      { id: 2, n: 20, more: 'new', month: '02', year: 2024 },
      { id: 3, n: 30, more: null, month: '10', year: 2024 },
    ])
    const filtered = prepare(
      all('t', { columns: ['id'], filters: [{ column: 'year', param: 'year' }] }),
      [dataset],
      runner,
    )
    expect((await ask(filtered, 'year=2024')).rows).toEqual([{ id: 2 }, { id: 3 }])
  })
  test('a pattern names some of them; a single file has no partitions', async () => {
    const some = await inPlace(join(lake, 'year=2024/*/*.parquet'))
    expect((await answer(some)).rows.map(row => row.id)).toEqual([2, 3])
    const one = await inPlace(join(lake, 'year=2023/month=01/a.parquet'))
    expect((await answer(one)).columns.map(c => c.name)).toEqual(['id', 'n'])
  })
  test('a JSON value of very many levels is refused, and holds nobody up for seconds', async () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}\n`
    const fits = await answer(await inPlace(await write('deep.ndjson', nested(1000))))
    expect(JSON.stringify(fits.rows)).toBe(`[${nested(1000).trim()}]`)
    const dataset = await inPlace(await write('deeper.ndjson', nested(50_000)))
    expect(await refusal(() => answer(dataset))).toMatchObject({ status: 503, code: 'data_unreadable' })
  })

  test('csv and ndjson too, typed by the values of all of them', async () => {
    mkdirSync(join(dir, 'logs/day=2024-01-01'), { recursive: true })
    mkdirSync(join(dir, 'logs/day=2024-01-02'), { recursive: true })
    writeFileSync(join(dir, 'logs/day=2024-01-01/a.csv'), 'id,code\n1,7\n')
    writeFileSync(join(dir, 'logs/day=2024-01-02/b.csv'), 'id,code\n2,x\n')
    expect((await answer(await inPlace(join(dir, 'logs')))).rows).toEqual([
      { id: 1, code: '7', day: '2024-01-01' },
      { id: 2, code: 'x', day: '2024-01-02' },
    ])
    mkdirSync(join(dir, 'events'))
    writeFileSync(join(dir, 'events/a.ndjson'), '{"a":1}\n')
    writeFileSync(join(dir, 'events/b.ndjson'), '{"b":"x"}\n{"a":2.5}\n')
    expect((await answer(await inPlace(join(dir, 'events')))).rows).toEqual([
      { a: 1, b: null },
      { a: null, b: 'x' },
      { a: 2.5, b: null },
    ])
  })
  test('their rows come in their order where a request lists many values, page after page', async () => {
    for (const part of [0, 1, 2])
      await put(
        `parts/${part}.parquet`,
        `SELECT ${part} * 9000 + range AS n, (range % 7)::VARCHAR AS t FROM range(9000)`,
      )
    const dataset = await inPlace(join(lake, 'parts'))
    const listed = all('t', { columns: ['n'], filters: [{ column: 't', op: 'in', param: 't' }] })
    const wanted = Array.from({ length: 27_000 }, (_, n) => n).filter(n => (n % 9000) % 7 < 6)
    const query = prepare({ ...listed, pagination: { max_limit: 30_000 } }, [dataset], runner)
    // what is read in parallel is in another order once in a while only
    for (let i = 0; i < 15; i++) {
      const { rows } = await ask(query, 't=0&t=1&t=2&t=3&t=4&t=5&limit=30000')
      expect(rows.map(row => row.n)).toEqual(wanted)
    }
  })
  test('a folder is of the type that is declared for it, however DuckDB takes its name, in files of every kind', async () => {
    const cases: [DeclaredType, string[], unknown[], { gte: string; rows: unknown[] }][] = [
      ['integer', ['007', '010', '9'], [7, 9, 10], { gte: '9', rows: [9, 10] }],
      ['integer', ['-1', '+2'], [-1, 2], { gte: '0', rows: [2] }],
      ['text', ['7', '10'], ['10', '7'], { gte: '2', rows: ['7'] }],
      ['float', ['1.5', '10'], [1.5, 10], { gte: '9', rows: [10] }],
      ['decimal(12,2)', ['1.5', '10'], ['1.50', '10.00'], { gte: '9', rows: ['10.00'] }],
      ['boolean', ['true', 'false'], [false, true], { gte: 'true', rows: [true] }],
      [
        'timestamp',
        ['2024-01-02 01', '2024-01-01 10'].map(hour => `${hour}%3A00%3A00`),
        ['2024-01-01T10:00:00', '2024-01-02T01:00:00'],
        { gte: '2024-01-02', rows: ['2024-01-02T01:00:00'] },
      ],
      [
        'timestamptz',
        ['2024-01-01T10%3A00%3A00+02%3A00'],
        ['2024-01-01T08:00:00Z'],
        { gte: '2024-01-01', rows: ['2024-01-01T08:00:00Z'] },
      ],
    ]
    for (const [n, [type, names, sorted, { gte, rows }]] of cases.entries())
      for (const kind of ['csv', 'ndjson', 'parquet']) {
        const root = join(dir, `declared/${kind}${n}`)
        for (const name of names) {
          mkdirSync(join(root, `part=${name}`), { recursive: true })
          if (kind === 'parquet')
            renameSync(await parquet('part.parquet', 'SELECT 1 AS a'), join(root, `part=${name}/a.parquet`))
          else writeFileSync(join(root, `part=${name}/a.${kind}`), kind === 'csv' ? 'a\n1\n' : '{"a":1}\n')
        }
        const dataset = await inPlace(root, { types: { part: type } })
        const asked = (params: string) =>
          ask(
            prepare(
              all('t', {
                columns: ['part'],
                filters: [{ column: 'part', op: 'gte', param: 'from' }],
                order_by: [{ column: 'part' }],
              }),
              [dataset],
              runner,
            ),
            params,
          )
        const values = async (params: string) => (await asked(params)).rows.map(row => row.part)
        expect([kind, type, await values('')]).toEqual([kind, type, sorted])
        expect([kind, type, await values(`from=${gte}`)]).toEqual([kind, type, rows])
      }
  })

  test('a folder that is declared a text stays one, whatever folders come', async () => {
    const root = join(dir, 'pinned')
    const put = async (name: string) => {
      mkdirSync(join(root, `part=${name}`), { recursive: true })
      renameSync(await parquet('part.parquet', 'SELECT 1 AS a'), join(root, `part=${name}/a.parquet`))
    }
    await put('7')
    const dataset = await inPlace(root, { types: { part: 'text' } })
    await put('A1')
    expect((await answer(dataset)).rows.map(row => row.part)).toEqual(['7', 'A1'])
  })

  test('a folder whose name is not of the type that is declared for it is refused', async () => {
    mkdirSync(join(dir, 'misfit/part=x'), { recursive: true })
    renameSync(await parquet('part.parquet', 'SELECT 1 AS a'), join(dir, 'misfit/part=x/a.parquet'))
    const fault = await refusal(() => inPlace(join(dir, 'misfit'), { types: { part: 'integer' } }))
    expect([fault.status, fault.message]).toEqual([422, 'row 1, column part: not an integer'])
  })

  test('a folder that is called as no column is takes the place of none', async () => {
    mkdirSync(join(dir, 'named/c0=x'), { recursive: true })
    writeFileSync(join(dir, 'named/c0=x/a.csv'), 'id,code\n1,y\n')
    expect((await answer(await inPlace(join(dir, 'named')))).rows).toEqual([{ id: 1, code: 'y', c0: 'x' }])
  })
  test('decimals of several files keep their digits, or the files are refused', async () => {
    await put('digits/a.parquet', 'SELECT 1.5::DECIMAL(9, 2) AS d')
    await put('digits/b.parquet', 'SELECT 0.000001::DECIMAL(38, 10) AS d')
    const dataset = await inPlace(join(lake, 'digits'))
    expect((await answer(dataset)).rows).toEqual([{ d: '1.5000000000' }, { d: '0.0000010000' }])
    await put('digits/c.parquet', 'SELECT 2::DECIMAL(38, 0) AS d')
    expect((await refusal(() => inPlace(join(lake, 'digits')))).message).toBe(
      'column d: decimals of the files have not room in one of 38 digits: some have 10 behind the point',
    )
  })
  test('decimals that have not room in one type are joined by what they are', async () => {
    const values = '[0.25, -0.25, 0, 7]'
    const digits = ['DECIMAL(38, 2)', 'DECIMAL(38, 36)', 'DECIMAL(38, 0)', 'DECIMAL(2, 2)']
    const datasets: Dataset[] = []
    for (const [i, type] of digits.entries()) {
      const path = await parquet(`joined${i}.parquet`, `SELECT TRY_CAST(unnest(${values}) AS ${type}) AS d`)
      datasets.push({ ...(await inPlace(path)), name: `d.t${i}` })
    }
    const on = [{ left: 'd', right: 'd' }]
    const joined = async (left: number, right: number) => {
      const definition = all(`t${left}`, {
        joins: [{ schema: 'd', table: `t${right}`, type: 'inner', on }],
        columns: ['d'],
      })
      const { rows } = await ask(prepare(definition, datasets, runner))
      return rows.map(row => Number(row.d)).sort()
    }
    expect(await joined(0, 1)).toEqual([-0.25, 0, 0.25, 7])
    expect(await joined(1, 0)).toEqual([-0.25, 0, 0.25, 7])
    expect(await joined(1, 3)).toEqual([-0.25, 0, 0.25])
    expect(await joined(3, 1)).toEqual([-0.25, 0, 0.25])
    expect([...new Set(await joined(2, 1))]).toEqual([0, 7])
  })
  test('rows that are equal in an order come in that of the files, whatever their columns are called', async () => {
    const columns = '0 AS file_index, range % 2 AS "File_Row_Number"'
    for (const part of [0, 1])
      await put(`places/${part}.parquet`, `SELECT ${part} * 50 + range AS n, 1 AS same, ${columns} FROM range(50)`)
    const sorted = all('t', { columns: ['n'], order_by: [{ column: 'same' }] })
    const { rows } = await answer(await inPlace(join(lake, 'places')), sorted)
    expect(rows.map(row => row.n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })
  test('files that do not go together, or cannot be told from a pattern, are refused, and which it is', async () => {
    const refused = async (path: string) => (await refusal(() => inPlace(path))).message
    mkdirSync(join(dir, 'odd/two'), { recursive: true })
    writeFileSync(join(dir, 'odd/two/a.csv'), 'a\n1\n')
    writeFileSync(join(dir, 'odd/two/b.json'), '[]')
    expect(await refused(join(dir, 'odd/two'))).toBe(
      'files of several kinds; name one of them with a pattern such as *.parquet',
    )
    writeFileSync(join(dir, 'odd/two/b.json.csv'), 'b\n1\n')
    expect(await refused(join(dir, 'odd/two/*.csv'))).toBe(
      'line 1: b.json.csv: the header is another one than in the first file',
    )
    writeFileSync(join(dir, 'odd/[x].csv'), 'a\n1\n')
    expect(await refused(join(dir, 'odd/[[]x].csv'))).toContain('cannot be told from a pattern')
    expect(await refused(join(dir, 'odd/none*.csv'))).toBe('there is no such file')
    expect(await refused(join(dir, 'nowhere'))).toBe('there is no such file')
    symlinkSync(join(dir, 'odd/itself.csv'), join(dir, 'odd/itself.csv'))
    for (const name of ['odd/itself.csv', 'odd/\0.csv', `${'a'.repeat(5000)}.csv`])
      expect(await refused(join(dir, name))).toBe('the path cannot be looked at')
    writeFileSync(join(dir, 'odd/two/c.txt'), 'a')
    expect(await refused(join(dir, 'odd/two/c.txt'))).toContain('no files of a kind that is read here')
    expect(await refused(await write('bom.json', '\ufeff[{"a":1}]'))).toContain('byte order mark')
    expect(await refused(await write('empty.csv', ''))).toBe('the file is empty')
    expect(await refused(await write('bad.parquet', 'PAR1 nothing'))).toContain('parquet')
    expect(await refused(await write('broken.json', '[{"a":1}'))).toContain('the file ends before the array does')
    const numbers = await write('declared.parquet', await Bun.file(await parquet('n.parquet', 'SELECT 1 AS a')).bytes())
    const declared = await refusal(() =>
      describeInPlace({ path: numbers, types: { a: 'text' }, primaryKey: null, propose: false }, scratchDir),
    )
    expect(declared.message).toBe('column a: the file says itself what this column is, and it is not text')
    const digits = await parquet('digits.parquet', 'SELECT 1.25::DECIMAL(18, 4) AS d, (2::HUGEINT ** 63)::UBIGINT AS u')
    for (const [column, type] of [
      ['d', 'decimal(12,2)'],
      ['u', 'integer'],
    ] as const)
      expect((await refusal(() => inPlace(digits, { types: { [column]: type } }))).message).toBe(
        `column ${column}: the file says itself what this column is, and it is not ${type}`,
      )
    expect((await inPlace(digits, { types: { d: 'decimal(18,4)' } })).columns[0]).toMatchObject({ scale: 4 })
    for (const kind of ['csv', 'ndjson', 'parquet']) {
      const folders = join(dir, 'odd', kind)
      for (const [name, text] of [
        [`year=2024/a.${kind}`, 'SELECT 1 AS a'],
        [`z.${kind}`, 'SELECT 2 AS a'],
      ] as const) {
        mkdirSync(join(folders, name, '..'), { recursive: true })
        if (kind === 'parquet') renameSync(await parquet('part.parquet', text), join(folders, name))
        else writeFileSync(join(folders, name), kind === 'csv' ? 'a\n1\n' : '{"a":1}\n')
      }
      expect(await refused(folders)).toBe(
        `z.${kind}: its folders (such as year=2024) are other columns than those of the first file`,
      )
    }
  })
})

describe('a primary key is one', () => {
  test('of integers of any size', async () => {
    for (const type of ['UINTEGER', 'BIGINT', 'UBIGINT', 'HUGEINT']) {
      const path = await parquet(`large-${type}.parquet`, `SELECT unnest([4000000000, 1])::${type} AS id`)
      const { rows } = await answer(await inPlace(path, { primaryKey: ['id'] }))
      expect(rows).toEqual([{ id: 1 }, { id: 4000000000 }])
    }
  })

  test('or the dataset is refused', async () => {
    const path = await write('keys.csv', 'id,b\n1,x\n2,y\n2,z\n,w\n')
    expect((await refusal(() => inPlace(path, { primaryKey: ['id'] }))).message).toBe(
      'line 5, column id: the primary key is empty',
    )
    const twice = await parquet('twice.parquet', 'SELECT 1 AS id UNION ALL SELECT 1')
    expect((await refusal(() => inPlace(twice, { primaryKey: ['id'] }))).message).toBe('the primary key is not unique')
    expect((await refusal(() => inPlace(twice, { primaryKey: ['no'] }))).message).toContain(
      'names a column that is not there',
    )
  })
})

describe('what is answered is what the files hold now', () => {
  const later = (path: string) => utimesSync(path, new Date(), new Date(Date.now() + 10_000))

  test('rows that came, files that came and files that went', async () => {
    const path = await write('grows.csv', 'id,n\n1,10\n')
    const dataset = await inPlace(path, { primaryKey: ['id'] })
    expect((await answer(dataset)).rows).toEqual([{ id: 1, n: 10 }])
    appendFileSync(path, '2,20\n')
    expect((await answer(dataset)).rows).toEqual([
      { id: 1, n: 10 },
      { id: 2, n: 20 },
    ])
    mkdirSync(join(dir, 'coming'))
    const put = async (name: string, value: number) =>
      renameSync(await parquet('part.parquet', `SELECT ${value} AS a`), join(dir, 'coming', name))
    await put('1.parquet', 1)
    const folder = await inPlace(join(dir, 'coming'))
    await put('0.parquet', 0)
    expect((await answer(folder)).rows).toEqual([{ a: 0 }, { a: 1 }])
    renameSync(join(dir, 'coming/1.parquet'), join(dir, 'coming/2.parquet.gone'))
    expect((await answer(folder)).rows).toEqual([{ a: 0 }])
  })

  test('rows that come with no value where there always was one are on a page, too', async () => {
    mkdirSync(join(dir, 'holes'))
    writeFileSync(join(dir, 'holes/a.csv'), 'id,n\n1,5\n2,6\n3,7\n')
    const dataset = await inPlace(join(dir, 'holes'), { primaryKey: ['id'] })
    writeFileSync(join(dir, 'holes/b.csv'), 'id,n\n4,\n5,1\n6,\n')
    for (const direction of ['asc', 'desc'] as const) {
      const prepared = prepare(all('t', { columns: ['id'], order_by: [{ column: 'n', direction }] }), [dataset], runner)
      const walked: unknown[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page = await ask(prepared, `limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
        walked.push(...page.rows.map(row => row.id))
        cursor = page.next
      }
      expect(walked).toEqual(direction === 'asc' ? [5, 1, 2, 3, 4, 6] : [3, 2, 1, 5, 4, 6])
    }
  })

  test('columns that are no longer what they were, or a key that is no longer one, are 503 that says so, until they are again', async () => {
    const path = await write('turns.csv', 'id,n\n1,10\n')
    const dataset = await inPlace(path, { primaryKey: ['id'] })
    for (const [content, what] of [
      ['id,n\n1,ten\n', 'no longer have the columns that were described'],
      ['id,m\n1,10\n', 'no longer have the columns that were described'],
      ['id,n,more\n1,10,x\n', 'no longer have the columns that were described'],
      ['id,n\n1,10\n1,20\n', 'can no longer be read as they were described'],
      ['id,n\n1,10,2\n', 'can no longer be read as they were described'],
      ['', 'can no longer be read as they were described'],
    ] as const) {
      writeFileSync(path, content)
      const fault = await refusal(() => answer(dataset))
      expect([fault.status, fault.code, fault.headers['retry-after']]).toEqual([503, 'data_changed', '1'])
      expect(fault.message).toContain(`The files of d.t have changed, and ${what}. Refresh the dataset.`)
      expect(fault.message).not.toContain(dir)
    }
    writeFileSync(path, 'id,n\n7,70\n')
    expect((await answer(dataset)).rows).toEqual([{ id: 7, n: 70 }])
  })

  test('the log says which of the described columns no longer are, and of new ones only how many: their names may be values', async () => {
    const path = await write('headless.csv', 'id,n\n1,10\n')
    const dataset = await inPlace(path)
    for (const [content, cause] of [
      ['id,n,more\n1,10,x\n', 'columns new: 1'],
      ['id\n1\n', 'columns gone: n'],
      ['id,n\n1,ten\n', 'columns of another type: n'],
      ['ada@example.org,n\n2,ten\n', 'columns gone: id; of another type: n; new: 1'],
      ['n,id\n10,1\n', 'columns in another order'],
    ] as const) {
      writeFileSync(path, content)
      const fault = await refusal(() => answer(dataset))
      expect(fault.code).toBe('data_changed')
      expect(String(fault.cause)).toContain(cause)
      expect(String(fault.cause)).not.toContain('ada@')
    }
  })

  test('a file that goes while it is looked at is refused as one that was gone before', async () => {
    const path = await write('going/1.csv', 'id\n1\n')
    const folder = findFiles(dirname(path))
    rmSync(path)
    const connection = await openDuckdb(dir, { paths: folder.paths })
    const request = { path: folder.base, types: {}, primaryKey: null, propose: false }
    const fault = await refusal(() => describeFiles(connection, folder, request))
    connection.closeSync()
    expect([fault.status, fault.message]).toEqual([422, 'the file cannot be opened'])
  })

  test('what a small machine has too little memory for is no fault of the file, and what it has for reading is enough', async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `${i},name ${i},${i / 7}\n`)
    const path = await write('memory.csv', `id,name,v\n${rows.join('')}`)
    const request = { path, types: {}, primaryKey: ['id'], propose: true }
    const describe = async (memoryBytes: number) => {
      const connection = await openDuckdb(dir, { paths: [path], memoryBytes, threads: 2 })
      return describeFiles(connection, findFiles(path), request).finally(() => connection.closeSync())
    }
    const fault = await refusal(() => describe(32 * 2 ** 20))
    expect([fault.status, fault.message]).toEqual([503, 'To read the file takes more memory than there is.'])
    expect((await describe(readingMemory(2 ** 29))).rowCount).toBe(rows.length)
  })

  test('files that are gone are 503, and answered again when they are back', async () => {
    const path = await write('leaves.csv', 'a\n1\n')
    const dataset = await inPlace(path)
    renameSync(path, `${path}.away`)
    const fault = await refusal(() => answer(dataset))
    expect([fault.status, fault.code, fault.message]).toEqual([
      503,
      'data_missing',
      'The data of this endpoint is missing on this server.',
    ])
    renameSync(`${path}.away`, path)
    expect((await answer(dataset)).rows).toEqual([{ a: 1 }])
  })

  test('a file that is damaged without a trace in its folder is 503, and no answer', async () => {
    const path = await parquet('damaged.parquet', "SELECT i AS a, 'text ' || i AS b FROM range(100000) t(i)")
    const dataset = await inPlace(path)
    const { size } = Bun.file(path)
    const bytes = await Bun.file(path).bytes()
    bytes.fill(7, 100, size - 5000)
    writeFileSync(path, bytes)
    const fault = await refusal(() => answer(dataset, all('t', { order_by: [{ column: 'b' }] })))
    expect([fault.status, fault.code]).toEqual([503, 'data_unreadable'])
    expect(fault.message).not.toMatch(/parquet|SELECT|\//)
  })

  test('a stream over files that are written meanwhile breaks, and never ends as if it were whole', async () => {
    const path = await parquet('streamed.parquet', 'SELECT i AS a FROM range(200000) t(i)')
    const dataset = await inPlace(path)
    const engine = runner.engineOf(dataset)
    const statement = { sql: 'SELECT a FROM d0', sources: [placeText(dataset)], names: ['a'], bigints: false }
    let count = 0
    for await (const rows of engine.stream(statement, [], { patienceMs: 100_000 })) count += rows.length
    expect(count).toBe(200_000)
    const fault = await refusal(async () => {
      for await (const _ of engine.stream(statement, [], { patienceMs: 100_000 })) later(path)
    })
    expect([fault.status, fault.code]).toEqual([503, 'data_changed'])
  })
})

describe('nothing else is read, and nothing is written', () => {
  const limits = { scratch: join(dir, 'reader'), memoryBytes: 256 * 2 ** 20, threads: 1 }

  test('a statement that is no SELECT, or reads what is not the dataset, is refused by the reader itself', async () => {
    const dataset = await inPlace(await write('mine.csv', 'a\n1\n'))
    const secret = await write('secret.csv', 'password\nhunter2\n')
    symlinkSync(secret, join(dir, 'in/link.csv'))
    const reader = new DuckReader(limits)
    const run = (sql: string) => reader.all({ sql, sources: [placeText(dataset)], names: ['x'], bigints: false }, [])
    expect(await run('SELECT a AS x FROM d0')).toEqual([{ x: 1 }])
    const before = readdirSync(join(dir, 'in')).sort()
    for (const sql of [
      `SELECT * FROM read_csv('${secret}')`,
      `SELECT * FROM read_csv('${dir}/in/*.csv')`,
      `SELECT * FROM '${secret}'`,
      `SELECT * FROM '${dir}/in/link.csv'`,
      `SELECT * FROM read_text('/etc/passwd')`,
      `SELECT * FROM read_blob('/etc/passwd')`,
      `SELECT * FROM glob('/etc/*')`,
      `SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')`,
      `COPY (SELECT 1) TO '${dir}/in/out.csv'`,
      `COPY (SELECT 1) TO '${dir}/in/mine.csv'`,
      `ATTACH '${dir}/in/new.db'`,
      `ATTACH '${dir}/in/mine.csv' AS m (TYPE sqlite)`,
      `CREATE TABLE t AS SELECT 1`,
      `CREATE OR REPLACE VIEW d0 AS SELECT 1 AS a`,
      `DROP VIEW d0`,
      `EXPORT DATABASE '${dir}/in/dump'`,
      'INSTALL httpfs',
      'LOAD httpfs',
      'SET threads = 8',
      'SET enable_external_access = true',
      'RESET enable_external_access',
      'SELECT * FROM duckdb_secrets(); SELECT 1',
      'SELECT 1; DROP VIEW d0',
      'CALL pragma_version()',
      `SELECT getenv('PATH')`,
      'CHECKPOINT',
      'VACUUM',
    ])
      expect([
        sql,
        await run(sql).then(
          rows => rows,
          () => 'refused',
        ),
      ]).toEqual([sql, 'refused'])
    expect(await run('SELECT a AS x FROM d0')).toEqual([{ x: 1 }])
    expect(readdirSync(join(dir, 'in')).sort()).toEqual(before)
  })

  test('a query that needs more memory than it may have is 503, and the worker answers the next', async () => {
    const path = await parquet('heavy.parquet', 'SELECT i AS a, md5(i::VARCHAR) AS b FROM range(600000) t(i)')
    const dataset = await inPlace(path)
    const reader = new DuckReader({
      scratch: join(dir, 'reader'),
      memoryBytes: 24 * 2 ** 20,
      scratchBytes: 0,
      threads: 1,
    })
    const sources = [placeText(dataset)]
    const fault = await refusal(() =>
      reader.all(
        {
          sql: 'SELECT b AS x, list(a) AS l FROM d0 GROUP BY b ORDER BY b DESC LIMIT 1',
          sources,
          names: ['x'],
          bigints: false,
        },
        [],
      ),
    )
    expect([fault.status, fault.headers['retry-after']]).toEqual([503, '60'])
    expect(await reader.all({ sql: 'SELECT count(*) FROM d0', sources, names: ['n'], bigints: false }, [])).toEqual([
      { n: 600_000 },
    ])
  })

  test('of a dataset that is described anew again and again only the latest are known: workers live long', async () => {
    const reader = new DuckReader(limits)
    const place = JSON.parse(placeText(await inPlace(await write('anew.csv', 'a\n1\n'))))
    const columns = Array.from({ length: 50 }, (_, i) => ({ ...place.columns[0], name: `c${i}` }))
    const objects = () => {
      Bun.gc(true)
      return heapStats().objectTypeCounts.Object ?? 0
    }
    const before = objects()
    for (let version = 0; version < 3000; version++) {
      const source = JSON.stringify({ ...place, path: join(dir, 'in/gone.csv'), columns, version: `${version}` })
      const statement = { sql: 'SELECT a AS x FROM d0', sources: [source], names: ['x'], bigints: false }
      expect((await refusal(() => reader.all(statement, []))).code).toBe('data_missing')
    }
    expect(objects() - before).toBeLessThan(50_000)
  })

  test("a worker's folder goes with it", async () => {
    const dataset = await inPlace(await write('folder.csv', 'a\n1\n'))
    const own = new QueryRunner(1, { scratchDir: join(dir, 'own'), connections: new Connections(() => '', 0) })
    await ask(prepare(all(), [dataset], own))
    expect(readdirSync(join(dir, 'own'))).toHaveLength(1)
    own.close()
    await waitFor(() => (readdirSync(join(dir, 'own')).length === 0 ? true : undefined))
  })
})

describe.skipIf(process.platform !== 'linux')('a query that runs too long', () => {
  const endless = async () => {
    const path = await makeFiles(dir, { name: 'd.t', columns: [{ name: 'a', type: 'integer' }], rows: [[1], [2]] })
    const dataset = await inPlace(path)
    const sql = 'SELECT sum(x.a * y.a) AS n FROM d0 x, range(100000000) y(a), range(1000000) z(a)'
    return { statement: { sql, sources: [placeText(dataset)], names: ['n'], bigints: false }, dataset }
  }

  test('is 504 at its deadline, and one whose caller goes is 499; the workers are others after it', async () => {
    const { statement, dataset } = await endless()
    const engine = runner.engineOf(dataset)
    await answer(dataset)
    const late = await refusal(() => engine.all(statement, [], { deadline: performance.now() + 400 }))
    expect(late.status).toBe(504)
    const caller = new AbortController()
    const gone = refusal(() =>
      engine.all(statement, [], { deadline: performance.now() + 100_000, signal: caller.signal }),
    )
    await Bun.sleep(200)
    caller.abort()
    expect((await gone).status).toBe(499)
    expect((await answer(dataset)).count).toBe(2)
  })

  test('a stream that is left is interrupted, and its worker goes on', async () => {
    const { statement, dataset } = await endless()
    const engine = runner.engineOf(dataset)
    const slow = 'length(repeat(md5(CAST(i AS VARCHAR)), 2000)) = 0'
    const long = { ...statement, sql: `SELECT i AS n FROM range(100000000) t(i) WHERE i < 1000000 OR ${slow}` }
    const leave = async () => {
      for await (const rows of engine.stream(long, [], { patienceMs: 100_000 })) if (rows.length > 0) break
      const before = queryWorkers('duckdb')
      let count = 0
      const whole = { ...statement, sql: 'SELECT a AS n FROM d0' }
      for await (const rows of engine.stream(whole, [], { patienceMs: 100_000 })) count += rows.length
      expect(count).toBe(2)
      // one that does not stop soon would be killed
      await Bun.sleep(500)
      return { before, after: queryWorkers('duckdb') }
    }
    expect(await isKept(leave)).toBe(true)
  })
})

test('columns that look personal are proposed, as an import does', async () => {
  const path = await write('people.csv', 'id,email,full_name\n1,ann@example.org,Ann Lee\n2,bob@example.org,Bob Ray\n')
  const request = { path, types: {}, primaryKey: null, propose: true }
  const { columns } = await describeInPlace(request, scratchDir)
  expect(columns.map(c => c.proposal?.mask)).toEqual([undefined, 'email', 'initials'])
})
