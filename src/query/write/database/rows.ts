/** Rows as a database takes them: JSON that it makes rows of its own table of, whatever its types are. */
import type { Column } from '../../../catalog/column.ts'
import { type NewRows, type NewValue, newRows } from '../rows.ts'
import type { WriteView } from '../view.ts'

const CHUNK = 1000
/** So many pieces of a list, and more, are too many to be added one after the other. */
const MANY_CHUNKS = 20

/** Rows with values for the same columns, as a JSON list of objects. */
export interface Chunk {
  columns: string[]
  /** the number of its first row among all, from 0 */
  first: number
  /** each row's JSON */
  rows: string[]
}

/** Rows of one list with values for the same columns, wherever they stand in it. */
export interface Shape extends Pick<Chunk, 'columns' | 'rows'> {
  /** each row's number among all, from 0 */
  numbers: number[]
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

/** The rows of a list by their columns, where it is in so many pieces that this is much faster; else undefined. */
export function shapesOf(chunks: readonly Chunk[]): Shape[] | undefined {
  if (chunks.length < MANY_CHUNKS) return undefined
  const shapes: Shape[] = []
  const open = new Map<string, Shape>()
  for (const { columns, first, rows } of chunks)
    for (const [i, row] of rows.entries()) {
      const key = columns.join('\0')
      let shape = open.get(key)
      if (!shape || shape.rows.length >= CHUNK) {
        shape = { columns, rows: [], numbers: [] }
        open.set(key, shape)
        shapes.push(shape)
      }
      shape.rows.push(row)
      shape.numbers.push(first + i)
    }
  return shapes.length < chunks.length ? shapes : undefined
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
