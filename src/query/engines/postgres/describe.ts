/** What a table of a database is, in our terms: asked of its own catalog (pg_catalog). */
import type { StoredColumn } from '../../../catalog/column.ts'
import type { TableLocation } from '../../../catalog/datasets.ts'
import { unprocessable } from '../../../lib/fault.ts'
import { identifier } from '../../../lib/sql.ts'
import { shown } from '../../../lib/text.ts'
import type { Limits } from '../../engine.ts'
import { isLookedAt, withProposals } from '../../ingest/propose.ts'
import type { PostgresConnection } from './connection.ts'
import type { Session } from './statements.ts'
import { COLLATED, collated, columnOf, type ServerColumn } from './types.ts'

interface DescribedTable {
  columns: StoredColumn[]
  /** the table's own, or what was declared; a table without one may have a unique index that does as well */
  primaryKey: string[] | null
  indexes: string[][]
  /** of a large table what the database estimates */
  rowCount: number
}

const KINDS = "('r', 'p', 'v', 'm', 'f')"
/** Rows that are looked at for what looks personal, and how much of a value. */
const SAMPLE_ROWS = 2000
const SAMPLE_LENGTH = 256

/**
 * Describes a table or view.
 * @param declared the primary key where the table has none that the database knows of (a view): the author's word
 * @throws Fault 422 there is no such table, or it may not be read; a declared key that is no column; 503, 504
 */
export function describeTable(
  connection: PostgresConnection,
  { schema, table }: Pick<TableLocation, 'schema' | 'table'>,
  declared: string[] | undefined,
  limits: Limits,
): Promise<DescribedTable> {
  return connection.read(async session => {
    const [found] = await session.query(
      `SELECT c.oid, c.reltuples, has_schema_privilege(n.oid, 'USAGE') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ${KINDS}`,
      [schema, table],
    )
    const name = shown(`${schema}.${table}`)
    if (!found) throw unprocessable(`The database has no table ${name}, or the user may not see it.`)
    const oid = String(found[0])
    const columns = found[2] === true ? await columnsOf(session, oid) : []
    if (columns.length === 0) throw unprocessable(`The user of the connection may not read ${name}.`)
    const given = await givenBy(session, oid)
    const stored = columns.map(column => ({ ...columnOf(column), ...given.get(column.name) }))
    const readable = new Set(stored.map(column => column.name))
    const keys = await indexesOf(session, oid, readable)
    for (const column of declared ?? [])
      if (!readable.has(column))
        throw unprocessable(`The primary key names ${shown(column)}, which ${name} does not have.`)
    const primaryKey = declared ?? keys.primary ?? uniqueKey(keys.unique, stored)
    const proposed = withProposals(stored, await samplesOf(session, { schema, table }, stored))
    return {
      columns: proposed,
      primaryKey,
      indexes: keys.all,
      rowCount: await rowsOf(session, Number(found[1]), { schema, table }),
    }
  }, limits)
}

/** The columns that the connection's user may read. */
async function columnsOf(session: Session, oid: string): Promise<ServerColumn[]> {
  const rows = await session.query(
    `SELECT a.attname, CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END,
       CASE WHEN t.typtype = 'd' THEN b.typtype ELSE t.typtype END,
       CASE WHEN t.typtype = 'd' THEN b.typelem ELSE t.typelem END,
       CASE WHEN t.typtype = 'd' THEN b.typlen ELSE t.typlen END,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, a.attnotnull OR t.typnotnull, a.attcollation
     FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
     WHERE a.attrelid = CAST(CAST($1 AS text) AS oid) AND a.attnum > 0 AND NOT a.attisdropped
       AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
     ORDER BY a.attnum`,
    [oid],
  )
  const collations = await collationsOf(session)
  return rows.map(([name, type, kind, element, length, modifier, notNull, collation]) => ({
    name: String(name),
    type: String(type),
    composite: kind === 'c' || (Number(element) !== 0 && Number(length) === -1 && String(type).startsWith('_')),
    modifier: Number(modifier),
    nullable: notNull !== true,
    collation: collations(String(collation)),
  }))
}

/** Columns that the database gives a value where a new row names none, or always. */
async function givenBy(session: Session, oid: string): Promise<Map<string, Pick<StoredColumn, 'given'>>> {
  const rows = await session
    .query(
      `SELECT a.attname, a.attgenerated = 's' OR a.attidentity = 'a' FROM pg_catalog.pg_attribute a
       JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
       WHERE a.attrelid = CAST(CAST($1 AS text) AS oid) AND a.attnum > 0 AND NOT a.attisdropped
         AND (a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL)`,
      [oid],
    )
    .catch(() => []) // servers of before 12 do not know of it, and neither do some that speak as this one does
  return new Map(rows.map(([name, always]) => [String(name), { given: always === true ? 'always' : 'default' }]))
}

/** How texts of a collation, by its oid, are compared. */
async function collationsOf(session: Session): Promise<(oid: string) => ServerColumn['collation']> {
  // words sort a before B; bytes do not
  const [probe] = await session.query("SELECT 'B' < 'a'")
  const usual: ServerColumn['collation'] = probe![0] === true ? 'bytes' : 'default'
  const named = await session
    .query("SELECT oid, collname FROM pg_catalog.pg_collation WHERE collname IN ('default', 'C', 'POSIX', 'ucs_basic')")
    .catch(() => [])
  // those of another name than C compare bytes, too, but with a column of C they are not compared unless it is said how
  const ways: Record<string, ServerColumn['collation']> = { default: usual, C: 'bytes' }
  const known = new Map(named.map(([oid, name]) => [String(oid), ways[String(name)] ?? 'default']))
  return oid => known.get(oid) ?? (oid === '0' || known.size === 0 ? usual : 'own')
}

interface Keys {
  primary: string[] | null
  unique: string[][]
  all: string[][]
}

/** The indexes that find rows by columns alone: none of a part of the table, none on what is computed. */
async function indexesOf(session: Session, oid: string, readable: Set<string>): Promise<Keys> {
  const rows = await session.query(
    `SELECT i.indisprimary, i.indisunique, a.attname, i.indexrelid,
       CASE WHEN i.indcollation[k.n] <> a.attcollation THEN c.collname END
     FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     JOIN pg_catalog.pg_am m ON m.oid = x.relam
     CROSS JOIN generate_series(0, 31) AS k(n)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n]
     LEFT JOIN pg_catalog.pg_collation c ON c.oid = i.indcollation[k.n]
     WHERE i.indrelid = CAST(CAST($1 AS text) AS oid) AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND k.n < i.indnkeyatts AND m.amname IN ('btree', 'prefix')
     ORDER BY i.indexrelid, k.n`,
    [oid],
  )
  const indexes = new Map<string, { primary: boolean; unique: boolean; names: string[] }>()
  for (const [primary, unique, name, index, collation] of rows) {
    const known = indexes.get(String(index)) ?? { primary: primary === true, unique: unique === true, names: [] }
    known.names.push(collation === null ? String(name) : collated(String(name), String(collation)))
    indexes.set(String(index), known)
  }
  const known = (name: string) => readable.has(name.replace(COLLATED, ''))
  const usable = [...indexes.values()].filter(({ names }) => names.every(known))
  return {
    primary: usable.find(({ primary }) => primary)?.names ?? null,
    unique: usable.filter(({ unique }) => unique).map(({ names }) => names),
    all: usable.filter(({ primary }) => !primary).map(({ names }) => names),
  }
}

/** The shortest unique index of columns that are never NULL: as good as a primary key. */
function uniqueKey(unique: string[][], columns: StoredColumn[]): string[] | null {
  const required = new Set(columns.filter(({ nullable }) => !nullable).map(({ name }) => name))
  const [key] = unique
    .filter(names => names.every(name => required.has(name)))
    .sort((a, b) => a.length - b.length || (a.join() < b.join() ? -1 : 1))
  return key ?? null
}

type Named = Pick<TableLocation, 'schema' | 'table'>
const tableSql = ({ schema, table }: Named) => `${identifier(schema)}.${identifier(table)}`

/** Tables of so many rows are counted; of larger ones, and where counting takes too long, the estimate stands. */
const COUNTED_ROWS = 100_000
const COUNTING_MS = 2000

/** How many rows there are; of large tables roughly, as the database knows it, or for a view as its planner expects it. */
async function rowsOf(session: Session, tuples: number, named: Named): Promise<number> {
  const estimate = tuples > 0 ? tuples : await expected(session, named)
  if (estimate > COUNTED_ROWS) return Math.round(estimate)
  // of this transaction only: whoever has the connection next is not held to it, though this is left in the middle
  await session.query('BEGIN')
  await session.query(`SET LOCAL statement_timeout = ${COUNTING_MS}`)
  const [counted] = await session.query(`SELECT count(*) FROM ${tableSql(named)}`).catch(() => [[estimate]])
  await session.query('COMMIT')
  return Math.round(Number(counted![0]))
}

async function expected(session: Session, named: Named): Promise<number> {
  const [plan] = await session.query(`EXPLAIN (FORMAT JSON) SELECT 1 FROM ${tableSql(named)}`).catch(() => [])
  const parsed = typeof plan?.[0] === 'string' ? JSON.parse(plan[0]) : plan?.[0]
  const rows = Number(parsed?.[0]?.Plan?.['Plan Rows'])
  return Number.isFinite(rows) ? rows : 0
}

/** Values of the columns that may be personal, from the first rows: this also shows that the table can be read. */
async function samplesOf(session: Session, named: Named, columns: StoredColumn[]): Promise<string[][]> {
  const samples: string[][] = columns.map(() => [])
  const looked = columns.flatMap((column, i) => (isLookedAt(column) ? [{ i, name: column.name }] : []))
  const list = looked.map(({ name }) => `left(CAST(${identifier(name)} AS text), ${SAMPLE_LENGTH})`).join(', ') || '1'
  for (const row of await session.query(`SELECT ${list} FROM ${tableSql(named)} LIMIT ${SAMPLE_ROWS}`))
    for (const [at, { i }] of looked.entries()) {
      const text = row[at] === null ? '' : String(row[at]).trim()
      if (text !== '') samples[i]!.push(text)
    }
  return samples
}
