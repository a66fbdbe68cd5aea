/** Tables of a PostgreSQL: its types, its keys and indexes, its locale; what is lost and comes back; and that nothing goes on that nobody waits for. */
import { afterAll, beforeAll, describe, expect, setSystemTime, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SQL } from 'bun'
import { urlOf } from '../../src/catalog/connections.ts'
import type { Dataset } from '../../src/catalog/datasets.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { parseQuery } from '../../src/lib/params.ts'
import { connectOnce } from '../../src/query/engines/postgres/check.ts'
import { PostgresConnection } from '../../src/query/engines/postgres/connection.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import { describeTable } from '../../src/query/engines/postgres/describe.ts'
import { sourceOf } from '../../src/query/engines/postgres/dialect.ts'
import { PostgresEngine } from '../../src/query/engines/postgres/engine.ts'
import type { Session } from '../../src/query/engines/postgres/statements.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { errorFields } from '../../src/telemetry/log.ts'
import { waitFor } from '../harness.ts'
import { CONNECTION, connectionsTo, describedTable } from './postgres-fixture.ts'
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'
import { ask, grantWith, prepare, refusal } from './table-fixture.ts'

const skipped = noPostgres()
if (skipped) console.warn(`postgres: skipped, as ${skipped}`)
const dir = mkdtempSync(join(tmpdir(), 'callgate-postgres-test-'))
let server: PostgresServer
let runner: QueryRunner

describe.skipIf(skipped !== undefined)('postgres', () => {
  beforeAll(async () => {
    server = await startPostgres('icu')
    runner = new QueryRunner(1, { scratchDir: dir, connections: connectionsTo(server) })
  })
  afterAll(async () => {
    runner?.close()
    await server?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  const run = (sql: string) => server.sql.unsafe(sql)
  const all = (more: Partial<QueryDefinition> = {}): QueryDefinition => ({
    source: { schema: 'd', table: 't' },
    ...more,
  })
  const described = (table: string, more: { key?: string[]; rowCount?: number } = {}) =>
    describedTable(server, { schema: 'public', table }, { name: 'd.t', ...more })
  const answer = (dataset: Dataset, definition = all(), params = '') =>
    ask(prepare(definition, [dataset], runner), params)
  const by = (column: string, op: 'eq' | 'ne' | 'in' | 'lt' | 'like' | 'ilike' = 'eq') =>
    all({ columns: ['id'], filters: [{ column, op, param: 'p' }] })
  const idsOf = async (dataset: Dataset, definition: QueryDefinition, p: string) =>
    (await answer(dataset, definition, String(new URLSearchParams({ p })))).rows.map(row => row.id)
  /** What the server does for us at the moment, but for this question. */
  const activity = async () =>
    (
      await run(
        "SELECT query, state FROM pg_stat_activity WHERE application_name = 'callgate' AND state <> 'idle' AND query NOT LIKE '%pg_stat_activity%'",
      )
    ).map((row: { query: string }) => row.query)

  test('every type of its own is one of ours, and answered exactly', async () => {
    await run(`CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pair AS (a int, b text);
      CREATE DOMAIN mail AS varchar(80) NOT NULL CHECK (VALUE LIKE '%@%'); CREATE DOMAIN cents AS numeric(10, 2);
      CREATE TABLE kinds (id int PRIMARY KEY, small smallint, oid oid, real real, free numeric, money money, uuid uuid,
        code char(4), name name, mood mood, mail mail, cents cents, tags text[], pair pair, jsonb jsonb, span interval, ip inet,
        range int4range, bits bit(3), clock time, zoned_clock timetz, day date, moment timestamp, instant timestamptz, xml xml, bytes bytea)`)
    await run(`INSERT INTO kinds VALUES
      (1, -32768, 4294967295, 0.1, 12345678901234567890.123450, 12.5, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'ab', 'n', 'happy', 'a@b.c', 1.5,
        '{a,NULL,"x,y"}', '(1,z)', '{"b": 1.0, "a": 12345678901234567890}', '1 day 02:00', '10.0.0.1/8', '[1,5)', B'101', '24:00', '10:00+02',
        '0001-12-31 BC', '2024-01-01 10:00:00.000001', '2024-01-01 10:00:00.25+02', '<a/>', '\\x00ff'),
      (2, 0, 0, 'NaN', 'NaN', NULL, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'cd', 'N', 'sad', 'x@y', NULL,
        '{}', NULL, '[]', NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', '-infinity', 'infinity', NULL, '')`)
    const dataset = await described('kinds')
    expect(Object.fromEntries(dataset.columns.map(c => [c.name, c.type]))).toEqual({
      id: 'integer',
      small: 'integer',
      oid: 'integer',
      real: 'float',
      free: 'decimal',
      money: 'text',
      uuid: 'text',
      code: 'text',
      name: 'text',
      mood: 'text',
      mail: 'text',
      cents: 'decimal',
      tags: 'json',
      pair: 'json',
      jsonb: 'json',
      span: 'text',
      ip: 'text',
      range: 'text',
      bits: 'text',
      clock: 'time',
      zoned_clock: 'text',
      day: 'date',
      moment: 'timestamp',
      instant: 'timestamptz',
      xml: 'text',
      bytes: 'blob',
    })
    expect((await answer(dataset)).rows).toEqual([
      {
        id: 1,
        small: -32768,
        oid: 4294967295,
        real: 0.10000000149011612,
        free: '12345678901234567890.123450',
        money: '$12.50',
        uuid: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        code: 'ab',
        name: 'n',
        mood: 'happy',
        mail: 'a@b.c',
        cents: '1.50',
        tags: ['a', null, 'x,y'],
        pair: { a: 1, b: 'z' },
        jsonb: { a: '12345678901234567890', b: 1 },
        span: '1 day 02:00:00',
        ip: '10.0.0.1/8',
        range: '[1,5)',
        bits: '101',
        clock: '24:00:00',
        zoned_clock: '10:00:00+02',
        day: '0000-12-31',
        moment: '2024-01-01T10:00:00.000001',
        instant: '2024-01-01T08:00:00.25Z',
        xml: '<a/>',
        bytes: 'AP8=',
      },
      {
        id: 2,
        small: 0,
        oid: 0,
        real: null,
        free: 'NaN',
        money: null,
        uuid: 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        code: 'cd',
        name: 'N',
        mood: 'sad',
        mail: 'x@y',
        cents: null,
        tags: [],
        pair: null,
        jsonb: [],
        span: null,
        ip: null,
        range: null,
        bits: null,
        clock: null,
        zoned_clock: null,
        day: 'infinity',
        moment: '-infinity',
        instant: 'infinity',
        xml: null,
        bytes: '',
      },
    ])
    // every column is ordered by, whatever the server itself can order, and pages go on from any of its values
    for (const { name } of dataset.columns.filter(c => c.type !== 'blob'))
      for (const direction of ['asc', 'desc'] as const) {
        const definition = all({
          columns: ['id'],
          order_by: [{ column: name, direction }],
          pagination: { default_limit: 1 },
        })
        const first = await answer(dataset, definition)
        const second = await answer(dataset, definition, `cursor=${encodeURIComponent(first.next!)}`)
        expect([name, [...first.rows, ...second.rows].map(row => row.id).sort()]).toEqual([name, [1, 2]])
      }
  })

  test('filters are of texts as they are answered, not of what the server would take for them', async () => {
    const dataset = await described('kinds')
    expect(await idsOf(dataset, by('uuid'), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')).toEqual([1])
    for (const other of [
      'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
      '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
      'a0eebc999c0b4ef8bb6d6bb9bd380a11',
      'x',
      '',
    ])
      expect([other, await idsOf(dataset, by('uuid'), other)]).toEqual([other, []])
    expect(await idsOf(dataset, by('uuid', 'ne'), 'x')).toEqual([1, 2])
    expect(await idsOf(dataset, by('uuid', 'lt'), 'b')).toEqual([1])
    expect(await idsOf(dataset, by('uuid', 'like'), 'a0ee%')).toEqual([1])
    expect(await idsOf(dataset, by('code'), 'ab')).toEqual([1])
    expect(await idsOf(dataset, by('code'), 'ab  ')).toEqual([])
    expect(await idsOf(dataset, by('mood', 'in'), 'happy')).toEqual([1])
    expect(await idsOf(dataset, by('mood'), 'no such mood')).toEqual([])
    expect(await idsOf(dataset, by('mood', 'lt'), 'p')).toEqual([1])
    expect(await idsOf(dataset, by('ip'), '10.0.0.1/8')).toEqual([1])
    expect(await idsOf(dataset, by('ip'), 'not an address')).toEqual([])
    expect(await idsOf(dataset, by('name', 'ilike'), 'N')).toEqual([1, 2])
    expect(await idsOf(dataset, by('free'), '12345678901234567890.12345')).toEqual([1])
    expect(await idsOf(dataset, by('free', 'lt'), '1e3').catch(f => [f.status])).toEqual([422])
    expect(await idsOf(dataset, by('small', 'lt'), '9223372036854775807')).toEqual([1, 2])
    expect(await idsOf(dataset, by('real', 'lt'), '1')).toEqual([1])
    for (const [op, p, ids] of [
      ['eq', '4294967295', [1]],
      ['eq', '-1', []],
      ['in', '4294967296', []],
      ['ne', '-1', [1, 2]],
      ['lt', '4294967296', [1, 2]],
    ] as const)
      expect([op, p, await idsOf(dataset, by('oid', op), p)]).toEqual([op, p, [...ids]])
    for (const [column, value] of [
      ['day', 'infinity'],
      ['moment', '-infinity'],
      ['instant', 'infinity'],
      ['free', 'NaN'],
    ] as const)
      expect([column, await idsOf(dataset, by(column), value)]).toEqual([column, [2]])
    expect(await idsOf(dataset, by('day', 'lt'), 'infinity')).toEqual([1])
    for (const [column, value] of [
      ['day', 'never'],
      ['free', 'Infinit'],
    ] as const)
      expect(await idsOf(dataset, by(column), value).catch(fault => fault.status)).toBe(422)
    expect(await idsOf(dataset, by('day'), '0000-12-31')).toEqual([1])
    expect(await idsOf(dataset, by('instant'), '2024-01-01T10:00:00.25+02:00')).toEqual([1])
  })

  test('patterns have their escapes whatever the settings of the database make of a backslash in SQL', async () => {
    await run(`CREATE TABLE slashes (id int PRIMARY KEY, t text); INSERT INTO slashes VALUES (1, 'a%'), (2, 'ab');
      ALTER DATABASE postgres SET standard_conforming_strings = off`)
    const other = new QueryRunner(1, { scratchDir: dir, connections: connectionsTo(server) })
    try {
      const dataset = await described('slashes')
      for (const op of ['like', 'ilike'] as const)
        for (const [p, ids] of [
          ['a\\%', [1]],
          ['a%', [1, 2]],
          ['a\\', []],
        ] as const) {
          const { rows } = await ask(prepare(by('t', op), [dataset], other), String(new URLSearchParams({ p })))
          expect([op, p, rows.map(row => row.id)]).toEqual([op, p, [...ids]])
        }
    } finally {
      other.close()
      await run('ALTER DATABASE postgres RESET standard_conforming_strings')
    }
  })

  test('keys and indexes are its own; a unique index will do for a key, and a view has what is declared', async () => {
    await run(`CREATE TABLE keyed (a int, b text NOT NULL, c int NOT NULL, d int NOT NULL, PRIMARY KEY (b, a));
      CREATE INDEX ON keyed (c, d) INCLUDE (a); CREATE INDEX ON keyed (d) WHERE d > 5; CREATE INDEX ON keyed (lower(b)); CREATE INDEX ON keyed USING hash (d);
      CREATE TABLE unkeyed (a int UNIQUE, b int NOT NULL, c int NOT NULL, d int NOT NULL UNIQUE, UNIQUE (b, c));
      CREATE VIEW viewed AS SELECT * FROM keyed; CREATE MATERIALIZED VIEW kept AS SELECT * FROM keyed;
      CREATE TABLE parted (a int PRIMARY KEY, b text) PARTITION BY RANGE (a); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
      INSERT INTO parted VALUES (1, 'x')`)
    const keyed = await described('keyed')
    expect([keyed.primaryKey, keyed.indexes]).toEqual([['b', 'a'], [['c', 'd']]])
    expect(keyed.columns.filter(c => c.nullable)).toEqual([])
    expect((await described('unkeyed')).primaryKey).toEqual(['d'])
    expect((await described('viewed')).primaryKey).toBeNull()
    expect((await described('viewed', { key: ['a', 'b'] })).primaryKey).toEqual(['a', 'b'])
    expect((await described('kept')).columns).toHaveLength(4)
    expect((await answer(await described('parted'))).rows).toEqual([{ a: 1, b: 'x' }])
    expect((await refusal(() => described('viewed', { key: ['no'] }))).message).toBe(
      'The primary key names no, which public.viewed does not have.',
    )
  })

  test('an index on numbers of objects finds and orders their rows, and no number that is none of theirs is an error', async () => {
    await run(
      'CREATE TABLE objects (o oid PRIMARY KEY, n int); INSERT INTO objects SELECT 4294967295 - g, g FROM generate_series(0, 4) g',
    )
    const objects = await described('objects')
    const planOf = async (definition: QueryDefinition, params: string) => {
      const prepared = prepare(definition, [objects], runner)
      const sql = prepared.sql(prepared.ask(grantWith(), parseQuery(params))).replace(/\$\d+/g, "'1'")
      return await server.sql.begin(async transaction => {
        await transaction.unsafe('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off')
        return JSON.stringify(await transaction.unsafe(`EXPLAIN ${sql}`))
      })
    }
    const one = all({ filters: [{ column: 'o', param: 'p' }] })
    const plans = [await planOf(one, 'p=1'), await planOf(all(), 'limit=1')]
    for (const plan of plans)
      expect([plan, /Index (Only )?Scan/.test(plan), /Sort/.test(plan)]).toEqual([plan, true, false])
    for (const [p, n] of [
      ['4294967291', [4]],
      ['-1', []],
      ['4294967296', []],
    ] as const)
      expect([p, (await answer(objects, one, `p=${p}`)).rows.map(row => row.n)]).toEqual([p, [...n]])
    const walked: unknown[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await answer(objects, all(), `limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
      walked.push(...page.rows.map(row => row.n))
      cursor = page.next
    }
    expect(walked).toEqual([4, 3, 2, 1, 0])
  })

  test('a table that is not there, or may not be read, is refused with its name; columns that may not be are left out', async () => {
    expect((await refusal(() => described('nothing'))).message).toBe(
      'The database has no table public.nothing, or the user may not see it.',
    )
    await run(`CREATE TABLE half (id int PRIMARY KEY, secret text, shown text); INSERT INTO half VALUES (1, 'hidden', 'seen');
      CREATE TABLE closed (id int); CREATE ROLE clerk LOGIN PASSWORD 'clerk'; GRANT SELECT (id, shown) ON half TO clerk`)
    const clerk = { ...server, url: server.url.replace(/owner:[^@]*@/, 'clerk:clerk@') } as PostgresServer
    const half = await describedTable(clerk, { schema: 'public', table: 'half' }, { name: 'd.t' })
    expect(half.columns.map(c => c.name)).toEqual(['id', 'shown'])
    const own = new QueryRunner(1, { scratchDir: dir, connections: connectionsTo(clerk) })
    expect((await ask(prepare(all(), [half], own))).rows).toEqual([{ id: 1, shown: 'seen' }])
    await run('REVOKE SELECT (shown) ON half FROM clerk')
    const fault = await refusal(() => ask(prepare(all(), [half], own)))
    expect([fault.status, fault.code]).toEqual([503, 'data_changed'])
    expect(fault.message).not.toMatch(/half|shown|clerk|SELECT/)
    own.close()
    const closed = await refusal(() => describedTable(clerk, { schema: 'public', table: 'closed' }, { name: 'd.t' }))
    expect(closed.message).toBe('The user of the connection may not read public.closed.')
    await run('CREATE SCHEMA locked; CREATE TABLE locked.open (id int); GRANT SELECT ON locked.open TO clerk')
    const locked = await refusal(() => describedTable(clerk, { schema: 'locked', table: 'open' }, { name: 'd.t' }))
    expect([locked.status, locked.message]).toEqual([422, 'The user of the connection may not read locked.open.'])
  })

  test('a table that changes under its dataset is 503 until it is described again, and never a wrong answer', async () => {
    await run("CREATE TABLE moving (id int PRIMARY KEY, a text); INSERT INTO moving VALUES (1, 'x')")
    const before = await described('moving')
    expect((await answer(before)).rows).toEqual([{ id: 1, a: 'x' }])
    await run('ALTER TABLE moving RENAME a TO b')
    expect(await refusal(() => answer(before))).toMatchObject({ status: 503, code: 'data_changed' })
    expect((await answer(await described('moving'))).rows).toEqual([{ id: 1, b: 'x' }])
    // described again, it is answered on every connection, those that prepared the same statement before among them
    const numbered = await described('moving')
    for (const type of ['int USING 7', 'bigint', 'smallint', 'text']) {
      await run(`ALTER TABLE moving ALTER b TYPE ${type}`)
      const now = await described('moving')
      for (let i = 0; i < 12; i++) expect((await answer(now)).rows).toEqual([{ id: 1, b: type === 'text' ? '7' : 7 }])
    }
    expect(numbered.columns[1]!.type).toBe('text')
    await run('ALTER TABLE moving RENAME b TO a; ALTER TABLE moving ALTER a TYPE int USING 7')
    const filtered = all({ filters: [{ column: 'a', op: 'like', value: '7%' }] })
    const found = await answer(before, filtered).catch(fault => fault.status)
    // the column is a number now: it is compared as the text that it is answered as, or refused
    expect([503, 7]).toContain(typeof found === 'number' ? found : found.rows[0]!.a)
    await run('DROP TABLE moving')
    expect(await refusal(() => answer(before))).toMatchObject({ status: 503, code: 'data_changed' })
  })

  test('a column that is of another kind now is 503, and not read as what it was', async () => {
    for (const [type, value, others] of [
      [
        'int',
        '7',
        ["text USING '007'", "text USING ''", 'bool USING true', "date USING '2020-01-01'", 'jsonb USING to_jsonb(a)'],
      ],
      ['bigint', '7', ["text USING '007'"]],
      ['text COLLATE "C"', "'7'", ['int USING 7', "bytea USING 'x'", 'timestamptz USING now()']],
      ['bool', 'true', ['int USING 5', "text USING 'no'"]],
      ['jsonb', "'{}'", ["text USING 'kept secret'", 'int USING 5']],
      ['bytea', "'x'", ["text USING 'kept secret'", 'int USING 5']],
      ['numeric(5,2)', '1.25', ["text USING 'kept secret'"]],
      ['timestamptz', 'now()', ["text USING 'kept secret'", 'int USING 5']],
      ['date', 'now()', ["text USING 'kept secret'"]],
    ] as const)
      for (const other of others) {
        await run(`CREATE TABLE kind (id int PRIMARY KEY, a ${type}); INSERT INTO kind VALUES (1, ${value})`)
        const before = await described('kind')
        expect((await answer(before)).rows).toHaveLength(1)
        await run(`ALTER TABLE kind ALTER a TYPE ${other}`)
        const least = all({ columns: [{ fn: 'max', column: 'a', as: 'a' }] })
        for (const definition of /bool|json|bytea/.test(type) ? [all()] : [all(), least]) {
          const fault = await refusal(() => answer(before, definition))
          expect([type, other, fault.status, fault.code]).toEqual([type, other, 503, 'data_changed'])
          expect(JSON.stringify([fault.message, errorFields(fault)])).not.toContain('kept secret')
        }
        await run('DROP TABLE kind')
      }
  })

  test('columns of domains of texts are grouped by, and told apart', async () => {
    await run(`CREATE DOMAIN word AS text; CREATE DOMAIN short AS varchar(80);
      CREATE TABLE tags (id int PRIMARY KEY, w word, s short, n name);
      INSERT INTO tags VALUES (1, 'b', 'b', 'b'), (2, 'b', 'b', 'b'), (3, 'a', 'a', 'a')`)
    const tags = await described('tags')
    for (const column of ['w', 's', 'n']) {
      const apart = await answer(tags, all({ columns: [column], distinct: true }))
      expect(apart.rows).toEqual([{ [column]: 'a' }, { [column]: 'b' }])
      const grouped = all({ columns: [column, { fn: 'count', as: 'times' }], group_by: [column] })
      expect((await answer(tags, grouped)).rows).toEqual([
        { [column]: 'a', times: 1 },
        { [column]: 'b', times: 2 },
      ])
    }
  })

  test('what a view fails at is 503, and neither told nor logged with the value', async () => {
    await run(`CREATE TABLE raw (id int PRIMARY KEY, code text); INSERT INTO raw VALUES (1, '5');
      CREATE FUNCTION checked(code text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
        IF code = 'kept secret' THEN RAISE EXCEPTION 'not %', code USING ERRCODE = 'AB123'; END IF; RETURN code; END $$;
      CREATE VIEW cast_codes AS SELECT id, CAST(code AS int) AS n FROM raw;
      CREATE FUNCTION run(code text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
        IF code = 'kept secret' THEN EXECUTE code; END IF; RETURN code; END $$;
      CREATE VIEW checked_codes AS SELECT id, checked(code) AS c FROM raw;
      CREATE VIEW run_codes AS SELECT id, run(code) AS c FROM raw`)
    const views = [
      await described('cast_codes', { key: ['id'] }),
      await described('checked_codes', { key: ['id'] }),
      await described('run_codes', { key: ['id'] }),
    ]
    await run("INSERT INTO raw VALUES (2, 'kept secret')")
    for (const [dataset, state] of [
      [views[0]!, '22P02'],
      [views[1]!, 'AB123'],
      [views[2]!, '42601'],
    ] as const) {
      const fault = await refusal(() => answer(dataset))
      expect([fault.status, fault.code]).toEqual([503, 'data_unreadable'])
      expect(fault.message).toContain(state)
      expect(JSON.stringify([fault.message, errorFields(fault)])).not.toContain('kept secret')
    }
  })

  test('words are in the order of their bytes in a database that sorts them otherwise', async () => {
    await run(
      `CREATE TABLE words (id int PRIMARY KEY, w text, c text COLLATE "C"); INSERT INTO words VALUES (1, 'b', 'b'), (2, 'A', 'A'), (3, 'a', 'a'), (4, 'B', 'B'), (5, 'é', 'é'), (6, NULL, NULL)`,
    )
    expect((await run('SELECT w FROM words ORDER BY w LIMIT 2')).map((r: { w: string }) => r.w)).toEqual(['a', 'A'])
    const dataset = await described('words')
    for (const column of ['w', 'c']) {
      const ordered = all({ columns: ['id'], order_by: [{ column }] })
      expect((await answer(dataset, ordered)).rows.map(row => row.id)).toEqual([2, 4, 3, 1, 5, 6])
      expect(await idsOf(dataset, by(column, 'lt'), 'a')).toEqual([2, 4])
      const most = all({
        columns: [
          { fn: 'min', column, as: 'a' },
          { fn: 'max', column, as: 'b' },
        ],
      })
      expect((await answer(dataset, most)).rows).toEqual([{ a: 'A', b: 'é' }])
    }
    const joined = all({
      columns: ['id', 'o.id'],
      joins: [{ schema: 'd', table: 't', as: 'o', on: [{ left: 'w', right: 'c' }] }],
    })
    expect((await answer(dataset, joined)).rows).toHaveLength(5)
  })

  test('columns are joined whose collations are of two names, and what is no number is joined with nothing', async () => {
    await run(`CREATE TABLE sides (id int PRIMARY KEY, d text, c text COLLATE "C", p text COLLATE "POSIX", f float8 NOT NULL);
      INSERT INTO sides VALUES (1, 'x', 'x', 'x', 1.5), (2, 'y', 'y', 'y', 'NaN')`)
    const sides = await described('sides')
    const joined = async (left: string, right: string) => {
      const joins = [{ schema: 'd', table: 't', as: 'o', on: [{ left, right }] }]
      return (await answer(sides, all({ columns: ['id', 'o.id'], joins }))).rows.map(row => row.id)
    }
    for (const left of ['d', 'c', 'p'])
      for (const right of ['d', 'c', 'p'])
        expect([left, right, await joined(left, right)]).toEqual([left, right, [1, 2]])
    expect(await joined('f', 'f')).toEqual([1])
  })

  test('a value with a character that the database does not have is refused, and not taken for its trouble', async () => {
    await run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    const url = server.url.replace(/\/postgres$/, '/latin')
    const latin = { ...server, url } as PostgresServer
    const sql = new SQL(url, { max: 1 })
    await sql.unsafe("CREATE TABLE t (id int PRIMARY KEY, t text); INSERT INTO t VALUES (1, 'é')")
    const own = new QueryRunner(1, { scratchDir: dir, connections: connectionsTo(latin) })
    try {
      const dataset = await describedTable(latin, { schema: 'public', table: 't' }, { name: 'd.t' })
      const prepared = prepare(by('t'), [dataset], own)
      expect((await ask(prepared, String(new URLSearchParams({ p: 'é' })))).rows).toEqual([{ id: 1 }])
      expect(await refusal(() => ask(prepared, String(new URLSearchParams({ p: '€' }))))).toMatchObject({ status: 422 })
    } finally {
      own.close()
      await sql.close()
    }
  })

  test('bytes are the same however the database is set to write them, and so are their pages', async () => {
    await run(`CREATE TABLE bytes (b bytea PRIMARY KEY, n int);
      INSERT INTO bytes VALUES ('\\x', 0), ('\\x00ff', 1), ('\\x41', 2), ('\\xff', 3);
      CREATE ROLE legacy LOGIN PASSWORD 'legacy'; GRANT SELECT ON bytes TO legacy;
      ALTER ROLE legacy SET bytea_output = 'escape'`)
    const dataset = await described('bytes')
    const url = server.url.replace(/owner:[^@]*/, 'legacy:legacy')
    const own = new QueryRunner(1, { scratchDir: dir, connections: new Connections(() => url, 60_000) })
    try {
      const prepared = prepare(all(), [dataset], own)
      const walked: unknown[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page = await ask(prepared, `limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
        walked.push(...page.rows.map(row => row.b))
        cursor = page.next
      }
      expect(walked).toEqual(['', 'AP8=', 'QQ==', '/w=='])
      let streamed = ''
      const limits = { deadline: performance.now() + 20_000, patienceMs: 20_000 }
      const asked = prepared.ask(grantWith({}), parseQuery('limit=1000'))
      for await (const { bytes } of prepared.pieces(asked, 'csv', limits, false)) streamed += bytes
      expect(streamed.trim().split(/\r?\n/)).toEqual(['b,n', '"",0', 'AP8=,1', 'QQ==,2', '/w==,3'])
    } finally {
      own.close()
    }
  })

  test('pages by keys of texts and of uuids give each row once, in the order of bytes', async () => {
    const words = ['', 'a', 'A', 'b', 'B', 'é', 'É', 'a b', 'ab', 'Σ', 'z', '_', '1']
    await run('CREATE TABLE named (key text PRIMARY KEY, half char(3) NOT NULL, id uuid NOT NULL, UNIQUE (half, id))')
    for (const [i, word] of words.entries())
      await run(
        `INSERT INTO named VALUES ('${word}', '${word}', '${String((i * 7) % 13).padStart(8, 'a')}-0000-4000-8000-00000000000a')`,
      )
    for (const key of [['key'], ['half', 'id'], ['id'], ['id', 'key']]) {
      const dataset = await described('named', { key })
      const definition = all({ columns: ['key', 'id'], pagination: { default_limit: 2 } })
      const walked: unknown[] = []
      for (let cursor = ''; walked.length < 20; ) {
        const { rows, next } = await answer(dataset, definition, cursor)
        walked.push(...rows)
        if (next === undefined) break
        cursor = `cursor=${encodeURIComponent(next)}`
      }
      const whole = (await answer(dataset, definition, 'limit=1000')).rows
      expect([key, walked]).toEqual([key, whole])
      expect(whole).toHaveLength(words.length)
      const texts = whole.map(row => Buffer.from(String(row[key[0] === 'id' ? 'id' : 'key'])))
      expect([key, texts]).toEqual([key, texts.toSorted(Buffer.compare)])
    }
  })

  test('pages give each row once where floats are no numbers, and where rows without a key differ in JSON or bytes alone', async () => {
    await run(`CREATE TABLE measured (id int PRIMARY KEY, x float8 NOT NULL, y real NOT NULL);
      INSERT INTO measured VALUES (1, 'NaN', 'NaN'), (2, 1, 1), (3, 'Infinity', 'Infinity'), (4, '-Infinity', '-Infinity'), (5, '-0', '-0'), (6, 'NaN', 'NaN')`)
    for (const key of [['id'], ['x', 'id'], ['y', 'id']])
      for (const column of ['x', 'y'])
        for (const direction of ['asc', 'desc'] as const) {
          const dataset = await described('measured', { key })
          const definition = all({ columns: ['id'], order_by: [{ column, direction }] })
          const walked: unknown[] = []
          for (let cursor: string | undefined = ''; cursor !== undefined; ) {
            const page = await answer(
              dataset,
              definition,
              `limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
            )
            walked.push(...page.rows.map(row => row.id))
            cursor = page.next
          }
          // what is no number is no value, and comes last
          expect([key, column, direction, walked]).toEqual([
            key,
            column,
            direction,
            direction === 'asc' ? [4, 5, 2, 3, 1, 6] : [3, 2, 5, 4, 1, 6],
          ])
        }
    await run(
      `CREATE TABLE heap (a int, j jsonb, b bytea); INSERT INTO heap SELECT 1, to_jsonb(g % 30), decode(lpad(to_hex(g), 4, '0'), 'hex') FROM generate_series(1, 300) g`,
    )
    const heap = await described('heap')
    const rows: unknown[] = []
    for (let offset = 0; offset < 300; offset += 10)
      rows.push(...(await answer(heap, all(), `limit=10&offset=${offset}`)).rows.map(row => row.b))
    expect(new Set(rows).size).toBe(300)
  })

  test('a page is no longer than its limit where a view has several rows of what was declared its key', async () => {
    await run('CREATE VIEW twice AS SELECT g % 2 AS id, g AS n FROM generate_series(1, 100000) g')
    const twice = await described('twice', { key: ['id'] })
    const prepared = prepare(all({ filters: [{ column: 'id', param: 'id', required: true }] }), [twice], runner)
    const params = new URLSearchParams({ id: '1', limit: '5' })
    expect((await ask(prepared, String(params))).rows).toHaveLength(5)
    // the server is not asked for all of them either
    expect(prepared.sql(prepared.ask(grantWith(), parseQuery(String(params))))).toContain(' LIMIT ')
  })

  test('large tables that every call reads whole are warned of, with the index that would spare it', async () => {
    await run(
      'CREATE TABLE large (id int PRIMARY KEY, k int NOT NULL, w text, x text, at timestamptz); CREATE INDEX ON large (k); CREATE INDEX ON large (w); CREATE INDEX ON large (x COLLATE "C", k)',
    )
    const dataset = await described('large', { rowCount: 1_000_000 })
    const warnings = (more: Partial<QueryDefinition>) => {
      const prepared = prepare(all(more), [dataset], runner)
      return prepared.advice(grantWith()).map(text => text.replace('every call reads all 1,000,000 rows of d.t; ', ''))
    }
    const required = (column: string, op: 'eq' | 'gt' = 'eq') => ({
      filters: [{ column, op, param: 'p', required: true }],
    })
    expect(warnings({})).toEqual([])
    expect(warnings(required('id'))).toEqual([])
    expect(warnings(required('k', 'gt'))).toEqual([])
    expect(warnings(required('at'))).toEqual(['an index on at is missing.'])
    expect(warnings({ order_by: [{ column: 'at' }] })).toEqual(['an index on at, id is missing.'])
    expect(warnings({ columns: [{ fn: 'count' }] })).toEqual(['no index would spare that.'])
  })

  describe('a connection', () => {
    const failing = async (change: (url: string) => string) =>
      (await refusal(() => connectOnce('w', change(server.url)))).message
    const PASSWORD = /only-for-tests/

    test('is checked, and what fails of it is said, without the password', async () => {
      const at = `127.0.0.1:${server.port}`
      expect(await connectOnce('w', server.url)).toMatchObject({
        database: 'postgres',
        server: expect.stringContaining('PostgreSQL'),
      })
      const messages = {
        password: await failing(url => url.replace(PASSWORD, 'wrong-secret')),
        user: await failing(url => url.replace('owner', 'nobody')),
        database: await failing(url => url.replace(/postgres$/, 'nodb')),
        port: await failing(url => url.replace(String(server.port), '1')),
        host: await failing(url => url.replace('127.0.0.1', 'no-such-host.invalid')),
        tls: await failing(url => `${url}?sslmode=require`),
      }
      expect(messages).toEqual({
        password: `connection w: the server at ${at} refuses the user or the password.`,
        user: `connection w: the server at ${at} refuses the user or the password.`,
        database: `connection w: the server at ${at} has no database nodb.`,
        port: 'connection w: no PostgreSQL answers at 127.0.0.1:1.',
        host: 'connection w: the host no-such-host.invalid is not known.',
        tls: `connection w: the server at ${at} has no TLS, and sslmode asks for it.`,
      })
      expect(JSON.stringify(messages)).not.toMatch(/only-for-tests|wrong-secret/)
    })

    test('to a server that takes it and says nothing is said not to be answered in time', async () => {
      const silent = createServer(() => {})
      await new Promise<void>(listening => silent.listen(0, '127.0.0.1', listening))
      const { port } = silent.address() as AddressInfo
      const { message } = await refusal(() => connectOnce('w', `postgres://owner:secret@127.0.0.1:${port}/d`, 300))
      expect(message).toBe(`connection w: the server at 127.0.0.1:${port} does not answer in time.`)
      silent.close()
    })

    test('through a pooler that takes no settings, or that mixes up what connections have prepared, is said to be', async () => {
      const pooler = createServer(socket =>
        socket.once('data', () => {
          const fields = ['SFATAL', 'VFATAL', 'C08P01', 'Munsupported startup parameter: statement_timeout', '']
          const body = Buffer.from(fields.map(field => `${field}\0`).join(''))
          const head = Buffer.from('E\0\0\0\0')
          head.writeInt32BE(body.length + 4, 1)
          socket.end(Buffer.concat([head, body]))
        }),
      )
      await new Promise<void>(done => pooler.listen(0, '127.0.0.1', done))
      const { port } = pooler.address() as AddressInfo
      expect(await failing(url => url.replace(String(server.port), String(port)))).toBe(
        `connection w: the server at 127.0.0.1:${port} refuses the settings of a connection, as a pooler does that is not told to ignore them.`,
      )
      pooler.close()
      // what such a pooler answers where another of its clients has prepared a statement under the same name, or none has
      const connection = new PostgresConnection('w', () => server.url, 60_000)
      const limits = { deadline: performance.now() + 20_000 }
      for (const sql of ['PREPARE own AS SELECT 1', 'DEALLOCATE other']) {
        const fault = refusal(() =>
          connection.read(async session => {
            for (let times = 0; times < 2; times++) await session.query(sql)
          }, limits),
        )
        expect(await fault).toMatchObject({ status: 503, code: 'connection_lost' })
      }
      await connection.close()
    })

    test('says where its secret should be', () => {
      const from = (where: { urlEnv?: string; urlFile?: string }, env: Record<string, string> = {}) => {
        try {
          return urlOf({ name: 'w', urlEnv: where.urlEnv ?? null, urlFile: where.urlFile ?? null }, env)
        } catch (error) {
          return (error as Error).message
        }
      }
      const file = join(dir, 'url')
      writeFileSync(file, `${server.url}\n`)
      expect(from({ urlFile: file })).toBe(server.url)
      expect(from({ urlEnv: 'W' }, { W: server.url })).toBe(server.url)
      expect(from({ urlEnv: 'W' })).toBe('connection w: the environment variable W is not set.')
      expect(from({ urlFile: join(dir, 'none') })).toBe('connection w: the file that url_file names cannot be read.')
      for (const bad of [
        'hunter2',
        'mysql://u:hunter2@h/d',
        'postgres:hunter2',
        'postgres://u:hunter2@:5432/d',
        'postgres://u:hunter2%zz@h/d',
      ]) {
        const said = from({ urlEnv: 'W' }, { W: bad })
        expect(said).toMatch(
          /^connection w: (W does not hold a URL such as|the URL in W (names no host|has a % that begins no escape))/,
        )
        expect(said).not.toContain('hunter2')
      }
    })

    test('can only read, whatever it is asked', async () => {
      const engine = runner.engineOf({ engine: 'postgres' })
      const all = (sql: string) =>
        engine.all({ sql, sources: [CONNECTION], names: ['x'], bigints: false }, [], {
          deadline: performance.now() + 20_000,
        })
      expect(await all('SELECT 1')).toEqual([{ x: 1 }])
      for (const sql of [
        'CREATE TABLE hacked (a int)',
        "INSERT INTO words VALUES (9, 'x', 'x')",
        "SELECT 1; INSERT INTO words VALUES (9, 'x', 'x')",
        'SELECT 1; SELECT 2',
        'SELECT * INTO hacked FROM words',
        "SELECT nextval('counted')",
        'SELECT * FROM words FOR UPDATE',
        'WITH gone AS (DELETE FROM words RETURNING 1) SELECT * FROM gone',
        'DROP TABLE words',
        "COPY words TO PROGRAM 'true'",
        'SET default_transaction_read_only = off',
      ])
        expect([
          sql,
          await all(sql).then(
            rows => rows,
            () => 'refused',
          ),
        ]).toEqual([sql, 'refused'])
    })

    test('of which all are taken keeps the others waiting, until their deadline', async () => {
      const connection = new PostgresConnection('w', () => server.url, 60_000)
      const over = Promise.withResolvers<void>()
      const limits = { deadline: performance.now() + 20_000 }
      const held = Array.from({ length: 8 }, () => connection.read(() => over.promise, limits))
      const late = refusal(() =>
        connection.read(session => session.query('SELECT 1'), { deadline: performance.now() + 200 }),
      )
      expect((await late).status).toBe(504)
      const next = connection.read(session => session.query('SELECT 1'), limits)
      over.resolve()
      await Promise.all(held)
      expect(await next).toEqual([[1]])
      await connection.close()
    })

    test('that a call waits for is made as soon as the server has room for it, though all others stay taken', async () => {
      await run("CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 2")
      const connection = new PostgresConnection('w', () => server.url.replace(/owner:[^@]*/, 'few:few'), 60_000)
      const over = Promise.withResolvers<void>()
      const limits = { deadline: performance.now() + 60_000 }
      const taken = [0, 1].map(() => Promise.withResolvers<void>())
      const held = taken.map(({ resolve }) =>
        connection.read(async session => {
          await session.query('SELECT 1')
          resolve()
          await over.promise
        }, limits),
      )
      await Promise.all(taken.map(({ promise }) => promise))
      let isServed = false
      const next = connection
        .read(session => session.query('SELECT 1'), limits)
        .finally(() => {
          isServed = true
        })
      const late = refusal(() =>
        connection.read(session => session.query('SELECT 1'), { deadline: performance.now() + 200 }),
      )
      expect((await late).status).toBe(504)
      expect(isServed).toBe(false)
      await run('ALTER ROLE few CONNECTION LIMIT 3')
      expect(await next).toEqual([[1]])
      over.resolve()
      await Promise.all(held)
      await connection.close()
    })

    test('has a thousand wait for a table, or for a row that is written to, and refuses the next at once, but not of others', async () => {
      const connections = [1, 2].map(() => new PostgresConnection('w', () => server.url, 60_000))
      const [connection, other] = connections as [PostgresConnection, PostgresConnection]
      const over = Promise.withResolvers<void>()
      const deadline = performance.now() + 40_000
      const one = (session: Session) => session.query('SELECT 1')
      const read = (work: (session: Session) => Promise<unknown>, ...tables: string[]) =>
        connection.read(work, { deadline, tables })
      const write = (work: (session: Session) => Promise<unknown>, row: string) =>
        connection.write(work, { deadline, tables: ['t'], row })
      const stream = (work: (session: Session) => Promise<unknown>) =>
        other.stream(work, { deadline, tables: ['t'] }, () => false, over.promise)
      const held = [
        ...Array.from({ length: 6 }, () => read(() => over.promise, 't')),
        write(() => over.promise, 'row'),
        ...Array.from({ length: 4 }, () => stream(() => over.promise)),
      ]
      const waiting = Array.from({ length: 1000 }, () => [read(one, 't'), write(one, 'row'), stream(one)]).flat()
      const all = Promise.all([...held, ...waiting])
      all.catch(() => {}) // what fails below is to be told, and not that these end then
      for (const next of [() => read(one, 'u', 't'), () => write(one, 'row'), () => stream(one)]) {
        const { status, message, headers } = await refusal(next)
        const said = [503, 'Too many calls are waiting for the database.', '1']
        expect([status, message, headers['retry-after']]).toEqual(said)
      }
      expect(await read(one, 'u')).toEqual([[1]])
      expect(await write(one, 'another')).toEqual([[1]])
      over.resolve()
      await all
      await Promise.all(connections.map(connection => connection.close()))
    })

    test('keeps only so much of the statements that it was asked', async () => {
      const connection = new PostgresConnection('c', () => server.url, 60_000, 1)
      const kept = 'SELECT sum(length(statement)) FROM pg_prepared_statements'
      const limits = { deadline: performance.now() + 20_000 }
      for (let i = 0; i < 150; i++) {
        const list = Array.from({ length: 400 + i }, () => 'CAST(1 AS bigint)').join(', ')
        const asked = [`SELECT ${i} WHERE $1 IN ('x', '${i}') AND 1 IN (${list})`, [String(i)]] as const
        // one that is the same every time is no other statement
        for (let again = 0; again < 2; again++) {
          const [row] = await connection.read(session => session.query(...asked), limits)
          expect(row![0]).toBe(i)
        }
        const [row] = await connection.read(session => session.query(kept), limits)
        expect(Number(row![0])).toBeLessThan(600_000)
      }
      await connection.close()
    })

    test('that was lost is 503 with when to come again, and is there again by itself', async () => {
      await run('CREATE TABLE stays (id int PRIMARY KEY)')
      const dataset = await described('stays')
      const lookups = () => Promise.all(Array.from({ length: 6 }, () => answer(dataset)))
      await lookups()
      await server.kill()
      for (let i = 0; i < 3; i++) {
        const fault = await refusal(() => answer(dataset))
        expect([fault.status, fault.code, fault.headers['retry-after']]).toEqual([503, 'connection_lost', '5'])
        expect(fault.message).toBe(`The database behind the connection ${CONNECTION} cannot be reached.`)
      }
      await server.start()
      expect((await lookups()).map(reply => reply.count)).toEqual([0, 0, 0, 0, 0, 0])
      // those that the server ends are tried once more, which nobody sees
      await run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callgate'")
      expect((await lookups()).map(reply => reply.count)).toEqual([0, 0, 0, 0, 0, 0])
    })

    test('that is lost is made again, though the clock is set on meanwhile', async () => {
      const connection = new PostgresConnection('w', () => server.url, 5000, 1)
      const ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callgate'"
      const limits = { deadline: performance.now() + 20_000 }
      const answer = () => connection.read(session => session.query('SELECT 1'), limits)
      expect(await answer()).toEqual([[1]])
      await run(ending)
      setSystemTime(Date.now() + 3_600_000)
      try {
        expect(await answer()).toEqual([[1]])
      } finally {
        setSystemTime()
        await connection.close()
      }
    })

    test('whose secret is not where it should be is 503 for callers, and only the log says why', async () => {
      const url = () => urlOf({ name: 'w', urlEnv: 'NOT_SET', urlFile: null }, {})
      const connection = new PostgresConnection('w', url, 5000, 1)
      const limits = { deadline: performance.now() + 20_000 }
      for (const work of ['read', 'write'] as const) {
        const fault = await refusal(() => connection[work](session => session.query('SELECT 1'), limits))
        expect([fault.status, fault.code, fault.headers['retry-after']]).toEqual([503, 'connection_lost', '5'])
        expect(fault.message).toBe('The database behind the connection w cannot be reached.')
        expect(errorFields(fault.cause).error).toBe('connection w: the environment variable NOT_SET is not set.')
      }
    })

    test('whose password was changed where it is kept goes on with the new one', async () => {
      await run("CREATE ROLE turning LOGIN PASSWORD 'one'; GRANT SELECT ON stays TO turning")
      let password = 'one'
      const url = () => server.url.replace(/owner:[^@]*@/, `turning:${password}@`)
      const connection = new PostgresConnection('w', url, 5000, 1)
      const ask = () => connection.read(session => session.query('SELECT 1'), { deadline: performance.now() + 20_000 })
      expect(await ask()).toEqual([[1]])
      await run(
        "ALTER ROLE turning PASSWORD 'two'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'turning'",
      )
      expect((await refusal(ask)).code).toBe('connection_lost')
      password = 'two'
      expect(await ask()).toEqual([[1]])
      await connection.close()
    })

    test('whose password is refused where one is made ends nothing that is under way on others', async () => {
      await run("CREATE ROLE rotated LOGIN PASSWORD 'one'")
      let password = 'one'
      const url = () => server.url.replace(/owner:[^@]*@/, `rotated:${password}@`)
      const connection = new PostgresConnection('w', url, 60_000, 2)
      const limits = { deadline: performance.now() + 20_000 }
      const lock = await server.sql.reserve()
      await lock`SELECT pg_advisory_lock(17)`
      const underWay = connection.read(
        session => session.query('SELECT pg_advisory_xact_lock(17)'),
        limits,
        () => false,
      )
      await waitFor(async () => ((await activity()).length > 0 ? true : undefined))
      await lock`ALTER ROLE rotated PASSWORD 'two'`
      const one = (session: Session) => session.query('SELECT 1')
      expect((await refusal(() => connection.write(one, limits))).code).toBe('connection_lost')
      password = 'two'
      expect(await connection.write(one, limits)).toEqual([[1]])
      await lock`SELECT pg_advisory_unlock(17)`
      lock.release()
      expect(await underWay).toHaveLength(1)
      await connection.close()
    })

    test('on which a look at a table was left in the middle has the time for a statement that it had before', async () => {
      await run('CREATE FUNCTION waits() RETURNS int LANGUAGE sql AS $$ SELECT 1 FROM pg_sleep(20) $$')
      // the rows that it looks at come at once
      await run(
        'CREATE VIEW slow_to_count AS SELECT g AS id FROM generate_series(1, 3000) g WHERE g < 3000 OR waits() = 1',
      )
      const connection = new PostgresConnection('w', () => server.url, 60_000, 1)
      const caller = new AbortController()
      const limits = { deadline: performance.now() + 20_000, signal: caller.signal }
      const at = { schema: 'public', table: 'slow_to_count' }
      const look = refusal(() => describeTable(connection, at, undefined, limits))
      await waitFor(async () => ((await activity()).some((sql: string) => sql.includes('count(*)')) ? true : undefined))
      caller.abort()
      expect((await look).status).toBe(499)
      const now = connection.read(session => session.query('SHOW statement_timeout'), {
        deadline: performance.now() + 20_000,
      })
      expect(await now).toEqual([['1min']])
      await connection.close()
    })
  })

  describe('a statement that nobody waits for any more is over on the server, too', () => {
    const slow = {
      // in FROM, the series would be written to the disk first
      sql: "SELECT count(*) FROM (SELECT generate_series(1, 1000000000) AS g) s WHERE md5(g::text) = 'x'",
      sources: [CONNECTION],
      names: ['n'],
      bigints: false,
    }
    const rows = {
      ...slow,
      sql: "SELECT g, repeat('x', 100) FROM generate_series(1, 100000) g",
      names: ['g', '__proto__'],
    }
    const engine = () => runner.engineOf({ engine: 'postgres' })
    const runs = async (text: string) => (await activity()).some((sql: string) => sql.includes(text))
    const nothingRuns = async () => {
      let running: string[] = []
      await waitFor(async () => {
        running = await activity()
        return running.length === 0 ? true : undefined
      }, 20_000).catch(() => {
        throw new Error(`still there: ${running.join('; ')}`)
      })
    }

    test('at its deadline, 504', async () => {
      const begun = performance.now()
      expect((await refusal(() => engine().all(slow, [], { deadline: performance.now() + 300 }))).status).toBe(504)
      expect(performance.now() - begun).toBeLessThan(20_000) // of minutes
      await nothingRuns()
    })
    test('when its caller goes, 499', async () => {
      const caller = new AbortController()
      const answer = refusal(() =>
        engine().all(slow, [], { deadline: performance.now() + 20_000, signal: caller.signal }),
      )
      await waitFor(async () => ((await runs('generate_series')) ? true : undefined))
      caller.abort()
      expect((await answer).status).toBe(499)
      await nothingRuns()
      expect(
        (await refusal(() => engine().all(slow, [], { deadline: performance.now() + 20_000, signal: caller.signal })))
          .status,
      ).toBe(499)
    })
    test.each([
      ['while somebody waits for it to end', 800],
      ['when its connection was given up already', 3000],
    ])('that had not begun when its caller went, as it was on its way, and begins %s', async (_, HELD_MS) => {
      const text = `SELECT 'held for ${HELD_MS}', count(*) FROM (SELECT generate_series(1, 1000000000) AS g) s WHERE md5(g::text) = 'x'`
      /** hands on what is before the statement, and all else later */
      const held = (bytes: Buffer): Buffer[] => {
        if (!bytes.includes('generate_series')) return [bytes]
        for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
          const end = at + 1 + bytes.readInt32BE(at + 1)
          if (bytes.subarray(at, end).includes('generate_series')) return [bytes.subarray(0, at), bytes.subarray(at)]
        }
        return [bytes]
      }
      const caller = new AbortController()
      const far = createServer(client => {
        const database = connect(server.port, '127.0.0.1')
        let until = 0
        client.on('data', (bytes: Buffer) => {
          const [now, later] = held(bytes)
          if (Date.now() < until) setTimeout(() => database.write(bytes), until - Date.now())
          else database.write(now!)
          if (!later) return
          until = Date.now() + HELD_MS
          setTimeout(() => database.write(later), HELD_MS)
          setTimeout(() => caller.abort(), 20)
        })
        database.on('data', (bytes: Buffer) => client.write(bytes))
        client.on('error', () => {}).on('close', () => setTimeout(() => database.end(), 5000))
        database.on('error', () => {}).on('close', () => client.destroy())
      })
      await new Promise<void>(resolve => far.listen(0, '127.0.0.1', resolve))
      const url = server.url.replace(`:${server.port}`, `:${(far.address() as AddressInfo).port}`)
      const connection = new PostgresConnection('far', () => url, 600_000, 1)
      const limits = { deadline: performance.now() + 20_000, signal: caller.signal }
      expect((await refusal(() => connection.read(session => session.query(text), limits))).status).toBe(499)
      await waitFor(async () => ((await runs(text)) ? true : undefined))
      await nothingRuns()
      await connection.close()
      far.close()
    })
    test('where the connection by which it is cancelled at first cannot be made', async () => {
      let made = 0
      const near = createServer(client => {
        client.on('error', () => {})
        if (++made === 2) return void client.resetAndDestroy()
        const database = connect(server.port, '127.0.0.1')
        client.pipe(database).on('error', () => {})
        database.pipe(client)
      })
      await new Promise<void>(resolve => near.listen(0, '127.0.0.1', resolve))
      const url = server.url.replace(`:${server.port}`, `:${(near.address() as AddressInfo).port}`)
      const connection = new PostgresConnection('near', () => url, 600_000, 1)
      const caller = new AbortController()
      const limits = { deadline: performance.now() + 20_000, signal: caller.signal }
      const left = refusal(() => connection.read(session => session.query("SELECT 'refused', pg_sleep(50)"), limits))
      await waitFor(async () => ((await runs('refused')) ? true : undefined))
      caller.abort()
      expect((await left).status).toBe(499)
      await nothingRuns()
      expect(made).toBeGreaterThan(2)
      await connection.close()
      near.close()
    })
    test('a stream: whole and in order; left early; whose caller goes; not taken; too slow', async () => {
      let at = 0
      for await (const batch of engine().stream(rows, [], { patienceMs: 20_000 })) {
        expect(batch.length).toBeLessThanOrEqual(1000)
        for (const row of batch) expect([row.g, Object.values(row)[1]]).toEqual([++at, 'x'.repeat(100)])
      }
      expect(at).toBe(100_000)
      // on the same connections, of other columns
      const other = { ...rows, sql: "SELECT 'text', g, true FROM generate_series(1, 3) g", names: ['a', 'b', 'c'] }
      for (let i = 0; i < 10; i++)
        for await (const batch of engine().stream(other, [], { patienceMs: 20_000 }))
          expect(batch[2]).toEqual({ a: 'text', b: 3, c: true })
      for await (const _ of engine().stream(rows, [], { patienceMs: 20_000 })) break
      await nothingRuns()
      const caller = new AbortController()
      const gone = refusal(async () => {
        for await (const _ of engine().stream(rows, [], { patienceMs: 20_000, signal: caller.signal })) caller.abort()
      })
      expect((await gone).status).toBe(499)
      await nothingRuns()
      const held = engine().stream(rows, [], { patienceMs: 1500 })
      await held.next()
      await nothingRuns()
      const stalled = refusal(async () => {
        for await (const _ of held);
      })
      expect((await stalled).status).toBe(504)
      expect((await refusal(() => engine().stream(slow, [], { patienceMs: 300 }).next())).status).toBe(504)
      await nothingRuns()
    })
    test('what is asked before a stream is of the same state as its rows', async () => {
      await run('CREATE TABLE moving (id int PRIMARY KEY); INSERT INTO moving SELECT generate_series(1, 5000)')
      const statement = { ...rows, sql: 'SELECT id FROM moving', names: ['id'] }
      const counted = { ...rows, sql: 'SELECT (SELECT count(*) FROM moving), pg_sleep(2)', names: ['n', 'slept'] }
      const batches = engine().stream(statement, [], { patienceMs: 20_000 }, { statement: counted, values: [] })
      const first = batches.next()
      await waitFor(async () => ((await activity()).some((sql: string) => sql.includes('pg_sleep')) ? true : undefined))
      await run('DELETE FROM moving WHERE id <= 100')
      expect(Number((await first).value![0]!.n)).toBe(5000)
      let count = 0
      for await (const batch of batches) count += batch.length
      expect(count).toBe(5000)
      const none = { statement: { ...statement, sql: 'SELECT id FROM moving WHERE id < 0' }, values: [] }
      expect((await engine().stream(statement, [], { patienceMs: 20_000 }, none).next()).value).toEqual([])
    })
    test('streams leave connections to statements, however slowly they are read', async () => {
      const streams = Array.from({ length: 12 }, () => engine().stream(rows, [], { patienceMs: 20_000 }))
      const begun = streams.map(stream => stream.next())
      await Promise.race(begun)
      const one = { ...rows, sql: 'SELECT 1', names: ['one'] }
      for (let i = 0; i < 4; i++)
        expect(await engine().all(one, [], { deadline: performance.now() + 10_000 })).toMatchObject([{ one: 1 }])
      // each that ends makes room for another one
      const counts = streams.map(async (stream, i) => {
        let count = (await begun[i]!).value!.length
        for await (const batch of stream) count += batch.length
        return count
      })
      expect(await Promise.all(counts)).toEqual(streams.map(() => 100_000))
    })
    test('what waits for a table that is locked leaves connections, and those of streams, to the other tables', async () => {
      await run(`CREATE TABLE locked AS SELECT g AS id FROM generate_series(1, 3) AS g;
        CREATE TABLE unlocked AS SELECT g AS id FROM generate_series(1, 3) AS g`)
      const of = (...tables: string[]) => ({
        ...rows,
        sql: `SELECT id FROM ${tables[0]}`,
        names: ['id'],
        sources: tables.map(table => sourceOf({ connection: CONNECTION, schema: 'public', table })),
      })
      const ids = [{ id: 1 }, { id: 2 }, { id: 3 }]
      const one = (...tables: string[]) => engine().all(of(...tables), [], { deadline: performance.now() + 20_000 })
      const stream = async (...tables: string[]) => {
        const found = []
        for await (const batch of engine().stream(of(...tables), [], { patienceMs: 20_000 })) found.push(...batch)
        return found
      }
      const locker = await server.sql.reserve()
      await locker.unsafe('BEGIN')
      await locker.unsafe('LOCK TABLE locked IN ACCESS EXCLUSIVE MODE')
      const waiting = Array.from({ length: 10 }, () => [
        stream('locked'),
        one('locked'),
        stream('locked', 'unlocked'),
        one('locked', 'unlocked'),
      ]).flat()
      await waitFor(async () => ((await activity()).length >= 6 ? true : undefined))
      for (let i = 0; i < 4; i++) expect(await Promise.all([one('unlocked'), stream('unlocked')])).toEqual([ids, ids])
      await locker.unsafe('ROLLBACK')
      locker.release()
      expect(await Promise.all(waiting)).toEqual(waiting.map(() => ids))
    })

    test('a cancel that is late does not meet the statement of whoever has the connection next', async () => {
      const ROUND_TRIP_MS = 100
      const pipe = (from: Socket, to: Socket, made: number) => {
        const at = () => Math.max(ROUND_TRIP_MS / 2, made + 1.5 * ROUND_TRIP_MS - Date.now())
        from.on('data', bytes => setTimeout(() => to.write(bytes), at())).on('error', () => {})
        from.on('close', () => setTimeout(() => to.end(), at()))
      }
      const far = createServer(caller => {
        const database = connect(server.port, '127.0.0.1')
        pipe(caller, database, Date.now())
        pipe(database, caller, 0)
      })
      await new Promise<void>(listening => far.listen(0, '127.0.0.1', listening))
      const url = server.url.replace(String(server.port), String((far.address() as AddressInfo).port))
      const connection = new PostgresConnection('far', () => url, 60_000, 1)
      try {
        await connection.read(session => session.query('SELECT 1'), { deadline: performance.now() + 20_000 })
        const caller = new AbortController()
        const left = refusal(() =>
          connection.read(session => session.query('SELECT pg_sleep(20)'), {
            deadline: performance.now() + 30_000,
            signal: caller.signal,
          }),
        )
        await waitFor(async () =>
          (await activity()).some((sql: string) => sql.includes('pg_sleep(20)')) ? true : undefined,
        )
        caller.abort()
        expect((await left).status).toBe(499)
        const next = connection.read(session => session.query('SELECT 2 FROM pg_sleep(2)'), {
          deadline: performance.now() + 30_000,
        })
        expect((await next)[0]![0]).toBe(2)
      } finally {
        await connection.close()
        far.close()
      }
    }, 180_000)
    test('a stream whose server is lost breaks', async () => {
      const batches = engine().stream(rows, [], { patienceMs: 20_000 })
      await batches.next()
      await run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callgate'")
      const fault = await refusal(async () => {
        for await (const _ of batches);
      })
      expect([fault.status, fault.code]).toEqual([503, 'connection_lost'])
    })
    test('a stream that is read more slowly than its role may be idle in a transaction breaks, and its data are not blamed', async () => {
      await run(
        "CREATE ROLE idler LOGIN PASSWORD 'one'; ALTER ROLE idler SET idle_in_transaction_session_timeout = '100ms'",
      )
      const url = server.url.replace(/owner:[^@]*@/, 'idler:one@')
      const connections = new Connections(() => url, 60_000)
      const batches = new PostgresEngine(connections).stream(rows, [], { patienceMs: 20_000 })
      await batches.next()
      await waitFor(async () => {
        const [left] = await run(
          "SELECT 1 FROM pg_stat_activity WHERE usename = 'idler' AND xact_start IS NOT NULL", // it may be at a batch
        )
        return left ? undefined : true
      })
      const fault = await refusal(async () => {
        for await (const _ of batches);
      })
      expect([fault.status, fault.code]).toEqual([503, 'connection_lost'])
      await connections.close()
    })
    test('though its connection is changed, where it is asked again; none of the connections stays', async () => {
      await run("CREATE ROLE changing LOGIN PASSWORD 'one'; CREATE ROLE changed LOGIN PASSWORD 'one'")
      const as = (user: string) => server.url.replace(/owner:[^@]*@/, `${user}:one@`)
      const of = async (user: string) =>
        (await run(`SELECT query FROM pg_stat_activity WHERE usename = '${user}'`)).map(
          (row: { query: string }) => row.query,
        )
      let url = as('changing')
      const connections = new Connections(() => url, 600_000)
      const connection = connections.get('w')
      const { version } = connection
      const asked = "SELECT current_user::text, pg_sleep(CASE current_user WHEN 'changing' THEN 50 ELSE 0 END)"
      const limits = { deadline: performance.now() + 20_000 }
      const read = connection.read(session => session.query(asked), limits)
      const written = refusal(() => connection.write(session => session.query(asked), limits))
      await waitFor(async () =>
        (await of('changing')).filter((sql: string) => sql === asked).length === 2 ? true : undefined,
      )
      url = as('changed')
      connections.forget('w')
      expect((await read)[0]![0]).toBe('changed')
      expect((await written).code).toBe('connection_lost')
      expect(connections.get('w').version).not.toBe(version)
      await waitFor(async () => ((await of('changing')).length === 0 ? true : undefined), 20_000)
      await connections.close()
      await waitFor(async () => ((await of('changed')).length === 0 ? true : undefined), 20_000)
    })
    test('a server that hangs costs its caller the deadline, and the pool one connection for a moment', async () => {
      const connection = new PostgresConnection('w', () => server.url, 60_000, 1)
      const pidOf = (limits: { deadline: number }, then?: (pid: number) => void) =>
        connection.read(async session => {
          const [[pid]] = (await session.query('SELECT pg_backend_pid()')) as [[number]]
          then?.(pid)
          return (await session.query('SELECT pg_backend_pid()'))[0]![0] as number
        }, limits)
      let hung = 0
      const late = await refusal(() =>
        pidOf({ deadline: performance.now() + 500 }, pid => {
          hung = pid
          process.kill(pid, 'SIGSTOP')
        }),
      )
      try {
        expect(late.status).toBe(504)
        expect(await pidOf({ deadline: performance.now() + 20_000 })).not.toBe(hung)
      } finally {
        process.kill(hung, 'SIGCONT')
        await connection.close()
      }
    })
    test('a server that hangs as a transaction is left costs the pool one connection for a moment, too', async () => {
      const connection = new PostgresConnection('w', () => server.url, 60_000, 1)
      const pidOf = async (session: Session) => (await session.query('SELECT pg_backend_pid()'))[0]![0] as number
      const limits = { deadline: performance.now() + 20_000 }
      const hung = await connection.write(async session => {
        await session.query('BEGIN')
        const pid = await pidOf(session)
        process.kill(pid, 'SIGSTOP')
        return pid
      }, limits)
      try {
        expect(await connection.write(pidOf, limits)).not.toBe(hung)
      } finally {
        process.kill(hung, 'SIGCONT')
        await connection.close()
      }
    })
  })

  test('writing: a transaction that is left open is undone, and a refusal has its SQLSTATE', async () => {
    await run('CREATE TABLE written (id int PRIMARY KEY)')
    const connection = new PostgresConnection('w', () => server.url, 60_000)
    const limits = () => ({ deadline: performance.now() + 20_000 })
    await connection.write(session => session.query('INSERT INTO written VALUES ($1::text::int)', ['1']), limits())
    await connection.write(async session => {
      await session.query('BEGIN')
      await session.query('INSERT INTO written VALUES (2)')
    }, limits())
    const twice = connection.write(session => session.query('INSERT INTO written VALUES (1)'), limits())
    expect(await twice.catch(error => error.errno)).toBe('23505')
    expect((await run('SELECT id FROM written')).map((r: { id: number }) => r.id)).toEqual([1])
    await connection.close()
  })
})
if (skipped) test.skip(`postgres (${skipped})`, () => {})
