import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBVector } from '@duckdb/node-api'
import type { DeclaredType } from '../../../catalog/column.ts'
import { Fault } from '../../../lib/fault.ts'
import { shown } from '../../../lib/text.ts'
import { loadDuckdb } from '../../../workers/native.ts'
import { type Batch, batchesOf } from '../../batches.ts'
import { dataMissing } from '../../damage.ts'
import type { Before, Row, Runnable } from '../../engine.ts'
import { type Allowed, openDuckdb } from '../../ingest/duck.ts'
import { relationOf } from '../../ingest/source.ts'
import type { StoredValue } from '../../values.ts'
import { describeFiles } from './describe.ts'
import { dataChanged, explained } from './failures.ts'
import { type FoundFiles, findFiles } from './files.ts'
import type { Place } from './place.ts'
import { viewSql } from './view.ts'

/** What a worker may take of the machine; `scratch` is a folder of its own. */
export interface WorkerLimits extends Pick<Allowed, 'memoryBytes' | 'threads' | 'scratchBytes'> {
  scratch: string
}

interface Open {
  connection: DuckDBConnection
  places: Place[]
  /** of the files of each place, as they were opened */
  versions: string[]
}

/** A source that was asked for. */
interface Known {
  place: Place
  /** the version of its files that was found to have what was described */
  checked?: string
}

/** Instances that are kept open, each with the views of one statement's datasets. */
const MAX_OPEN = 8
/** Sources that are remembered: a dataset that is described anew is another one each time. */
const MAX_KNOWN = 100

/**
 * Runs statements on files in place, each on the files as they are at that moment. Files that were written since they were
 * described are held against the description first; what was read while they were written is read again.
 */
export class DuckReader {
  #limits: WorkerLimits
  /** by the sources of a statement, the least recently used first */
  #open = new Map<string, Open>()
  /** by source, the least recently used first */
  #known = new Map<string, Known>()
  #running: DuckDBConnection | undefined

  constructor(limits: WorkerLimits) {
    this.#limits = limits
  }

  /** @throws Fault 422 a sum beyond 38 digits; 503 `data_missing`, `data_changed`, `data_unreadable`, or no memory for it */
  async all(statement: Runnable, values: StoredValue[]): Promise<Row[]> {
    for (let again = false; ; again = true) {
      const open = await this.#ready(statement.sources)
      const rows: Row[] = []
      let failure: unknown
      try {
        for await (const chunk of this.#chunks(open, statement, values)) for (const row of chunk) rows.push(row)
      } catch (error) {
        failure = error
      }
      if (isAsItWas(open)) {
        if (failure !== undefined) throw explained(failure)
        return rows
      }
      if (again) throw dataChanged(open.places[0]!, 'are being written')
    }
  }

  /**
   * The same rows a batch at a time.
   * @param before its rows are the first batch
   * @throws as `all` does; where the files were written meanwhile, 503 at the end
   */
  async *batches(statement: Runnable, values: StoredValue[], before?: Before): AsyncGenerator<Batch, Batch> {
    const open = await this.#ready(statement.sources)
    try {
      if (before) {
        const rows: Row[] = []
        for await (const chunk of this.#chunks(open, before.statement, before.values)) rows.push(...chunk)
        yield { rows, done: false }
      }
      for await (const chunk of this.#chunks(open, statement, values)) {
        const batches = batchesOf(chunk)
        for (let batch = batches.next(); ; batch = batches.next()) {
          if (batch.value.rows.length > 0) yield { rows: batch.value.rows, done: false }
          if (batch.done) break
        }
      }
    } catch (error) {
      throw isAsItWas(open) ? explained(error) : dataChanged(open.places[0]!, 'were written while they were read')
    }
    if (!isAsItWas(open)) throw dataChanged(open.places[0]!, 'were written while they were read')
    return { rows: [], done: true }
  }

  /** Ends the statement that is under way. */
  interrupt(): void {
    this.#running?.interrupt()
  }

  /** Rows in chunks of DuckDB's, 2048 at most. */
  async *#chunks({ connection }: Open, { sql, names }: Runnable, values: StoredValue[]): AsyncGenerator<Row[]> {
    const { StatementType } = await loadDuckdb()
    const prepared = await connection.prepare(sql)
    this.#running = connection
    try {
      // the one kind of statement that writes nowhere, not even where it may read
      if (prepared.statementType !== StatementType.SELECT) throw new Error('not a SELECT')
      for (const [i, value] of values.entries()) bind(prepared, i + 1, value)
      const result = await prepared.stream()
      const rowOf = rowMaker(names)
      for (;;) {
        const chunk = await result.fetchChunk()
        if (!chunk || chunk.rowCount === 0) return
        const vectors = names.map((_, i) => chunk.getColumnVector(i))
        yield Array.from({ length: chunk.rowCount }, (_, row) => rowOf(vectors, row))
      }
    } finally {
      this.#running = undefined
      prepared.destroySync()
    }
  }

  async #ready(sources: string[]): Promise<Open> {
    const asked = sources.map(source => this.#knownOf(source))
    const places = asked.map(({ place }) => place)
    const found = places.map(filesOf)
    const key = sources.join('\n')
    const known = this.#open.get(key)
    this.#open.delete(key)
    if (known && found.every(({ version }, i) => version === known.versions[i])) {
      this.#open.set(key, known)
      return known
    }
    known?.connection.closeSync()
    for (const [i, known] of asked.entries()) await this.#check(known, found[i]!)
    const anyOrder = places.every(({ primaryKey }) => primaryKey !== null)
    const connection = await openDuckdb(this.#limits.scratch, { ...this.#limits, ...readable(found), anyOrder })
    for (const [i, place] of places.entries()) {
      const relation = relationOf(place.reader, found[i]!.paths)
      const names = place.columns.map(({ name }) => name)
      for (const sql of viewSql(`d${i}`, place, relation, names))
        await connection.run(sql).catch(error => {
          throw explained(error)
        })
    }
    const open = { connection, places, versions: found.map(({ version }) => version) }
    if (this.#open.size >= MAX_OPEN) {
      const [oldest, { connection }] = this.#open.entries().next().value!
      this.#open.delete(oldest)
      connection.closeSync()
    }
    this.#open.set(key, open)
    return open
  }

  #knownOf(source: string): Known {
    const known = this.#known.get(source) ?? { place: JSON.parse(source) as Place }
    this.#known.delete(source)
    if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(source, known)
    return known
  }

  /** Closes what is open of a dataset that is no longer. */
  release(source: string): void {
    for (const [key, { connection }] of this.#open)
      if (key.split('\n').includes(source)) {
        connection.closeSync()
        this.#open.delete(key)
      }
    this.#known.delete(source)
  }

  /** Files of another version than was described must have the same columns, and the key that was promised. */
  async #check(known: Known, files: FoundFiles): Promise<void> {
    const { place } = known
    if (files.version === place.version || files.version === known.checked) return
    const connection = await openDuckdb(this.#limits.scratch, { ...this.#limits, ...readable([files]) })
    try {
      const { path, primaryKey, types } = place
      const request = { path, primaryKey, types: types as Record<string, DeclaredType>, propose: false }
      const { columns, location } = await describeFiles(connection, files, request)
      const now = columns.map(({ name, type, native }) => ({ name, type, native }))
      const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
      if (!same(now, place.columns) || !same(location.selects, place.selects) || !same(location.reader, place.reader))
        throw dataChanged(
          place,
          'have changed, and no longer have the columns that were described',
          differing(place, now),
        )
    } catch (error) {
      if (error instanceof Fault && error.status === 422)
        throw dataChanged(place, 'have changed, and can no longer be read as they were described', error)
      throw error instanceof Fault ? error : explained(error)
    } finally {
      connection.closeSync()
    }
    known.checked = files.version
  }
}

/** For the log. What is new has no name there: that of a csv without its header is somebody's value. */
function differing({ columns }: Place, now: Place['columns']): string {
  const types = new Map(now.map(({ name, native }) => [name, native]))
  const known = new Set(columns.map(({ name }) => name))
  const gone = columns.filter(({ name }) => !types.has(name))
  const other = columns.filter(({ name, native }) => types.has(name) && types.get(name) !== native)
  const parts = [
    gone.length > 0 && `gone: ${listed(gone)}`,
    other.length > 0 && `of another type: ${listed(other)}`,
    now.some(({ name }) => !known.has(name)) && `new: ${now.filter(({ name }) => !known.has(name)).length}`,
  ].filter(part => part !== false)
  return parts.length > 0 ? `columns ${parts.join('; ')}` : 'columns in another order, or read in another way'
}

const listed = (columns: Place['columns']) => columns.map(({ name }) => shown(name)).join(', ')

function filesOf(place: Place): FoundFiles {
  try {
    return findFiles(place.path)
  } catch (error) {
    // a disk that fails, or no more files that can be opened
    throw error instanceof Fault && error.status === 503 ? error : dataMissing(error)
  }
}

function isAsItWas({ places, versions }: Open): boolean {
  try {
    return places.every((place, i) => findFiles(place.path).version === versions[i])
  } catch {
    return false
  }
}

/** One by one: a folder would be open for what comes into it, too. */
export const readable = (found: FoundFiles[]): Pick<Allowed, 'paths'> => ({
  paths: found.flatMap(({ paths }) => paths),
})

function bind(prepared: DuckDBPreparedStatement, index: number, value: StoredValue): void {
  if (value === null) prepared.bindNull(index)
  else if (typeof value === 'string') prepared.bindVarchar(index, value)
  else if (typeof value === 'bigint') prepared.bindHugeInt(index, value)
  else if (value instanceof Uint8Array) prepared.bindBlob(index, value)
  else if (Number.isSafeInteger(value)) prepared.bindBigInt(index, BigInt(value))
  else prepared.bindDouble(index, value)
}

/** Integers as numbers where they are safe, else as text; blobs as bytes; all else is selected as text or a number. */
function rowMaker(names: string[]): (vectors: DuckDBVector[], row: number) => Row {
  const plain = !names.includes('__proto__')
  return (vectors, row) => {
    if (!plain) return Object.fromEntries(names.map((name, i) => [name, readValue(vectors[i]!, row)]))
    const made: Row = {}
    for (let i = 0; i < names.length; i++) made[names[i]!] = readValue(vectors[i]!, row)
    return made
  }
}

function readValue(vector: DuckDBVector, row: number): unknown {
  const value = vector.getItem(row) as unknown
  if (typeof value === 'bigint')
    return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value.toString()
  return value !== null && typeof value === 'object' ? (value as { bytes: Uint8Array }).bytes : value
}
