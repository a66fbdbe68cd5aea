import type { Column } from '../../../catalog/column.ts'
import { Fault } from '../../../lib/fault.ts'
import { shown } from '../../../lib/text.ts'
import type { Session } from '../../engines/postgres/statements.ts'
import type { Query } from '../../query.ts'
import type { StoredValue } from '../../values.ts'
import { outOfScope, type TableSession } from '../apply.ts'
import { type Finding, refused } from '../findings.ts'
import type { StoredRow } from '../render.ts'
import type { Change, NewValue } from '../rows.ts'
import type { WriteView } from '../view.ts'
import { badValue, constraintOf, isTaken, LeftOut, mayBeBadValue, mayBeRefusal, refusalOf } from './refusals.ts'
import { type Chunk, type DatabaseRows, rowJson, type Shape, shapesOf } from './rows.ts'
import {
  answeredColumns,
  type DatabaseStatement,
  deleteRow,
  indexColumns,
  insertRows,
  selectRow,
  tryValue,
  updateRow,
} from './statements.ts'

/**
 * A table of a database inside of a transaction. Every statement that may be refused stands behind a savepoint, so that it can
 * be asked afterwards which row and which column it was.
 */
export class DatabaseSession implements TableSession<DatabaseRows> {
  #session: Session
  #query: Query

  constructor(session: Session, query: Query) {
    this.#session = session
    this.#query = query
  }

  /** @throws Fault 403 it is there, but a policy of the table keeps it from being written to: such a row cannot be locked */
  async find(view: WriteView, key: StoredValue[]): Promise<StoredRow | undefined> {
    const found = await this.#look(view, key)
    if (found || !(await this.#look(view, key, false))) return found
    // or it has come only now
    const come = await this.#look(view, key)
    if (come) return come
    const message = 'The database does not let this row be written to by its connection.'
    throw refused(403, 'database_refuses', [{ message }])
  }

  async #look(view: WriteView, key: StoredValue[], locking = true): Promise<StoredRow | undefined> {
    const [row] = await this.#run(selectRow(this.#query, view, key, locking))
    return row && rowOf(answeredColumns(view, 'row'), row)
  }

  async add(view: WriteView, { chunks, bulk }: DatabaseRows): Promise<StoredRow[]> {
    const shapes = shapesOf(chunks)
    const together = shapes && (await this.#addShapes(view, shapes))
    if (together) return together
    const added: StoredRow[] = []
    for (const chunk of chunks) added.push(...(await this.#add(view, chunk, bulk)))
    return added
  }

  /**
   * Adds the rows of a list in another order than its own.
   * @returns undefined where one is refused, which may be for their order: they are to be added in the list's
   */
  async #addShapes(view: WriteView, shapes: Shape[]): Promise<StoredRow[] | undefined> {
    const added: StoredRow[] = []
    const tried = await this.#attempt(async () => {
      for (const shape of shapes) {
        const made = await this.#all(shape.rows.length, insertRows(this.#query, view, shape, 'key'))
        for (const [i, [isWithin, ...values]] of made.entries()) {
          if (isWithin !== true) throw new LeftOut('a row is outside of the scope')
          added[shape.numbers[i]!] = rowOf(answeredColumns(view, 'key'), values)
        }
      }
    })
    return 'error' in tried ? undefined : added
  }

  async insert(view: WriteView, values: { column: Column; value: NewValue }[]): Promise<StoredRow> {
    const columns = values.flatMap(({ column, value }) => (value === undefined ? [] : [column.name]))
    const [row] = await this.#add(view, { columns, first: 0, rows: [rowJson(values)] }, false)
    // of a uuid in capitals, or a char(n) with spaces behind it, the row would not be where it was put
    const key = view.key!.columns.map(column => values.find(v => v.column.name === column.name)!.value as StoredValue)
    if (await this.#look(view, key, false)) return row!
    const message = 'The table writes this key differently: use it as the answers show it.'
    throw refused(422, 'unacceptable_rows', [{ message }])
  }

  async update(view: WriteView, key: StoredValue[], changes: Change[]): Promise<void> {
    await this.#trying(view, () => this.#all(1, updateRow(this.#query, view, key, changes)), {
      columns: changes.map(change => change.column.name),
      row: rowJson(changes),
    })
  }

  /** A database may mark the row as deleted in place of deleting it; but one that is as it was is not deleted at all. */
  async remove(view: WriteView, key: StoredValue[]): Promise<void> {
    // the mark may be where the caller does not look
    const whole = { ...view, seen: [...this.#query.tables[0]!.columns.values()].map(seenRaw) }
    const remove = async () => {
      const found = await this.#look(whole, key)
      await this.#run(deleteRow(this.#query, view, key))
      const left = await this.#look(whole, key)
      if (left && Bun.deepEquals(left, found)) throw new LeftOut('the row is as it was')
    }
    await this.#trying(view, remove, { deleting: true })
  }

  /** @throws Fault 403 a row is outside of the scope, 409, 422: the first that is refused, with its number in a list */
  async #add(view: WriteView, chunk: Chunk, bulk: boolean): Promise<StoredRow[]> {
    const { columns, first, rows } = chunk
    const giving = bulk ? 'key' : 'row'
    const insert = () => this.#all(rows.length, insertRows(this.#query, view, chunk, giving))
    let added: unknown[][]
    if (rows.length === 1) {
      const about = { columns, row: rows[0]!, ...(bulk ? { number: first } : {}) }
      added = await this.#trying(view, insert, about)
    } else {
      const tried = await this.#attempt(insert)
      // one of them is refused: in halves, until it is found
      if ('error' in tried) {
        if (!mayBeRefusal(tried.error)) throw tried.error
        const half = rows.length >> 1
        const part = (from: number, to: number) =>
          this.#add(view, { columns, first: first + from, rows: rows.slice(from, to) }, bulk)
        return [...(await part(0, half)), ...(await part(half, rows.length))]
      }
      added = tried.result
    }
    const outside = added.findIndex(([isWithin]) => isWithin !== true)
    if (outside >= 0 && !bulk) throw outOfScope()
    if (outside >= 0)
      throw refused(403, 'out_of_scope', [
        { row: first + outside, message: "The row would be outside of this key's row scope." },
      ])
    return added.map(([, ...values]) => rowOf(answeredColumns(view, giving), values))
  }

  async #trying<T>(
    view: WriteView,
    work: () => Promise<T>,
    about: { columns?: string[]; row?: string; number?: number; deleting?: boolean },
  ): Promise<T> {
    const tried = await this.#attempt(work)
    if (!('error' in tried)) return tried.result
    throw (await this.#explained(view, tried.error, about)) ?? tried.error
  }

  /** Does something, or has the transaction as it was before. */
  async #attempt<T>(work: () => Promise<T>): Promise<{ result: T } | { error: unknown }> {
    await this.#session.query('SAVEPOINT attempt')
    try {
      const result = await work()
      await this.#session.query('RELEASE SAVEPOINT attempt')
      return { result }
    } catch (error) {
      if (error instanceof Fault || !mayBeRefusal(error)) throw error
      await this.#session.query('ROLLBACK TO SAVEPOINT attempt')
      await this.#session.query('RELEASE SAVEPOINT attempt')
      return { error }
    }
  }

  async #explained(
    view: WriteView,
    error: unknown,
    { columns = [], row, number, deleting }: { columns?: string[]; row?: string; number?: number; deleting?: boolean },
  ): Promise<Fault | undefined> {
    const about: Omit<Finding, 'message'> = number === undefined ? {} : { row: number }
    const isSeen = (name: string) => view.seen.some(s => s.column.name === name && s.treatment === 'raw')
    if (isTaken(error)) return this.#taken(view, error, about, isSeen)
    if (mayBeBadValue(error) && row !== undefined)
      for (const column of columns) {
        const tried = await this.#attempt(() => this.#run(tryValue(this.#query, column, row)))
        if ('error' in tried) return badValue(error, { ...about, ...(isSeen(column) ? { field: shown(column) } : {}) })
      }
    const { column } = error as { column?: string }
    const named = column !== undefined && isSeen(column) ? { field: shown(column) } : {}
    return refusalOf(error, { ...about, ...named }, deleting)
  }

  /** What a row has in common with another is told only of columns that the caller sees. */
  async #taken(
    view: WriteView,
    error: unknown,
    about: Omit<Finding, 'message'>,
    isSeen: (name: string) => boolean,
  ): Promise<Fault | undefined> {
    const { constraint = '', ...of } = constraintOf(error)
    const rows = await this.#run(indexColumns(this.#query, constraint, of))
    const names = rows.map(([name]) => String(name))
    const key = view.key?.columns.map(c => c.name) ?? []
    if (key.length > 0 && names.length === key.length && key.every(name => names.includes(name)))
      return refused(409, 'row_exists', [{ ...about, message: 'There is a row with this key already.' }])
    if (names.length === 0 || !names.every(isSeen)) return refusalOf(error, about)
    const message = `There is a row with the same ${names.map(shown).join(', ')} already.`
    return refused(409, 'row_conflicts', [{ ...about, field: shown(names[0]!), message }])
  }

  /** Runs a change of so many rows, each of which answers. @throws LeftOut not all of them do */
  async #all(count: number, statement: DatabaseStatement): Promise<unknown[][]> {
    const changed = await this.#run(statement)
    if (changed.length < count) throw new LeftOut(`${changed.length} of ${count} rows were changed`)
    return changed
  }

  #run({ sql, values }: DatabaseStatement): Promise<unknown[][]> {
    return this.#session.query(sql, values)
  }
}

const seenRaw = (column: Column) => ({ column, treatment: 'raw' as const })

export const rowOf = (columns: Column[], values: unknown[]): StoredRow =>
  Object.fromEntries(columns.map((column, i) => [column.name, values[i] as StoredValue]))
