/** What each write does to a table, the same on every store: inside of one transaction, all of it or nothing. */
import type { Column } from '../../catalog/column.ts'
import { Fault, notFound } from '../../lib/fault.ts'
import { isAsWritten, isObject, parseExact, stringifyLossless } from '../../lib/json.ts'
import type { StoredValue } from '../values.ts'
import { codecOf } from './codec.ts'
import { formatId } from './id.ts'
import type { AnsweredRow, RenderedRow, StoredRow } from './render.ts'
import { type Change, checkReachable, mergePatch, type NewValue, wholeRow } from './rows.ts'
import { unnamed, type WriteView, within } from './view.ts'

/** Entity tags (strong ones, with their quotes), or any. */
export type Tags = string[] | '*'

/** What a caller asks for. The body is JSON as it came. */
export type Write =
  | { op: 'insert'; body: Uint8Array }
  | { op: 'replace' | 'merge'; key: StoredValue[]; body: Uint8Array; ifMatch?: Tags; ifNoneMatch?: Tags }
  | { op: 'delete'; key: StoredValue[]; ifMatch?: Tags; ifNoneMatch?: Tags }

/** What became of it. */
export interface Outcome {
  status: 200 | 201 | 204
  /** of one row: as the caller sees it now, its tag, and its path segment where the caller may see the key */
  row?: AnsweredRow
  etag?: string
  id?: string
  /** of a list of rows: how many, and their keys in its order, where the caller may see them */
  count?: number
  keys?: AnsweredRow[]
}

type Maybe<T> = T | Promise<T>

/** A table inside of a transaction. `Rows` is how it takes the rows of a POST. */
export interface TableSession<Rows extends { bulk: boolean }> {
  /** What the caller sees of a row in its scope; until the transaction ends nobody else changes it. */
  find(view: WriteView, key: StoredValue[]): Maybe<StoredRow | undefined>
  /**
   * @returns what the caller sees of the one row, or the keys of all rows, in order
   * @throws Fault 409 `row_exists`, 422 what the store does not take, with the row
   */
  add(view: WriteView, rows: Rows): Maybe<StoredRow[]>
  /** Adds a row with a key. @throws Fault 409 `row_exists`, 422 */
  insert(view: WriteView, values: { column: Column; value: NewValue }[]): Maybe<StoredRow>
  /** @throws Fault 409, 422 */
  update(view: WriteView, key: StoredValue[], changes: Change[]): Maybe<void>
  /** @throws Fault 409 others refer to it; 422 it was left where it is */
  remove(view: WriteView, key: StoredValue[]): Maybe<void>
}

/** A write whose body was read. */
export type Prepared<Rows> = { op: 'insert'; rows: Rows } | PreparedChange
type PreparedChange = Exclude<Write, { op: 'insert' }> & { changes: Change[] }

/** Reads the body of a write to one row against the view, before any transaction. @throws Fault 403, 422 */
export function prepareChange(write: Exclude<Write, { op: 'insert' }>, view: WriteView, body: unknown): PreparedChange {
  switch (write.op) {
    case 'replace':
      return { ...write, changes: wholeRow(view, body, write.key) }
    case 'merge':
      return { ...write, changes: mergePatch(view, body, write.key) }
    case 'delete':
      return { ...write, changes: [] }
  }
}

type Render = (row: StoredRow) => RenderedRow

/** @throws Fault 403, 404, 409, 412, 422: then the transaction must not keep anything of it */
export async function apply<Rows extends { bulk: boolean }>(
  session: TableSession<Rows>,
  write: Prepared<Rows>,
  view: WriteView,
  render: Render,
): Promise<Outcome> {
  if (write.op === 'insert') return insert(await session.add(view, write.rows), write.rows.bulk, view, render)
  const { op, key, ifMatch, ifNoneMatch } = write
  const found = await session.find(view, key)
  if (!found && op !== 'replace') throw noSuchRow()
  const tag = found && render(found).etag
  if (ifMatch && !(tag && matches(ifMatch, tag))) throw changedMeanwhile()
  if (ifNoneMatch && tag && matches(ifNoneMatch, tag)) throw changedMeanwhile()
  if (op === 'delete') {
    await session.remove(view, key)
    return { status: 204 }
  }
  const id = formatId(view.key!.columns, key, codecOf(view.engine))
  if (!found) return { status: 201, id, ...render(await create(session, key, write.changes, view)) }
  const changes = write.changes.map(change => merged(change, found))
  if (changes.length > 0) await session.update(view, key, changes)
  const row = await session.find(view, key)
  if (!row) throw outOfScope()
  return { status: 200, id, ...render(row) }
}

function insert(rows: StoredRow[], bulk: boolean, view: WriteView, render: Render): Outcome {
  const { key, engine } = view
  const codec = codecOf(engine)
  if (!bulk) {
    const [row] = rows as [StoredRow]
    const values = () => key!.columns.map(c => row[c.name]!)
    return { status: 201, ...(key?.raw ? { id: formatId(key.columns, values(), codec) } : {}), ...render(row) }
  }
  if (!key?.raw) return { status: 201, count: rows.length }
  const columns = key.columns.map(column => ({ name: column.name, decode: codec.decoder(column) }))
  const keys = rows.map(row =>
    Object.fromEntries(columns.map(({ name, decode }) => [name, decode ? decode(row[name]!) : row[name]])),
  )
  return { status: 201, count: rows.length, keys }
}

/** @throws Fault 403 it would be outside of the scope; 404 it is there outside of it */
async function create<Rows extends { bulk: boolean }>(
  session: TableSession<Rows>,
  key: StoredValue[],
  changes: Change[],
  view: WriteView,
): Promise<StoredRow> {
  checkReachable(view)
  const values: { column: Column; value: NewValue }[] = [
    ...view.key!.columns.map((column, i) => ({ column, value: key[i]! })),
    ...changes,
  ]
  for (const scope of view.scope) {
    const named = values.find(v => v.column.name === scope.column.name)
    const value = named ? named.value : unnamed(scope)
    if (!named) values.push({ column: scope.column, value })
    if (value !== undefined && !within(scope, value)) throw outOfScope()
  }
  try {
    return await session.insert(view, values)
  } catch (error) {
    if (error instanceof Fault && error.code === 'row_exists') throw noSuchRow()
    throw error
  }
}

/** A change of a JSON column's members, as the whole value that it makes of the one that is there: other members stay as they are. */
function merged({ column, value, merge }: Change, row: StoredRow): Change {
  if (!merge) return { column, value }
  const before = row[column.name]
  const target = typeof before === 'string' ? parseExact(before) : (before ?? undefined)
  return { column, value: stringifyLossless(mergeInto(target, merge)) }
}

/** RFC 7396, section 2. */
function mergeInto(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result = new Map(isObject(target) && !isAsWritten(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch))
    if (value === null) result.delete(name)
    else result.set(name, mergeInto(result.get(name), value))
  return Object.fromEntries(result)
}

const matches = (tags: Tags, tag: string) => tags === '*' || tags.includes(tag)

export const noSuchRow = () => notFound('There is no such row.', 'row_unknown')
export const outOfScope = () => new Fault(403, 'out_of_scope', "The row would be outside of this key's row scope.")
const changedMeanwhile = () =>
  new Fault(412, 'changed_meanwhile', 'The row is not as If-Match or If-None-Match says; read it again.')
