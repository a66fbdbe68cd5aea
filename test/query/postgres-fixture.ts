/** Tables of a test in a PostgreSQL of its own. */
import type { Column, ColumnType } from '../../src/catalog/column.ts'
import type { Dataset } from '../../src/catalog/datasets.ts'
import { PostgresConnection } from '../../src/query/engines/postgres/connection.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import { describeTable } from '../../src/query/engines/postgres/describe.ts'
import type { StoredValue } from '../../src/query/values.ts'
import { textOf } from './duck-fixture.ts'
import type { PostgresServer } from './postgres-server.ts'
import type { TableSpec } from './table-fixture.ts'

const TYPES: Record<ColumnType, (column: Partial<Column>) => string> = {
  integer: () => 'bigint',
  float: () => 'double precision',
  decimal: ({ precision, scale }) => `numeric(${precision}, ${scale})`,
  boolean: () => 'boolean',
  text: () => 'text',
  date: () => 'date',
  time: () => 'time',
  timestamp: () => 'timestamp',
  timestamptz: () => 'timestamptz',
  blob: () => 'bytea',
  json: () => 'json',
}

/** The one connection of a test's server. */
export const CONNECTION = 'warehouse'
export const connectionsTo = (server: PostgresServer): Connections => new Connections(() => server.url, 60_000)

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
let made = 0

/** A table with rows, in a schema of its own. @returns schema and table */
async function makeTable(server: PostgresServer, spec: TableSpec): Promise<{ schema: string; table: string }> {
  const schema = `s${++made}`
  const table = 'ta"ble'
  const { sql } = server
  const name = `${schema}.${quoted(table)}`
  const columns = spec.columns.map(
    c => `${quoted(c.name)} ${TYPES[c.type](c)}${c.nullable === false ? ' NOT NULL' : ''}`,
  )
  const key = spec.primaryKey ? [`PRIMARY KEY (${spec.primaryKey.map(quoted)})`] : []
  await sql.unsafe(`CREATE SCHEMA ${schema}`)
  await sql.unsafe(`CREATE TABLE ${name} (${[...columns, ...key].join(', ')})`)
  const indexable = (name: string) => spec.columns.some(c => c.name === name && c.type !== 'json')
  for (const index of (spec.indexes ?? []).filter(names => names.every(indexable)))
    await sql.unsafe(`CREATE INDEX ON ${name} (${index.map(quoted)})`)
  const places = spec.columns.map((c, i) =>
    c.type === 'blob' ? `$${i + 1}` : `CAST(CAST($${i + 1} AS text) AS ${TYPES[c.type](c)})`,
  )
  for (const row of spec.rows)
    await sql.unsafe(
      `INSERT INTO ${name} VALUES (${places.join(', ')})`,
      row.map((value, i) =>
        value === null || value instanceof Uint8Array ? value : serverText(spec.columns[i]!, value),
      ),
    )
  return { schema, table }
}

/** There is no year 0 on the server. */
const serverText = (column: Partial<Column>, value: StoredValue): string =>
  textOf(column, value).replace(/^0000-(.*)$/, column.type === 'text' ? '$&' : '0001-$1 BC')

/** Describes a table as a manifest would, with policy of its columns by name. */
export async function describedTable(
  server: PostgresServer,
  at: { schema: string; table: string },
  spec: Pick<TableSpec, 'name' | 'rowCount'> & { columns?: TableSpec['columns']; key?: string[] },
): Promise<Dataset> {
  const connection = new PostgresConnection(CONNECTION, () => server.url, 60_000)
  try {
    const described = await describeTable(connection, at, spec.key, { deadline: performance.now() + 100_000 })
    return {
      id: 20_000 + ++made,
      projectId: 1,
      formerColumns: [],
      name: spec.name,
      engine: 'postgres',
      description: '',
      source: `${at.schema}.${at.table}`,
      sourceHash: null,
      origin: null,
      writable: false,
      refresh: null,
      refreshState: null,
      location: { connection: CONNECTION, ...at },
      file: '',
      generation: 1,
      primaryKey: described.primaryKey,
      indexes: described.indexes,
      rowCount: spec.rowCount ?? described.rowCount,
      columns: described.columns.map(({ proposal: _, ...column }) => {
        const { sensitivity = 'low', mask } = spec.columns?.find(c => c.name === column.name) ?? {}
        return { ...column, sensitivity, ...(mask ? { mask } : {}) }
      }),
      createdAt: '',
      updatedAt: '',
    }
  } finally {
    await connection.close()
  }
}

export const makeTableDataset = async (server: PostgresServer, spec: TableSpec): Promise<Dataset> =>
  describedTable(server, await makeTable(server, spec), spec)
