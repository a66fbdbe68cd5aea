/**
 * The corpus of hostile input: every text below, in every place that a caller or an author can put one, on every engine. Each
 * is refused, or is the plain text that it is: nothing is changed, written, read or slept for, and no value is said again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset, EngineName } from '../../src/catalog/datasets.ts'
import type { Grant } from '../../src/catalog/grant.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { checkServiceConfig } from '../../src/catalog/service-config.ts'
import { Fault } from '../../src/lib/fault.ts'
import { shown } from '../../src/lib/text.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import type { RowsReply } from '../../src/query/prepared.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { makeFilesDataset } from './duck-fixture.ts'
import { connectionsTo, describedTable, makeTableDataset } from './postgres-fixture.ts'
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'
import { ask, grantWith, makeDataset, prepare, type TableSpec } from './table-fixture.ts'

const skipped = noPostgres()
if (skipped) console.warn(`postgres: skipped, as ${skipped}`)
const dir = mkdtempSync(join(tmpdir(), 'callgate-injection-'))
const secretFile = join(dir, 'secret.csv')
const SECRET = 'hunter2-of-the-file'
writeFileSync(secretFile, `password\n${SECRET}\n`)
const out = join(dir, 'written')
/** Longer than any answer here takes, and far below what a sleep in the corpus asks for. */
const SLEPT_MS = 20_000

const CORPUS = [
  // stacked statements
  "'; DROP TABLE data; --",
  '"; DROP TABLE data; --',
  '1; DROP TABLE data',
  "1'; DELETE FROM d0.data; --",
  '; DROP VIEW d0; --',
  "'); DROP TABLE data; --",
  '$$; DROP TABLE data; $$',
  '\n; DROP TABLE data;\n',
  "x'; INSERT INTO data VALUES (99, 'x'); --",
  "x'; UPDATE data SET name = 'owned'; COMMIT; --",
  'BEGIN; DROP TABLE data; COMMIT',
  // conditions and unions
  "' OR '1'='1",
  '" OR ""="',
  '1 OR 1=1',
  "x' UNION SELECT name FROM sqlite_master --",
  '1 UNION ALL SELECT usename FROM pg_user',
  "' AND 1=CAST((SELECT version()) AS int) --",
  "') OR (SELECT count(*) FROM data) > 0 --",
  '1) ORDER BY 1 --',
  // comments, quotes and escapes
  '--',
  '/*',
  '*/ OR 1=1 /*',
  '#',
  "\\'",
  '\\',
  "''",
  '"',
  '`',
  '[id]',
  ']]',
  "E'\\'' OR 1=1",
  "U&'\\0027'",
  "x'27'",
  '\u02bc OR 1=1 --',
  '\uff07 OR 1=1 --',
  '\u201c; DROP TABLE data; --\u201d',
  '\u202e; ATAD ELBAT PORD',
  // places of values
  '$1',
  '?1',
  ':p',
  '@p',
  '%s',
  '{{7*7}}',
  ['$', '{process.exit(1)}'].join(''),
  // files of this server and of the database's
  `ATTACH '${out}.db' AS pwned`,
  `'; ATTACH DATABASE '${out}.db' AS pwned; CREATE TABLE pwned.x (a); --`,
  'PRAGMA writable_schema = 1',
  "'; PRAGMA query_only = OFF; --",
  `VACUUM INTO '${out}.db'`,
  `COPY (SELECT 1) TO '${out}.csv'`,
  `'; COPY (SELECT 1) TO '${out}.csv'; --`,
  `COPY data FROM '${secretFile}'`,
  "COPY (SELECT 1) TO PROGRAM 'touch /tmp/pwned'",
  `EXPORT DATABASE '${out}'`,
  `read_csv('${secretFile}')`,
  `(SELECT password FROM read_csv('${secretFile}'))`,
  `' || (SELECT content FROM read_text('${secretFile}')) || '`,
  secretFile,
  `readfile('${secretFile}')`,
  `(SELECT pg_read_file('${secretFile}'))`,
  `' || pg_read_file('${secretFile}') || '`,
  `(SELECT lo_import('${secretFile}'))`,
  "(SELECT * FROM dblink('host=127.0.0.1', 'SELECT 1') AS t(a int))",
  // extensions and settings
  "load_extension('/tmp/evil.so')",
  'INSTALL httpfs; LOAD httpfs;',
  'CREATE EXTENSION dblink',
  'SET default_transaction_read_only = off',
  'SET ROLE postgres',
  'SET enable_external_access = true',
  // time
  'pg_sleep(30)',
  "' || pg_sleep(30) || '",
  '(SELECT pg_sleep(30))',
  '1; SELECT pg_sleep(30)',
  'randomblob(1000000000)',
  '(WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r)',
  // names that mean something to somebody
  '*',
  'd0.data',
  't0.id',
  'rowid',
  'sqlite_master',
  'information_schema.tables',
  'pg_catalog.pg_authid',
  'duckdb_secrets()',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NaN',
  // bytes
  '\0',
  'a\0b',
  '\ud800',
  '\u0001row',
  '\r\nSet-Cookie: a=b',
  '\u{1f4a3}',
  "'".repeat(4000),
  '('.repeat(4000),
]

/** Columns with names out of the corpus, as data has them that somebody imports. */
const ODD_NAMES = [
  '"; DROP TABLE data; --',
  "'; DROP TABLE data; --",
  '--',
  '$1',
  '?1',
  ':p',
  '*',
  "\\'",
  ']]',
  'a.b',
  '\u02bc OR 1=1 --',
]
const victims: TableSpec = {
  name: 'e.victims',
  primaryKey: ['id'],
  columns: [
    { name: 'id', type: 'integer', nullable: false },
    { name: 'name', type: 'text' },
    { name: 'price', type: 'decimal', precision: 9, scale: 2 },
    { name: 'day', type: 'date' },
    { name: 'at', type: 'timestamptz' },
    { name: 'weight', type: 'float' },
    { name: 'ok', type: 'boolean' },
    ...ODD_NAMES.map(name => ({ name, type: 'text' as const })),
  ],
  rows: [1, 2, 3].map(id => [
    id,
    `n${id}`,
    100n,
    '2024-01-01',
    '2024-01-01T00:00:00',
    1.5,
    1,
    ...ODD_NAMES.map((_, i) => `v${id}${i}`),
  ]),
}

const ENGINES: EngineName[] = skipped ? ['sqlite', 'duckdb'] : ['sqlite', 'duckdb', 'postgres']
let server: PostgresServer | undefined
let runner: QueryRunner
const datasets = new Map<EngineName, Dataset>()
beforeAll(async () => {
  server = skipped ? undefined : await startPostgres()
  const connections = server ? connectionsTo(server) : new Connections(() => '', 0)
  runner = new QueryRunner(1, { scratchDir: join(dir, 'workers'), connections })
  datasets.set('sqlite', makeDataset(dir, victims))
  datasets.set('duckdb', await makeFilesDataset(dir, victims))
  if (server) datasets.set('postgres', await makeTableDataset(server, victims))
}, 180_000)
afterAll(async () => {
  runner?.close()
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const base = (more: Partial<QueryDefinition> = {}): QueryDefinition => ({
  source: { schema: 'e', table: 'victims' },
  ...more,
})

/** As an author saves it and publishes it, and a caller asks it. @throws Fault */
async function run(
  engine: EngineName,
  definition: QueryDefinition,
  params: [string, string][] = [],
  grant: Partial<Grant> = {},
): Promise<RowsReply> {
  checkServiceConfig({ endpoints: [{ id: 'x', kind: 'sql', query: definition }] })
  return ask(
    prepare(definition, [datasets.get(engine)!], runner),
    String(new URLSearchParams(params)),
    grantWith(grant),
  )
}

/** What came of it: the rows, or the refusal, which says nothing of the inside and does not repeat a value. */
async function outcome(
  work: Promise<RowsReply>,
  hostile: string,
  isValue: boolean,
): Promise<RowsReply['rows'] | 'refused'> {
  const begun = performance.now()
  const found = await work.then(
    reply => reply.rows,
    error => {
      if (!(error instanceof Fault)) throw error
      return error
    },
  )
  expect(performance.now() - begun).toBeLessThan(SLEPT_MS)
  const said = JSON.stringify(found instanceof Fault ? [found.message, found.members, found.headers] : found)
  expect(said).not.toContain(SECRET)
  if (!(found instanceof Fault)) return found
  expect([400, 403, 409, 422]).toContain(found.status)
  // a name that was given is named, and nothing of the inside beside it
  const beside = isValue ? said : found.message.replaceAll(shown(hostile.slice(0, 40)), '')
  expect(beside).not.toMatch(/SELECT \*|syntax error|sqlite_|pg_catalog\.|PostgresError|Binder Error/)
  if (isValue && hostile.length > 3) expect(found.message).not.toContain(hostile)
  return 'refused'
}

/** Nothing was changed: the rows are all there, as they were, and nothing was written beside them. */
async function nothingHappened(engine: EngineName): Promise<void> {
  const { rows } = await run(engine, base())
  expect(rows).toHaveLength(3)
  expect(rows[2]).toMatchObject({ id: 3, name: 'n3', '"; DROP TABLE data; --': 'v30' })
  expect(readdirSync(dir).filter(name => name.startsWith('written'))).toEqual([])
  expect(readFileSync(secretFile, 'utf8')).toContain(SECRET)
}

/** Every text of the corpus in one place. */
async function everywhere(
  engine: EngineName,
  place: (hostile: string) => Promise<RowsReply>,
  isValue: boolean,
  check: (found: RowsReply['rows'] | 'refused', hostile: string) => void,
): Promise<void> {
  for (const hostile of CORPUS) {
    const found = await outcome(place(hostile), hostile, isValue)
    try {
      check(found, hostile)
    } catch (error) {
      throw new Error(`${JSON.stringify(hostile.slice(0, 80))}: ${JSON.stringify(found)}`, { cause: error })
    }
  }
  await nothingHappened(engine)
}
const refused = (found: unknown) => expect(found).toBe('refused')
const nothing = (found: unknown) =>
  expect(['refused', '[]']).toContain(typeof found === 'string' ? found : JSON.stringify(found))
const untouched = (found: RowsReply['rows'] | 'refused') => {
  if (found !== 'refused') expect(found.every(row => [1, 2, 3].includes(row.id as number))).toBe(true)
}

for (const engine of ENGINES)
  describe(`${engine}: each of ${CORPUS.length} hostile texts is refused or harmless`, () => {
    const filtered = (column: string, op: 'eq' | 'ne' | 'lt' | 'gte' | 'like' | 'ilike' | 'in') =>
      base({ columns: ['id'], filters: [{ column, op, param: 'p' }] })

    test('as the value of a filter on text: it equals nothing, and compares as the text that it is', async () => {
      for (const op of ['eq', 'in'] as const)
        await everywhere(engine, hostile => run(engine, filtered('name', op), [['p', hostile]]), true, nothing)
      await everywhere(
        engine,
        hostile => run(engine, filtered('name', 'ne'), [['p', hostile]]),
        true,
        found => {
          if (found !== 'refused') expect(found).toHaveLength(3)
        },
      )
      for (const op of ['like', 'ilike'] as const)
        await everywhere(engine, hostile => run(engine, filtered('name', op), [['p', hostile]]), true, nothing)
      await everywhere(engine, hostile => run(engine, filtered('name', 'lt'), [['p', hostile]]), true, untouched)
    })
    test('as the value of a filter on a number, a date, a time, true or false: it is none', async () => {
      for (const column of ['id', 'price', 'day', 'at', 'weight', 'ok']) {
        // `NaN` is a numeric of the database, which no row here has
        const expected = engine === 'postgres' && column === 'price' ? nothing : refused
        await everywhere(engine, hostile => run(engine, filtered(column, 'eq'), [['p', hostile]]), true, expected)
      }
    })
    test('as one of several values, and as an end of a range', async () => {
      const within = base({ columns: ['id'], filters: [{ column: 'name', op: 'between', param: ['a', 'b'] }] })
      await everywhere(
        engine,
        hostile =>
          run(engine, within, [
            ['a', hostile],
            ['b', hostile],
          ]),
        true,
        nothing,
      )
      await everywhere(
        engine,
        hostile =>
          run(engine, filtered('name', 'in'), [
            ['p', 'n1'],
            ['p', hostile],
          ]),
        true,
        found => {
          if (found !== 'refused') expect(found).toEqual([{ id: 1 }])
        },
      )
    })
    test('as a limit, an offset, a cursor, an order, a format', async () => {
      const chosen = base({ columns: ['id'], order_by: [{ param: 'sort', allow: ['name', 'id'] }] })
      for (const param of ['limit', 'offset', 'cursor', 'sort', 'format'])
        await everywhere(engine, hostile => run(engine, chosen, [[param, hostile]]), param === 'cursor', refused)
    })
    test('behind a cursor that this endpoint gave', async () => {
      const first = await run(engine, base({ columns: ['id'], pagination: { default_limit: 1 } }))
      await everywhere(
        engine,
        hostile => run(engine, base({ columns: ['id'] }), [['cursor', first.next! + hostile]]),
        false,
        refused,
      )
    })
    test('as the name of a parameter', async () => {
      await everywhere(engine, hostile => run(engine, base(), [[hostile, '1']]), false, refused)
    })
    test('as the name of a parameter that the author declares: it is that name', async () => {
      await everywhere(
        engine,
        hostile =>
          run(engine, base({ columns: ['id'], filters: [{ column: 'id', param: hostile }] }), [
            [hostile.toWellFormed(), '2'],
          ]),
        false,
        found => {
          if (found !== 'refused') expect(found).toEqual([{ id: 2 }])
        },
      )
    })
    test("as the author's own value, default and row scope", async () => {
      await everywhere(
        engine,
        hostile => run(engine, base({ columns: ['id'], filters: [{ column: 'name', value: hostile }] })),
        true,
        nothing,
      )
      await everywhere(
        engine,
        hostile => run(engine, base({ columns: ['id'], filters: [{ column: 'name', param: 'p', default: hostile }] })),
        true,
        nothing,
      )
      await everywhere(
        engine,
        hostile => run(engine, base({ columns: ['id'] }), [], { rowScope: [['name', [hostile]]] }),
        true,
        nothing,
      )
      await everywhere(
        engine,
        hostile => run(engine, base({ columns: ['id'] }), [], { rowScope: [[hostile, [1]]] }),
        false,
        found => {
          if (found !== 'refused') expect(found).toEqual([])
        },
      )
    })
    test('as a table, a schema, a column, in every part of a definition', async () => {
      const join = { schema: 'e', table: 'victims', as: 'j', on: [{ left: 'id', right: 'id' }] }
      const names: Record<string, (hostile: string) => QueryDefinition> = {
        schema: schema => ({ source: { schema, table: 'victims' } }),
        table: table => ({ source: { schema: 'e', table } }),
        'joined table': table => base({ joins: [{ ...join, table }] }),
        'left of a join': left => base({ joins: [{ ...join, on: [{ left, right: 'name' }] }] }),
        'right of a join': right => base({ joins: [{ ...join, on: [{ left: 'name', right }] }] }),
        column: column => base({ columns: ['id', column] }),
        'aggregated column': column => base({ columns: [{ fn: 'max', column, as: 'm' }] }),
        'filtered column': column => base({ filters: [{ column, value: 'x' }] }),
        'grouped column': column => base({ columns: [{ fn: 'count', as: 'n' }], group_by: [column] }),
        'having column': column =>
          base({ columns: [{ fn: 'count', as: 'n' }], having: [{ column, op: 'gt', value: 0 }] }),
        'ordered column': column => base({ columns: ['id'], order_by: [{ column }] }),
        'allowed order': column => base({ columns: ['id'], order_by: [{ param: 's', allow: [column] }] }),
      }
      for (const make of Object.values(names))
        await everywhere(
          engine,
          hostile => run(engine, make(hostile)),
          false,
          (found, hostile) => {
            // names that columns of this table have are names; nothing else is
            if (![...ODD_NAMES, 't0.id', 'id'].includes(hostile)) refused(found)
          },
        )
    })
    test('as an alias of a column, an aggregate or a table: it is that name', async () => {
      const named = (hostile: string, value: unknown) => (found: RowsReply['rows'] | 'refused') => {
        if (found !== 'refused') expect(Object.entries(found[0]!)).toEqual([[hostile, value]])
      }
      await everywhere(
        engine,
        as => run(engine, base({ columns: [{ column: 'id', as }], filters: [{ column: 'id', value: 1 }] })),
        false,
        (found, as) => named(as, 1)(found),
      )
      await everywhere(
        engine,
        as => run(engine, base({ columns: [{ fn: 'count', as }] })),
        false,
        (found, as) => named(as, 3)(found),
      )
      await everywhere(
        engine,
        as =>
          run(engine, {
            source: { schema: 'e', table: 'victims' },
            columns: ['id'],
            joins: [{ schema: 'e', table: 'victims', as, on: [{ left: 'id', right: 'id' }] }],
          }),
        false,
        found => {
          if (found !== 'refused') expect(found).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
        },
      )
    })
    test('as SQL where a definition has another shape: there is no place for it', async () => {
      for (const hostile of CORPUS.slice(0, 20))
        for (const definition of [
          { sql: hostile },
          { ...base(), where: hostile },
          { ...base(), columns: [{ expression: hostile, as: 'x' }] },
          { ...base(), columns: [{ fn: hostile, column: 'id' }] },
          { ...base(), filters: [{ column: 'id', op: hostile, value: 1 }] },
          { ...base(), order_by: [{ column: 'id', direction: hostile }] },
          {
            ...base(),
            joins: [{ schema: 'e', table: 'victims', as: 'j', type: hostile, on: [{ left: 'id', right: 'id' }] }],
          },
          { ...base(), pagination: { default_limit: hostile } },
          { source: hostile },
          hostile,
        ])
          refused(await outcome(run(engine, definition as QueryDefinition), hostile, true))
      await nothingHappened(engine)
    })
    test('as what columns are called: they are read, filtered, ordered, grouped and aggregated by those names', async () => {
      for (const [i, name] of ODD_NAMES.entries()) {
        const column = `victims.${name}`
        const definition = base({
          columns: ['id', { column, as: name }],
          filters: [{ column, param: name }],
          order_by: [{ column, direction: 'desc' }],
        })
        expect((await run(engine, definition, [[name, `v2${i}`]])).rows).toEqual([{ id: 2, [name]: `v2${i}` }])
        const grouped = base({
          columns: [
            { column, as: name },
            { fn: 'max', column, as: 'most' },
          ],
          group_by: [column],
        })
        expect((await run(engine, grouped)).rows).toHaveLength(3)
      }
      await nothingHappened(engine)
    })
  })

describe.skipIf(skipped !== undefined)('postgres: hostile names of schemas and tables', () => {
  test('are names, and what they would do is not done', async () => {
    const { sql } = server!
    for (const hostile of CORPUS) {
      const name = hostile.slice(0, 60)
      if (name.includes('\0') || !name.isWellFormed() || Buffer.byteLength(name) > 60) continue
      const quoted = `"${name.replaceAll('"', '""')}"`
      await sql.unsafe(`CREATE SCHEMA ${quoted.replace(/^"pg_/, '"x_')}`).catch(() => {})
      await sql.unsafe(`CREATE TABLE public.${quoted} (id int PRIMARY KEY)`)
      await sql.unsafe(`INSERT INTO public.${quoted} VALUES (7)`)
      const dataset = await describedTable(server!, { schema: 'public', table: name }, { name: 'd.t' })
      const definition = { source: { schema: 'd', table: 't' } }
      expect((await ask(prepare(definition, [dataset], runner))).rows).toEqual([{ id: 7 }])
      const missing = await describedTable(server!, { schema: name, table: name }, { name: 'd.t' }).catch(
        error => error,
      )
      expect(missing).toBeInstanceOf(Fault)
      expect(missing.status).toBe(422)
    }
    await nothingHappened('postgres')
  })
})
