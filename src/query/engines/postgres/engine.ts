import type { TableLocation } from '../../../catalog/datasets.ts'
import { callerGone, deadlinePassed } from '../../../lib/fault.ts'
import { adviceOf } from '../../advice.ts'
import type { Before, Engine, Limits, Row, Runnable, StreamLimits } from '../../engine.ts'
import type { Query } from '../../query.ts'
import type { BoundRequest } from '../../request.ts'
import type { StoredValue } from '../../values.ts'
import { inIndex, isReadWhole } from './advice.ts'
import type { Connections } from './connections.ts'
import { Cursor } from './cursor.ts'
import { connectionOf } from './dialect.ts'
import { explained } from './failures.ts'
import { type Session, untilOver } from './statements.ts'

/** Tables of databases, each statement on a connection of its own. */
export class PostgresEngine implements Engine {
  readonly connections: Connections

  constructor(connections: Connections) {
    this.connections = connections
  }

  async all({ sql, sources, names }: Runnable, values: StoredValue[], limits: Limits): Promise<Row[]> {
    checkSelect(sql)
    const { connection, tables } = this.#at(sources)
    const rows = await connection.read(session => session.query(sql, values), { ...limits, tables })
    return rows.map(rowMaker(names))
  }

  async *stream(
    { sql, sources, names }: Runnable,
    values: StoredValue[],
    { patienceMs, signal }: StreamLimits,
    before?: Before,
  ): AsyncGenerator<Row[], void, undefined> {
    checkSelect(sql)
    if (before) checkSelect(before.statement.sql)
    if (signal?.aborted) throw callerGone(signal.reason)
    const { connection, tables } = this.#at(sources)
    const ending = new AbortController()
    let why: 'gone' | 'late' | 'left' | undefined
    const end = (reason: NonNullable<typeof why>) => {
      why ??= reason
      ending.abort()
    }
    const gone = () => end('gone')
    signal?.addEventListener('abort', gone)
    let timer = setTimeout(() => end('late'), patienceMs)
    const within = () => {
      clearTimeout(timer)
      timer = setTimeout(() => end('late'), patienceMs)
    }
    const begun = Promise.withResolvers<{ cursor: Cursor; found: unknown[][] | undefined; first: unknown[][] }>()
    const over = Promise.withResolvers<void>()
    let given = false
    const work = async (session: Session) => {
      const { cursor, found } = await Cursor.open(session, sql, values, before)
      begun.resolve({ cursor, found, first: await cursor.fetch() })
      await untilOver(over.promise, ending.signal)
      await cursor.close()
    }
    const limits = { deadline: Number.POSITIVE_INFINITY, signal: ending.signal, tables }
    const running = connection.stream(work, limits, () => !given, begun.promise)
    running.catch(begun.reject)
    try {
      const { cursor, found, first } = await begun.promise
      given = true
      if (found) {
        within()
        yield found.map(rowMaker(before!.statement.names))
      }
      const rowOf = rowMaker(names)
      for (let batch = first; batch.length > 0; ) {
        const next = cursor.fetch()
        next.catch(() => {})
        within()
        yield batch.map(rowOf)
        within()
        batch = await next
      }
      over.resolve()
      await running
    } catch (error) {
      if (why === 'late')
        throw deadlinePassed(given ? 'The answer took too long to produce, or to be read.' : undefined)
      throw explained(error, connection.name, why === 'gone' ? why : undefined)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', gone)
      end('left')
      over.resolve()
    }
  }

  #at(sources: string[]) {
    return { connection: this.connections.get(connectionOf(sources[0]!)), tables: sources }
  }

  /** By the indexes that the tables had when they were described: the database is not asked for its plans. */
  advice(query: Query, bound: BoundRequest): string[] {
    return adviceOf(query, bound, table => isReadWhole(query, bound, table), inIndex)
  }

  /** What others write to the database is not known here. */
  generation({ tables }: Query): string {
    return String(this.connections.get((tables[0]!.dataset.location as TableLocation).connection).version)
  }

  close(): Promise<void> {
    return this.connections.close()
  }
}

/** A transaction that only reads still lets the server run programs and write files for a user that may. */
function checkSelect(sql: string): void {
  if (!sql.startsWith('SELECT ')) throw new Error('not a SELECT')
}

function rowMaker(names: string[]): (values: unknown[]) => Row {
  const plain = !names.includes('__proto__')
  return values => {
    if (!plain) return Object.fromEntries(names.map((name, i) => [name, values[i]]))
    const row: Row = {}
    for (let i = 0; i < names.length; i++) row[names[i]!] = values[i]
    return row
  }
}
