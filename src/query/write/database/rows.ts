/** Rows as a database takes them: JSON that it makes rows of its own table of, whatever its types are. */
import type { Column } from '../../../catalog/column.ts'
import { type NewRows, type NewValue, newRows } from '../rows.ts'
import type { WriteView } from '../view.ts'

const CHUNK = 1000

/** Rows with values for the same columns, as a JSON list of objects. */
export interface Chunk {
  columns: string[]
  /** the number of its first row among all, from 0 */
  first: number
  /** each row's JSON */
  rows: string[]
}

export interface DatabaseRows {
  chunks: Chunk[]
  bulk: boolean
}

/** @throws Fault as `newRows` */
export function databaseRows(view: WriteView, body: unknown): DatabaseRows {
  const { columns, rows, bulk } = newRows(view, body)
  return { chunks: chunksOf(columns, rows), bulk }
}

/** A row begins another chunk where it leaves other columns to the database. */
function chunksOf(columns: NewRows['columns'], rows: NewRows['rows']): Chunk[] {
  const chunks: Chunk[] = []
  const optional = columns.flatMap((column, i) => (column.given ? [i] : []))
  let shape = ''
  for (const [number, values] of rows.entries()) {
    const own = optional.map(i => (values[i] === undefined ? '-' : '+')).join('')
    let chunk = chunks.at(-1)
    if (!chunk || own !== shape || chunk.rows.length >= CHUNK) {
      const names = columns.flatMap((column, i) => (values[i] === undefined ? [] : [column.name]))
      chunk = { columns: names, first: number, rows: [] }
      chunks.push(chunk)
      shape = own
    }
    chunk.rows.push(rowJson(columns.map((column, i) => ({ column, value: values[i] }))))
  }
  return chunks
}

export function rowJson(values: { column: Column; value: NewValue }[]): string {
  const members = values.flatMap(({ column, value }) =>
    value === undefined ? [] : [`${JSON.stringify(column.name)}:${valueJson(column, value)}`],
  )
  return `{${members.join()}}`
}

function valueJson({ type }: Column, value: Exclude<NewValue, undefined>): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `"\\\\x${Buffer.from(value).toString('hex')}"`
  if (type === 'json') return String(value)
  if (type === 'boolean') return value ? 'true' : 'false'
  if (typeof value !== 'string') return String(value)
  // there is no year 0 on the server, but one before the first
  const moment = type === 'date' || type === 'timestamp' || type === 'timestamptz'
  return JSON.stringify(moment && value.startsWith('0000-') ? `0001${value.slice(4)} BC` : value)
}
