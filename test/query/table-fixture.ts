import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import type { Column } from '../../src/catalog/column.ts'
import type { Dataset } from '../../src/catalog/datasets.ts'
import { adminGrant, type Grant } from '../../src/catalog/grant.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { Fault } from '../../src/lib/fault.ts'
import { parseQuery } from '../../src/lib/params.ts'
import { compileQuery } from '../../src/query/compile.ts'
import { PreparedQuery, type RowsReply } from '../../src/query/prepared.ts'
import type { QueryRunner } from '../../src/query/runner.ts'
import type { StoredValue } from '../../src/query/values.ts'

export const SECRET = new Uint8Array(32).fill(7)

const SQLITE_TYPE: Record<Column['type'], (column: Column) => string> = {
  integer: () => 'INTEGER',
  float: () => 'REAL',
  decimal: ({ precision = 38 }) => (precision <= 18 ? 'INTEGER' : 'TEXT'),
  boolean: () => 'INTEGER',
  text: () => 'TEXT',
  date: () => 'TEXT',
  timestamp: () => 'TEXT',
  timestamptz: () => 'TEXT',
  time: () => 'TEXT',
  blob: () => 'BLOB',
  json: () => 'TEXT',
}

export interface TableSpec {
  /** `schema.table` */
  name: string
  columns: (Partial<Column> & Pick<Column, 'name' | 'type'>)[]
  /** as the store keeps them */
  rows: StoredValue[][]
  primaryKey?: string[]
  indexes?: string[][]
  /** what the catalog says of it, where a test wants a table to pass for a large one */
  rowCount?: number
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
let made = 0

/** A file of the embedded store as an import writes it, and its dataset. */
export function makeDataset(dir: string, spec: TableSpec): Dataset {
  const file = join(dir, `table ${++made}.db`)
  const columns = spec.columns.map(c => ({ nullable: true, sensitivity: 'low', ...c }) as Column)
  const typeOf = (c: Column) => SQLITE_TYPE[c.type](c)
  const [first, ...more] = spec.primaryKey ?? []
  const rowidKey = columns.find(c => c.name === first && more.length === 0 && typeOf(c) === 'INTEGER')?.name
  const db = new Database(file, { create: true, readwrite: true })
  db.run('PRAGMA synchronous = OFF')
  const definitions = columns.map(c => `${quoted(c.name)} ${typeOf(c)}${c.name === rowidKey ? ' PRIMARY KEY' : ''}`)
  db.run(`CREATE TABLE data (${definitions.join(', ')}) STRICT`)
  const insert = db.prepare(`INSERT INTO data VALUES (${columns.map(() => '?').join(', ')})`)
  db.transaction(() => {
    for (const row of spec.rows) insert.run(...(row as never[]))
  })()
  if (spec.primaryKey && !rowidKey) db.run(`CREATE UNIQUE INDEX data_key ON data (${spec.primaryKey.map(quoted)})`)
  for (const [i, index] of (spec.indexes ?? []).entries())
    db.run(`CREATE INDEX data_${i + 1} ON data (${index.map(quoted)})`)
  db.run('ANALYZE')
  insert.finalize()
  db.close()
  return {
    id: made,
    projectId: 1,
    formerColumns: [],
    name: spec.name,
    engine: 'sqlite',
    description: '',
    source: null,
    sourceHash: null,
    origin: null,
    writable: false,
    refresh: null,
    refreshState: null,
    location: null,
    file,
    generation: 1,
    columns,
    primaryKey: spec.primaryKey ?? null,
    indexes: spec.indexes ?? [],
    rowCount: spec.rowCount ?? spec.rows.length,
    createdAt: '',
    updatedAt: '',
  }
}

/** The dry-run's grant (all of it, raw) with some of it changed. */
export const grantWith = (changes: Partial<Grant> = {}): Grant => ({ ...adminGrant(1), ...changes })

export function prepare(definition: QueryDefinition, datasets: Dataset[], runner: QueryRunner): PreparedQuery {
  const query = compileQuery(definition, name => datasets.find(d => d.name === name))
  return new PreparedQuery(query, runner, SECRET, JSON.stringify(definition))
}

/** The answer as a client reads it. */
export async function ask(
  prepared: PreparedQuery,
  params = '',
  grant: Grant = grantWith(),
  deadline = Date.now() + 100_000,
): Promise<RowsReply> {
  return JSON.parse(JSON.stringify(await prepared.run(grant, parseQuery(params), deadline)))
}

/** What a call is refused with. @throws what is no Fault, and when nothing is refused */
export async function refusal(work: () => unknown): Promise<Fault> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('it was not refused')
}
