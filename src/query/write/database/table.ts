import type { TableLocation } from '../../../catalog/datasets.ts'
import { Fault } from '../../../lib/fault.ts'
import type { Connections } from '../../engines/postgres/connections.ts'
import { sourceOf } from '../../engines/postgres/dialect.ts'
import { explained, hasStaleStatement } from '../../engines/postgres/failures.ts'
import type { Session } from '../../engines/postgres/statements.ts'
import type { Query } from '../../query.ts'
import type { StoredValue } from '../../values.ts'
import { apply, type Prepared } from '../apply.ts'
import { type Answer, refusalOf, writtenOf } from '../job.ts'
import { rendererOf, type StoredRow } from '../render.ts'
import { answerAgain, UnderWay } from '../replays.ts'
import type { TableStore, WriteRequest, Written } from '../store.ts'
import type { WriteView } from '../view.ts'
import type { Writer } from '../writer.ts'
import { readForDatabase } from './read.ts'
import { refusalOf as databaseRefusal, stateOf } from './refusals.ts'
import { DatabaseReplays } from './replays.ts'
import type { DatabaseRows } from './rows.ts'
import { DatabaseSession, rowOf } from './session.ts'
import { answeredColumns, selectRow } from './statements.ts'

/** A larger body is read elsewhere. */
const SMALL_BODY = 64 * 1024

/** A table of a connection's database: every write is a transaction of its own there. */
export class DatabaseTable implements TableStore {
  #query: Query
  #connections: Connections
  #writer: Writer
  #secret: Uint8Array
  #underWay = new UnderWay()
  #replays = new DatabaseReplays()

  /** @param query that lists the table */
  constructor(query: Query, connections: Connections, writer: Writer, secret: Uint8Array) {
    this.#query = query
    this.#connections = connections
    this.#writer = writer
    this.#secret = secret
  }

  get #location() {
    return this.#query.tables[0]!.dataset.location as TableLocation
  }

  get #connection() {
    return this.#connections.get(this.#location.connection)
  }

  async find(view: WriteView, key: StoredValue[], deadline: number): Promise<StoredRow | undefined> {
    const { sql, values } = selectRow(this.#query, view, key, false)
    const limits = { deadline, tables: [sourceOf(this.#location)] }
    const [row] = await this.#connection.read(session => session.query(sql, values), limits)
    return row && rowOf(answeredColumns(view, 'row'), row)
  }

  write(request: WriteRequest): Promise<Written> {
    return this.#underWay.run(request.replay, async () => {
      const prepared = await this.#read(request).catch(fault => {
        // it may have been answered before, when its body was taken
        if (request.replay && fault instanceof Fault && fault.status < 500) return fault
        throw fault
      })
      return writtenOf(await this.#once(prepared, request))
    })
  }

  async #read({ write, view, deadline }: WriteRequest): Promise<Prepared<DatabaseRows>> {
    const isLarge = 'body' in write && write.body.length > SMALL_BODY
    return isLarge ? this.#writer.readForDatabase(write, view, deadline) : readForDatabase(write, view)
  }

  /** A connection that was lost before anything was asked of it is made again, and so is one of before the table was changed. */
  async #once(prepared: Prepared<DatabaseRows> | Fault, request: WriteRequest): Promise<Answer> {
    let state = { begun: false, committing: false }
    const work = (session: Session) => {
      state = { begun: false, committing: false }
      return this.#transact(session, prepared, request, state)
    }
    const source = sourceOf(this.#location)
    const { deadline, write } = request
    const row = 'key' in write ? { row: `${source} ${JSON.stringify(write.key.map(String))}` } : {}
    const limits = { deadline, tables: [source], ...row }
    try {
      return await this.#connection.write(work, limits, error => !state.begun || hasStaleStatement(error))
    } catch (error) {
      // a constraint that is deferred is looked at as the change is to be kept: then the database says that it is not
      if (state.committing && stateOf(error) === '') throw unknown(error)
      throw databaseRefusal(error, {}, request.write.op === 'delete') ?? explained(error, this.#connection.name)
    }
  }

  async #transact(
    session: Session,
    prepared: Prepared<DatabaseRows> | Fault,
    { view, replay }: WriteRequest,
    state: { begun: boolean; committing: boolean },
  ): Promise<Answer> {
    if (replay) await this.#replays.prepare(session)
    await session.query('BEGIN')
    state.begun = true
    const kept = replay && (await this.#replays.find(session, replay.id))
    if (kept || prepared instanceof Fault) {
      await session.query('ROLLBACK')
      return kept ? answerAgain(kept, replay!) : refusalOf(prepared as Fault)
    }
    await session.query('SAVEPOINT change')
    let answer = await this.#apply(session, prepared, view)
    // it was made by another meanwhile, or is there outside of the scope
    const isMet = prepared.op === 'replace' && 'refusal' in answer && answer.refusal.code === 'row_unknown'
    if (isMet) {
      // in a transaction that sees what is there by now
      for (const sql of ['ROLLBACK', 'BEGIN', 'SAVEPOINT change']) await session.query(sql)
      answer = await this.#apply(session, prepared, view)
    }
    if (replay) await this.#replays.add(session, replay, JSON.stringify(answer))
    state.committing = 'outcome' in answer
    await session.query('COMMIT')
    return answer
  }

  async #apply(session: Session, prepared: Prepared<DatabaseRows>, view: WriteView): Promise<Answer> {
    try {
      const table = new DatabaseSession(session, this.#query)
      return { outcome: await apply(table, prepared, view, rendererOf(view, this.#secret)) }
    } catch (error) {
      if (!(error instanceof Fault) || error.status >= 500) throw error
      await session.query('ROLLBACK TO SAVEPOINT change')
      return refusalOf(error)
    }
  }
}

const unknown = (cause: unknown) =>
  new Fault(
    503,
    'outcome_unknown',
    'The connection to the database was lost while it committed: it is unknown whether the change was made.',
    {
      cause,
      headers: { 'retry-after': '5' },
    },
  )
