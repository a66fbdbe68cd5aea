/** Where statements run: one of each engine in a server, behind this. */
import type { Query } from './query.ts'
import type { Piece, Rendering } from './rendering.ts'
import type { BoundRequest } from './request.ts'
import type { Statement } from './sql.ts'
import type { StoredValue } from './values.ts'

/** By the names of the statement; values as its dialect selects them. */
export type Row = Record<string, unknown>

/** What an engine needs of a statement to run it. */
export type Runnable = Pick<Statement, 'sql' | 'sources' | 'bigints' | 'names'>

/** A statement that is asked before another, of the same state of the tables. */
export interface Before {
  statement: Runnable
  values: StoredValue[]
}

export interface Limits {
  /** as performance.now() */
  deadline: number
  /** the caller has gone: what runs for it is ended unless it is done soon */
  signal?: AbortSignal
}

export interface StreamLimits {
  /** How long each batch may take from being asked for (a wait for a worker included), and how long its taker may take. */
  patienceMs: number
  signal?: AbortSignal
}

export interface Engine {
  /** What it can do at once in this process. */
  readonly local?: LocalReads
  /**
   * All rows of a statement, elsewhere than in this process.
   * @throws Fault 422 a sum that the engine cannot hold; 499 the caller has gone; 503 the engine cannot be had or has lost
   * its data, with Retry-After where that may pass; 504 the deadline passed
   */
  all(statement: Runnable, values: StoredValue[], limits: Limits): Promise<Row[]>
  /**
   * The same in batches of about 1,000 rows or 256 KB, never more than two of them in memory: the next is made while one is
   * taken. Ending the loop early ends the statement.
   * @param before its rows, which are few, are the first batch
   * @throws Fault as `all` does; 504 a batch took longer than `patienceMs` to come or to be taken
   */
  stream(
    statement: Runnable,
    values: StoredValue[],
    limits: StreamLimits,
    before?: Before,
  ): AsyncGenerator<Row[], void, undefined>
  /** The same, with the text made where the rows are read, so that this process only passes it on; absent: it makes it. */
  readonly text?: TextReads
  /** Of each large table that every call reads whole: what would spare that. As far as the engine tells. */
  advice(query: Query, bound: BoundRequest, statements: Statement[]): string[]
  /**
   * Keeps what statements read from being taken away between them.
   * @returns what ends that; absent: nothing is taken away
   */
  hold?(sources: string[]): () => void
  /** What is another when the rows of a query may be, though it is not compiled anew; absent: it cannot be, or not be known. */
  generation?(query: Query): string | Promise<string>
  /** What a row of the query takes, in bytes, by the average of its tables; absent: it cannot tell before it has answered. */
  rowBytes?(query: Query): number
}

/** What `Engine.all` and `Engine.stream` read, as text; of the rows of `before`, an ending. */
export interface TextReads {
  all(statement: Runnable, values: StoredValue[], limits: Limits, rendering: Rendering): Promise<Piece>
  stream(
    statement: Runnable,
    values: StoredValue[],
    limits: StreamLimits,
    rendering: Rendering,
    before?: Before,
  ): AsyncGenerator<Piece, void, undefined>
}

/** Statements that are indexed and bounded are answered without leaving the process. */
export interface LocalReads {
  /** How many rows this process may find for a statement, those that a page skips among them; 0: it is for `Engine.all`. */
  cheapRows(statement: Statement, query: Query): number
  all(statement: Runnable, values: StoredValue[]): Row[]
}
