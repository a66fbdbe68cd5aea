import { together } from '../../../lib/together.ts'
import { Child } from '../../../workers/child.ts'
import { type Advice, adviceOf } from '../../advice.ts'
import type { Before, Engine, Limits, LocalReads, Row, Runnable, StreamLimits, TextReads } from '../../engine.ts'
import { isLive } from '../../live-file.ts'
import { WorkerPool } from '../../pool.ts'
import type { Query } from '../../query.ts'
import type { Piece } from '../../rendering.ts'
import type { BoundRequest } from '../../request.ts'
import type { Statement } from '../../sql.ts'
import type { StoredValue } from '../../values.ts'
import { cheapRows, isReadWhole, rowBytes } from './plan.ts'
import { SqliteReader } from './reader.ts'

/** The embedded store: here where a statement is indexed and bounded, else in query workers; exports in workers of their own. */
export class SqliteEngine implements Engine {
  readonly local: LocalReads
  readonly text: TextReads
  readonly rowBytes = rowBytes
  #reader = new SqliteReader()
  #workers: WorkerPool
  #exporters: WorkerPool
  #versionOf: (file: string) => number

  /**
   * @param workers how many processes there are at most for statements, and as many for streams
   * @param versionOf another number after every write to a live file
   */
  constructor(workers: number, versionOf: (file: string) => number) {
    this.#versionOf = versionOf
    const start = () => Child.start('query', {})
    this.#workers = new WorkerPool(workers, start)
    this.#exporters = new WorkerPool(workers, start)
    this.local = {
      cheapRows: (statement, query) => cheapRows(this.#reader.explain(statement), statement, query),
      all: (statement, values) => this.#reader.all(statement, values),
    }
    this.text = {
      all: (...asked) => this.#workers.all<Piece>(...asked),
      stream: (...asked) => this.#exporters.stream<Piece>(...asked),
    }
  }

  all(statement: Runnable, values: StoredValue[], limits: Limits): Promise<Row[]> {
    return this.#workers.all(statement, values, limits)
  }

  stream(
    statement: Runnable,
    values: StoredValue[],
    limits: StreamLimits,
    before?: Before,
  ): AsyncGenerator<Row[], void, undefined> {
    return this.#exporters.stream(statement, values, limits, undefined, before)
  }

  hold(sources: string[]): () => void {
    return this.#workers.hold(sources)
  }

  /** An immutable file is never another under the same name. */
  generation({ tables }: Query): string {
    const live = tables.filter(({ dataset }) => isLive(dataset.file))
    return live.map(({ dataset }) => this.#versionOf(dataset.file)).join()
  }

  advice(query: Query, bound: BoundRequest, statements: Statement[]): Advice[] {
    const steps = statements.flatMap(statement => this.#reader.explain(statement))
    return adviceOf(query, bound, table => isReadWhole(steps, query, bound, table))
  }

  /** Resolves when nothing reads the file any more, waiting or under way; then no connection keeps it open. */
  async release(file: string): Promise<void> {
    await together(() => {})
    await Promise.all([this.#workers.release(file), this.#exporters.release(file)])
    this.#reader.release(file)
  }

  close(): void {
    this.#workers.close()
    this.#exporters.close()
    this.#reader.close()
  }
}
