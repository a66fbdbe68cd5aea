/** The bodies of writes: held against the columns and the caller's view, and made into stored values. */
import type { Column } from '../../catalog/column.ts'
import { forbidden, unprocessable } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import { shown } from '../../lib/text.ts'
import type { StoredValue } from '../values.ts'
import { type Codec, codecOf } from './codec.ts'
import { encodeJson, expected } from './fields.ts'
import { Findings } from './findings.ts'
import { fixedBy, isSame, type RowScope, unnamed, type WriteView, within } from './view.ts'

/** In one call; the body's own limit comes first for all but narrow rows. */
const MAX_ROWS = 50_000
/** What a single row carries in an answer beside its columns: it may come back with them. */
export const LINKS = '_links'

type JsonObject = Record<string, unknown>

/** A value as a row is to have it; undefined: the database gives one. */
export type NewValue = StoredValue | undefined

/** Rows to be added: for each the values of `columns`, in order; null also where the embedded store is to give the key. */
export interface NewRows {
  columns: Column[]
  rows: NewValue[][]
  /** whether they came as a list */
  bulk: boolean
}

/** What a column of one row becomes: `value`, or for an object in a JSON column what is merged into it. */
export interface Change {
  column: Column
  value: NewValue
  merge?: JsonObject
}

/**
 * One row, or several as `[...]` or `{"rows": [...]}` (the latter not where a column is called so). A column that is not
 * named is NULL, or the one value that the row scope leaves it.
 * @throws Fault 422 what is wrong with which row; 403 columns that the caller may not write, rows outside of its scope
 */
export function newRows(view: WriteView, body: unknown): NewRows {
  const { list, bulk } = formOf(view, body)
  const found = new Findings(bulk)
  const columns = writable(view)
  const places = new Map(columns.map((column, i) => [column.name, i]))
  const strangers = new Strangers(view, found)
  const codec = codecOf(view.engine)
  const given = new Uint8Array(columns.length)
  const absent = columns.map(column => absentValue(view, column))
  const scopes = view.scope.map(scope => ({ ...scope, at: places.get(scope.column.name) }))
  // scope columns that the caller does not write get the scope's one value, or what the database gives them
  const beside = scopes.filter(({ at }) => at === undefined)
  const tail = beside.map(unnamed)
  const rows = list.map((row, number) => {
    const values: NewValue[] = new Array(columns.length)
    if (!isObject(row)) {
      found.wrong(number, undefined, 'A row is an object of columns.')
      return values
    }
    given.fill(0)
    for (const name of Object.keys(row)) {
      const i = places.get(name)
      if (i === undefined) strangers.meet(number, name)
      else {
        given[i] = 1
        values[i] = encoded(columns[i]!, row[name], number, found, codec)
      }
    }
    for (let i = 0; i < columns.length; i++)
      if (given[i] === 0) {
        const value = absent[i]
        if (value === MISSING) found.wrong(number, columns[i]!.name, 'This column is missing.')
        else values[i] = value
      }
    for (const scope of scopes)
      if (!mayBeWithin(scope, scope.at === undefined ? unnamed(scope) : values[scope.at]))
        found.outside(number, scope.column.name)
    return tail.length ? [...values, ...tail] : values
  })
  found.settle()
  checkReachable(view)
  return { columns: [...columns, ...beside.map(scope => scope.column)], rows, bulk }
}

function formOf(view: WriteView, body: unknown): { list: unknown[]; bulk: boolean } {
  const isColumn = view.seen.some(s => s.column.name === 'rows') || view.hidden.includes('rows')
  const wrapped = isObject(body) && !isColumn && Object.keys(body).length === 1 && Array.isArray(body.rows)
  const list = Array.isArray(body) ? body : wrapped ? (body.rows as unknown[]) : undefined
  if (list?.length === 0) throw unprocessable('There are no rows in the body.')
  if (list && list.length > MAX_ROWS) throw unprocessable(`At most ${MAX_ROWS} rows are taken in one call.`)
  return list ? { list, bulk: true } : { list: [body], bulk: false }
}

const MISSING: unique symbol = Symbol()

/** What a new row has in a column that it does not name. */
function absentValue(view: WriteView, column: Column): NewValue | typeof MISSING {
  const scope = view.scope.find(s => s.column.name === column.name)
  const fixed = scope && fixedBy(scope)
  if (fixed !== undefined) return fixed
  if (column.given) return undefined
  return column.nullable || (view.key?.auto && isKey(view, column.name)) ? null : MISSING
}

/** What the database gives is seen when it is there. */
const mayBeWithin = (scope: RowScope, value: NewValue) => value === undefined || within(scope, value)

/** @throws Fault 403 a new row would lack what every row has, and this caller may not write it */
export function checkReachable({ unreachable, scope }: WriteView): void {
  const missing = unreachable.find(name => !scope.some(s => s.column.name === name && fixedBy(s) !== undefined))
  if (missing !== undefined)
    throw forbidden(`This key may not write ${shown(missing)}, which every row has.`, 'column_out_of_reach')
}

/**
 * The whole row of a key: what it does not name becomes NULL; columns that the caller may not write stay as they are.
 * @throws Fault 422, 403
 */
export function wholeRow(view: WriteView, body: unknown, key: readonly StoredValue[]): Change[] {
  const row = oneRow(body)
  const found = new Findings(false)
  const changes = changesOf(view, row, key, found, 'whole').map(({ column, value }) => ({ column, value }))
  for (const column of writable(view)) {
    if (Object.hasOwn(row, column.name) || isKey(view, column.name)) continue
    const value = absentValue(view, column)
    if (value === MISSING) found.wrong(0, column.name, 'This column is missing.')
    else changes.push({ column, value })
  }
  settle(view, changes, found)
  return changes
}

/** A JSON merge patch (RFC 7396): the columns that it names; null takes a value away. @throws Fault 422, 403 */
export function mergePatch(view: WriteView, body: unknown, key: readonly StoredValue[]): Change[] {
  const found = new Findings(false)
  const changes = changesOf(view, oneRow(body), key, found, 'part')
  settle(view, changes, found)
  return changes
}

/** @param what a whole row, which may hold what the table computes, as it was read so; or a part of one, which may not */
function changesOf(
  view: WriteView,
  row: JsonObject,
  key: readonly StoredValue[],
  found: Findings,
  what: 'whole' | 'part',
): Change[] {
  const strangers = new Strangers(view, found)
  const codec = codecOf(view.engine)
  const columns = new Map(rawColumns(view).map(column => [column.name, column]))
  const changes: Change[] = []
  for (const name of Object.keys(row)) {
    const column = columns.get(name)
    if (!column) {
      strangers.meet(0, name)
      continue
    }
    const given = row[name]
    const part = view.key?.columns.findIndex(c => c.name === name) ?? -1
    if (part < 0 && column.given === 'always') {
      if (what === 'part') strangers.meet(0, name)
      continue
    }
    const value = encoded(column, given, 0, found, codec)
    if (part < 0)
      changes.push({ column, value, ...(column.type === 'json' && isObject(given) ? { merge: given } : {}) })
    else if (!isSame(column, value, key[part]!))
      found.wrong(0, name, 'This column is in the path, and a row keeps its key.')
  }
  return changes
}

function settle(view: WriteView, changes: Change[], found: Findings): void {
  for (const scope of view.scope) {
    const change = changes.find(c => c.column.name === scope.column.name)
    if (change && !mayBeWithin(scope, change.value)) found.outside(0, scope.column.name)
  }
  found.settle()
}

/** Members of a row that are no column that the caller may write. */
class Strangers {
  #closed: Set<string>
  #computed: Set<string>
  #found: Findings

  constructor(view: WriteView, found: Findings) {
    const { seen, hidden } = view
    this.#closed = new Set([...hidden, ...seen.filter(s => s.treatment !== 'raw').map(s => s.column.name)])
    this.#computed = new Set(rawColumns(view).flatMap(c => (c.given === 'always' ? [c.name] : [])))
    this.#found = found
  }

  meet(row: number, name: string): void {
    if (this.#closed.has(name)) this.#found.closed(row, name)
    else if (this.#computed.has(name)) this.#found.wrong(row, name, 'The table sets this column itself; leave it out.')
    else if (name !== LINKS) this.#found.wrong(row, name, 'There is no such column.')
  }
}

const rawColumns = ({ seen }: WriteView): Column[] => seen.flatMap(s => (s.treatment === 'raw' ? [s.column] : []))
const writable = (view: WriteView): Column[] => rawColumns(view).filter(c => c.given !== 'always')
const isKey = (view: WriteView, name: string) => view.key?.columns.some(c => c.name === name) ?? false

function oneRow(body: unknown): JsonObject {
  if (!isObject(body)) throw unprocessable('The body must be one row: an object of columns.')
  return body
}

function encoded(column: Column, value: unknown, row: number, found: Findings, codec: Codec): StoredValue {
  if (value === null) {
    if (!column.nullable) found.wrong(row, column.name, 'This column may not be null.')
    return null
  }
  const stored = encodeJson(column, value, codec)
  if (stored !== undefined) return stored
  found.wrong(row, column.name, expected(column))
  return null
}
