import { constants, Database, type Statement as Prepared } from 'bun:sqlite'
import { Fault } from '../../../lib/fault.ts'
import { usableMemory } from '../../../lib/machine.ts'
import { type Batch, batchesOf } from '../../batches.ts'
import { damaged, unopened } from '../../damage.ts'
import type { Before, Row, Runnable } from '../../engine.ts'
import { isLive } from '../../live-file.ts'
import type { StoredValue } from '../../values.ts'

/** `sources` are database files. */
type SqliteStatement = Pick<Runnable, 'sql' | 'sources' | 'bigints'>

const MAX_CONNECTIONS = 1000
/** What the pages that are kept of all open files may take, where the machine has memory for that; shared out evenly. */
const CACHE_KB = 128 * 1024
/** the same of a process that reads tables from one end to the other, and most pages once */
export const SCAN_CACHE_KB = 8 * 1024
const LEAST_CACHE_KB = 128
const MOST_CACHE_KB = 64 * 1024
const MAX_STATEMENTS = 200

interface Connection {
  db: Database
  files: number
  statements: Map<string, Prepared>
}

/**
 * Read-only connections on sets of files, attached to an empty in-memory database that can be written by nobody. Most
 * files never change and are opened without locks (`immutable=1`: four times the lookups); of a live one each statement
 * reads what was committed before it.
 */
export class SqliteReader {
  /** the least recently used first */
  #connections = new Map<string, Connection>()
  #latest = ''
  #cacheKb: number
  /** of each open file */
  #shareKb = 0
  #max: number

  constructor({ connections = MAX_CONNECTIONS, cacheKb = CACHE_KB } = {}) {
    this.#max = connections
    this.#cacheKb = Math.min(cacheKb, usableMemory() / 16 / 1024)
  }

  /** @throws Fault 503 `data_missing` a file is gone, `data_unreadable` it is damaged or may not be read, 422 a sum that 64 bits do not hold; SQLiteError */
  all(statement: SqliteStatement, values: StoredValue[]): Row[] {
    try {
      return this.#prepared(statement).all(...(values as never[])) as Row[]
    } catch (error) {
      throw explained(error, statement)
    }
  }

  /**
   * The same rows a batch at a time; nothing else may be asked of this reader until it has ended.
   * @param before its rows are the first batch, of the same state of the files
   * @throws as `all` does
   */
  *batches(statement: SqliteStatement, values: StoredValue[], before?: Before): Generator<Batch, Batch> {
    const { db } = this.#connection(statement.sources)
    if (before) db.run('BEGIN')
    try {
      if (before) yield { rows: this.all(before.statement, before.values), done: false }
      return yield* batchesOf(this.#prepared(statement).iterate(...(values as never[])) as Iterable<Row>)
    } catch (error) {
      throw explained(error, statement)
    } finally {
      if (before) db.run('COMMIT')
    }
  }

  /** The engine's plan for a statement, a line a step. @throws as `all` does */
  explain(statement: SqliteStatement): string[] {
    const { db } = this.#connection(statement.sources)
    try {
      const plan = db.prepare<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${statement.sql}`)
      try {
        return plan.all().map(step => step.detail)
      } finally {
        // Bun leaves it unfinished, and beside an unfinished statement the connection reads an old state for ever
        plan.finalize()
      }
    } catch (error) {
      throw explained(error, statement)
    }
  }

  /** Closes every connection that reads this file. */
  release(file: string): void {
    for (const [key, connection] of this.#connections)
      if (key.split('\n').includes(file)) {
        close(connection)
        this.#connections.delete(key)
      }
  }

  close(): void {
    for (const connection of this.#connections.values()) close(connection)
    this.#connections.clear()
  }

  #prepared({ sql, sources, bigints }: SqliteStatement): Prepared {
    const { db, statements } = this.#connection(sources)
    const key = bigints ? `${sql}\n` : sql
    let prepared = statements.get(key)
    if (!prepared) {
      prepared = db.prepare(sql)
      if (bigints) prepared.safeIntegers(true)
      evictOldest(statements, MAX_STATEMENTS, old => old.finalize())
      statements.set(key, prepared)
    }
    return prepared
  }

  #connection(files: string[]): Connection {
    const key = files.length === 1 ? files[0]! : files.join('\n')
    const open = this.#connections.get(key)
    if (open) {
      if (key !== this.#latest) {
        this.#connections.delete(key)
        this.#connections.set(key, open)
        this.#latest = key
      }
      return open
    }
    evictOldest(this.#connections, this.#max, close)
    const db = new Database('file::memory:', constants.SQLITE_OPEN_READWRITE | constants.SQLITE_OPEN_URI)
    for (const [index, file] of files.entries()) attach(db, file, index)
    db.run('PRAGMA case_sensitive_like = ON')
    db.run('PRAGMA temp_store = MEMORY')
    // a live file is locked for a moment when it is taken up again after a crash
    db.run('PRAGMA busy_timeout = 1000')
    db.run('PRAGMA query_only = ON')
    const connection = { db, files: files.length, statements: new Map() }
    this.#connections.set(key, connection)
    this.#latest = key
    this.#shareCache(connection)
    return connection
  }

  /** In halves, so that the others' shares change only now and then. */
  #shareCache(added: Connection): void {
    const open = [...this.#connections.values()]
    const even = this.#cacheKb / open.reduce((sum, { files }) => sum + files, 0)
    const share = Math.min(MOST_CACHE_KB, Math.max(LEAST_CACHE_KB, 2 ** Math.floor(Math.log2(even))))
    for (const { db, files } of share === this.#shareKb ? [added] : open)
      for (let index = 0; index < files; index++) db.run(`PRAGMA d${index}.cache_size = -${share}`)
    this.#shareKb = share
  }
}

const explained = (error: unknown, { sources }: SqliteStatement): unknown =>
  overflow(error) ?? damaged(error, sources) ?? error

function overflow(error: unknown): Fault | undefined {
  if ((error as Error).message !== 'integer overflow') return undefined
  return new Fault(422, 'sum_overflow', 'A sum in this answer is beyond 64 bits; ask for fewer rows.', { cause: error })
}

function attach(db: Database, file: string, index: number): void {
  const mode = isLive(file) ? 'mode=ro' : 'immutable=1&mode=ro'
  const uri = `file:${file.split('/').map(encodeURIComponent).join('/')}?${mode}`
  try {
    db.run(`ATTACH ? AS d${index}`, [uri])
  } catch (error) {
    db.close()
    throw unopened(error, file)
  }
}

function close({ db, statements }: Connection): void {
  for (const statement of statements.values()) statement.finalize()
  db.close()
}

/** Maps keep insertion order: the first is the oldest. */
function evictOldest<T>(map: Map<string, T>, max: number, end: (value: T) => void): void {
  if (map.size < max) return
  const [key, value] = map.entries().next().value!
  map.delete(key)
  end(value)
}
