/** What each write does to a table, the same on every store: inside of one transaction, all of it or nothing. */
import { Fault, notFound } from '../../lib/fault.ts'
import { parseLossless, stringifyLossless } from '../../lib/json.ts'
import { decoderOf, type StoredValue } from '../values.ts'
import { formatId } from './id.ts'
import type { AnsweredRow, RenderedRow, StoredRow } from './render.ts'
import { type Change, checkReachable, mergePatch, type NewRows, newRows, parseBody, wholeRow } from './rows.ts'
import { fixedBy, type WriteView, within } from './view.ts'

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

/** A table inside of a transaction. */
export interface TableSession {
  /** What the caller sees of a row in its scope; until the transaction ends nobody else changes it. */
  find(view: WriteView, key: StoredValue[]): Maybe<StoredRow | undefined>
  /** @returns what the caller sees of the row. @throws Fault 409 `row_exists`, 422 what the store does not take */
  insert(view: WriteView, columns: string[], values: StoredValue[]): Maybe<StoredRow>
  /** @returns the rows' keys, in order. @throws Fault 409, 422, with the row */
  insertAll(view: WriteView, rows: NewRows): Maybe<StoredRow[]>
  /** @throws Fault 409, 422 */
  update(view: WriteView, key: StoredValue[], changes: Change[]): Maybe<void>
  remove(view: WriteView, key: StoredValue[]): Maybe<void>
}

/** A write whose body was read. */
export type Prepared = { op: 'insert'; rows: NewRows } | (Exclude<Write, { op: 'insert' }> & { changes: Change[] })

/** Reads a write's body against the view, before any transaction. @throws Fault 400, 403, 422 */
export function prepare(write: Write, view: WriteView): Prepared {
  switch (write.op) {
    case 'insert':
      return { op: 'insert', rows: newRows(view, parseBody(write.body)) }
    case 'replace':
      return { ...write, changes: wholeRow(view, parseBody(write.body), write.key) }
    case 'merge':
      return { ...write, changes: mergePatch(view, parseBody(write.body), write.key) }
    case 'delete':
      return { ...write, changes: [] }
  }
}

/** @throws Fault 403, 404, 409, 412, 422: then the transaction must not keep anything of it */
export async function apply(
  session: TableSession,
  write: Prepared,
  view: WriteView,
  render: (row: StoredRow) => RenderedRow,
): Promise<Outcome> {
  if (write.op === 'insert') return insert(session, write.rows, view, render)
  const { op, key, ifMatch, ifNoneMatch } = write
  const found = await session.find(view, key)
  if (!found && op !== 'replace') throw notFound('There is no such row.', 'row_unknown')
  const tag = found && render(found).etag
  if (ifMatch && !(tag && matches(ifMatch, tag))) throw changedMeanwhile()
  if (ifNoneMatch && tag && matches(ifNoneMatch, tag)) throw changedMeanwhile()
  if (op === 'delete') {
    await session.remove(view, key)
    return { status: 204 }
  }
  if (!found) return create(session, key, write.changes, view, render)
  const changes = write.changes.map(change => merged(change, found))
  if (changes.length > 0) await session.update(view, key, changes)
  return { status: 200, id: formatId(view.key!.columns, key), ...render((await session.find(view, key))!) }
}

async function insert(
  session: TableSession,
  rows: NewRows,
  view: WriteView,
  render: (row: StoredRow) => RenderedRow,
): Promise<Outcome> {
  if (!rows.bulk) {
    const row = await session.insert(view, rows.columns, rows.rows[0]!)
    const { key } = view
    const id = key?.raw
      ? formatId(
          key.columns,
          key.columns.map(c => row[c.name]!),
        )
      : undefined
    return { status: 201, ...(id === undefined ? {} : { id }), ...render(row) }
  }
  const keys = await session.insertAll(view, rows)
  const { key } = view
  if (!key?.raw) return { status: 201, count: keys.length }
  const columns = key.columns.map(column => ({ name: column.name, decode: decoderOf(column, true) }))
  const answered = keys.map(row =>
    Object.fromEntries(columns.map(({ name, decode }) => [name, decode ? decode(row[name]!) : row[name]])),
  )
  return { status: 201, count: keys.length, keys: answered }
}

async function create(
  session: TableSession,
  key: StoredValue[],
  changes: Change[],
  view: WriteView,
  render: (row: StoredRow) => RenderedRow,
): Promise<Outcome> {
  checkReachable(view)
  const given = new Map([
    ...view.key!.columns.map((c, i) => [c.name, key[i]!] as const),
    ...changes.map(c => [c.column, c.value] as const),
  ])
  for (const scope of view.scope) {
    const { name } = scope.column
    if (!given.has(name)) given.set(name, fixedBy(scope) ?? null)
    if (!within(scope, given.get(name)!))
      throw new Fault(403, 'out_of_scope', "The row would be outside of this key's row scope.")
  }
  try {
    const row = await session.insert(view, [...given.keys()], [...given.values()])
    return { status: 201, id: formatId(view.key!.columns, key), ...render(row) }
  } catch (error) {
    // what was not found in the caller's scope is there outside of it
    if (error instanceof Fault && error.code === 'row_exists') throw notFound('There is no such row.', 'row_unknown')
    throw error
  }
}

/** A change of a JSON column's members, as the whole value that it makes of the one that is there. */
function merged({ column, value, merge }: Change, row: StoredRow): Change {
  if (!merge) return { column, value }
  const before = row[column] == null ? undefined : parseLossless(String(row[column]))
  return { column, value: stringifyLossless(mergeInto(before, merge)) }
}

/** RFC 7396, section 2. */
function mergeInto(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch))
    if (value === null) result.delete(name)
    else result.set(name, mergeInto(result.get(name), value))
  return Object.fromEntries(result)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const matches = (tags: Tags, tag: string) => tags === '*' || tags.includes(tag)

const changedMeanwhile = () =>
  new Fault(412, 'changed_meanwhile', 'The row is not as the request says that it must be; read it again.')
