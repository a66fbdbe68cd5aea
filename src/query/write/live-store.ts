import { Database, type Statement } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import type { Column } from '../../catalog/column.ts'
import { parseBody } from '../../lib/body.ts'
import { Fault, unavailable } from '../../lib/fault.ts'
import { dataMissing } from '../damage.ts'
import type { StoredValue } from '../values.ts'
import { apply, type Prepared, prepareChange, type TableSession, type Write } from './apply.ts'
import { refused } from './findings.ts'
import { type Answer, type Batch, type Done, refusalOf } from './job.ts'
import type { LiveState } from './live-state.ts'
import { rendererOf, type StoredRow } from './render.ts'
import { answerAgain, REPLAYS_SQL, Replays } from './replays.ts'
import { type Change, type NewRows, type NewValue, newRows } from './rows.ts'
import { type BoundStatement, deleteRow, insertRow, selectRow, updateRow } from './statements.ts'
import type { WriteView } from './view.ts'

const MAX_STATEMENTS = 200
/** Rows of a list after which the process looks at what else it is asked. */
const SLICE = 500
const LARGEST_KEY = 2n ** 63n - 1n

/** What a live file has beside its table. `highest` is the greatest key that was ever given, so that none is given twice. */
export const LIVE_SQL = [
  'CREATE TABLE IF NOT EXISTS callgate_state (batch INTEGER, writes INTEGER, rows INTEGER, highest INTEGER) STRICT',
  ...REPLAYS_SQL,
]

interface State {
  batch: bigint
  writes: bigint
  rows: bigint
  highest: bigint
}

/**
 * A live file, open for writing: the one place where its rows change. A batch is one transaction; what it answers is on disk
 * (`synchronous = FULL`), so that neither a killed process nor a power cut takes it back.
 */
export class LiveStore implements TableSession<NewRows> {
  #db: Database
  #secret: Uint8Array
  #statements = new Map<string, Statement>()
  #replays: Replays
  #state: State = { batch: 0n, writes: 0n, rows: 0n, highest: 0n }

  /** @throws Fault 503 the file is not there */
  constructor(file: string, secret: Uint8Array) {
    if (!existsSync(file)) throw dataMissing()
    this.#db = new Database(file, { readwrite: true, create: false })
    for (const pragma of ['busy_timeout = 5000', 'synchronous = FULL', 'journal_size_limit = 67108864'])
      this.#db.run(`PRAGMA ${pragma}`)
    this.#secret = secret
    this.#replays = new Replays(this.#db)
  }

  state(): LiveState {
    return stated(this.#readState())
  }

  /** @throws Fault 503 a disk that is full or fails, or somebody else holds the file; then nothing of the batch is kept */
  async run({ number, views, jobs }: Batch): Promise<Done> {
    const renderers = views.map(view => rendererOf(view, this.#secret))
    const prepared = jobs.map(({ write, view }) => attempt(() => prepare(write, views[view]!)))
    try {
      this.#db.run('BEGIN IMMEDIATE')
      this.#state = this.#readState()
      this.#replays.tidy()
      const answers: Answer[] = []
      for (const [i, job] of jobs.entries()) {
        const write = prepared[i]!
        const apply = (made: Prepared<NewRows>) => this.#apply(made, views[job.view]!, renderers[job.view]!)
        answers.push(await this.#once(job, 'refused' in write ? write.refused : () => apply(write.made)))
      }
      this.#state.batch = BigInt(number)
      const { batch, writes, rows, highest } = this.#state
      this.#prepared('UPDATE callgate_state SET batch = ?, writes = ?, rows = ?, highest = ?').run(
        ...([batch, writes, rows, highest] as never[]),
      )
      this.#db.run('COMMIT')
      return { answers, state: stated(this.#state) }
    } catch (error) {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK')
      this.#replays.measure()
      throw busy(error) ?? error
    }
  }

  /**
   * Answers a request that was answered before as it was then, and remembers the answer of one that was not.
   * @param work or the refusal of its body, which another may take the place of
   */
  async #once({ replay }: Batch['jobs'][number], work: (() => Promise<Answer>) | Answer): Promise<Answer> {
    const known = replay && this.#replays.find(replay.id)
    if (known) return answerAgain(known, replay)
    if (typeof work !== 'function') return work
    const answer = await work()
    if (replay) this.#replays.add(replay, JSON.stringify(answer))
    return answer
  }

  async #apply(write: Prepared<NewRows>, view: WriteView, render: ReturnType<typeof rendererOf>): Promise<Answer> {
    const before = { ...this.#state }
    this.#db.run('SAVEPOINT one')
    try {
      const outcome = await apply(this, write, view, render)
      this.#db.run('RELEASE one')
      return { outcome }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#db.run('ROLLBACK TO one')
      this.#db.run('RELEASE one')
      this.#state = before
      return refusalOf(error)
    }
  }

  find(view: WriteView, key: StoredValue[]): StoredRow | undefined {
    return this.#get(selectRow(view, key)) ?? undefined
  }

  insert(view: WriteView, values: { column: Column; value: NewValue }[]): StoredRow {
    const columns = values.map(v => v.column)
    return this.#insertOne(
      view,
      columns,
      values.map(v => v.value),
    )
  }

  #insertOne(view: WriteView, columns: Column[], values: NewValue[]): StoredRow {
    const keyed = withKey(view, columns)
    return this.#insert(this.#prepared(insertRow(view, keyed.columns, 'row')), values as StoredValue[], keyed.at)
  }

  async add(view: WriteView, { columns, rows, bulk }: NewRows): Promise<StoredRow[]> {
    if (!bulk) return [this.#insertOne(view, columns, rows[0]!)]
    const keyed = withKey(view, columns)
    const statement = this.#prepared(insertRow(view, keyed.columns, 'key'))
    const keys: StoredRow[] = []
    for (const [number, row] of rows.entries()) {
      if (number > 0 && number % SLICE === 0) await new Promise(setImmediate)
      keys.push(this.#insert(statement, row as StoredValue[], keyed.at, number))
    }
    return keys
  }

  update(view: WriteView, key: StoredValue[], changes: Change[]): void {
    this.#run(updateRow(view, key, changes as { column: Column; value: StoredValue }[]))
    this.#state.writes++
  }

  remove(view: WriteView, key: StoredValue[]): void {
    this.#run(deleteRow(view, key))
    this.#state.rows--
    this.#state.writes++
  }

  /** Writes the WAL back into the file and closes it. */
  close(): void {
    for (const statement of this.#statements.values()) statement.finalize()
    this.#statements.clear()
    try {
      this.#db.run('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      this.#db.close()
    }
  }

  #readState(): State {
    return this.#prepared('SELECT batch, writes, rows, highest FROM callgate_state').get() as State
  }

  /** @param at where the values have a key that the store gives, if they do not say one */
  #insert(statement: Statement, values: StoredValue[], at: number | undefined, row?: number): StoredRow {
    if (at !== undefined) this.#giveKey(values, at)
    try {
      const stored = statement.get(...(values as never[])) as StoredRow
      this.#state.rows++
      this.#state.writes++
      return stored
    } catch (error) {
      throw refusedByTable(error, row) ?? error
    }
  }

  #giveKey(values: StoredValue[], at: number): void {
    const given = values[at]
    if (given == null && this.#state.highest >= LARGEST_KEY)
      throw new Fault(409, 'keys_exhausted', 'The highest possible key is taken; the row has to name its own.')
    const key = given == null ? this.#state.highest + 1n : BigInt(given as bigint | number)
    values[at] = key
    if (key > this.#state.highest) this.#state.highest = key
  }

  #get({ sql, values }: BoundStatement): StoredRow | null {
    return this.#prepared(sql).get(...(values as never[])) as StoredRow | null
  }

  #run({ sql, values }: BoundStatement): void {
    this.#prepared(sql).run(...(values as never[]))
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement) return statement
    statement = this.#db.prepare(sql)
    statement.safeIntegers(true)
    if (this.#statements.size >= MAX_STATEMENTS) {
      const [oldest, first] = this.#statements.entries().next().value!
      first.finalize()
      this.#statements.delete(oldest)
    }
    this.#statements.set(sql, statement)
    return statement
  }
}

/** The columns of an insert, with the key among them where the store gives it, and where it is. */
function withKey({ key }: WriteView, given: Column[]): { columns: string[]; at?: number } {
  const columns = given.map(c => c.name)
  if (!key?.auto) return { columns }
  const { name } = key.columns[0]!
  const at = columns.indexOf(name)
  return at < 0 ? { columns: [...columns, name], at: columns.length } : { columns, at }
}

const stated = ({ batch, writes, rows }: State): LiveState => ({
  batch: Number(batch),
  writes: Number(writes),
  rows: Number(rows),
})

function prepare(write: Write, view: WriteView): Prepared<NewRows> {
  const body = write.op === 'delete' ? undefined : parseBody(write.body)
  return write.op === 'insert' ? { op: 'insert', rows: newRows(view, body) } : prepareChange(write, view, body)
}

/** What work makes, or its refusal. */
function attempt<T>(work: () => T): { made: T } | { refused: Answer } {
  try {
    return { made: work() }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { refused: refusalOf(error) }
  }
}

function refusedByTable(error: unknown, row?: number): Fault | undefined {
  const { code = '' } = error as { code?: string }
  if (!code.startsWith('SQLITE_CONSTRAINT')) return undefined
  return refused(409, 'row_exists', [
    { ...(row === undefined ? {} : { row }), message: 'There is a row with this key already.' },
  ])
}

function busy(error: unknown): Fault | undefined {
  const { code = '' } = error as { code?: string }
  return code.startsWith('SQLITE_BUSY') ? unavailable('The table is locked by another program.', 1, error) : undefined
}
