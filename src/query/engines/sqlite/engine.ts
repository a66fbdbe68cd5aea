import { together } from '../../../lib/together.ts'
import { Child } from '../../../workers/child.ts'
import { adviceOf } from '../../advice.ts'
import type { Engine, LocalReads } from '../../engine.ts'
import { isLive } from '../../live-file.ts'
import type { Query } from '../../query.ts'
import type { BoundRequest } from '../../request.ts'
import type { Statement } from '../../sql.ts'
import { WorkerEngine } from '../../worker-engine.ts'
import { cheapRows, isReadWhole, rowBytes } from './plan.ts'
import { SqliteReader } from './reader.ts'

/** The embedded store: here where a statement is indexed and bounded, else in query workers; exports in workers of their own. */
export class SqliteEngine extends WorkerEngine implements Engine {
  readonly local: LocalReads
  readonly rowBytes = rowBytes
  #reader = new SqliteReader()
  #versionOf: (file: string) => number

  /**
   * @param workers how many processes there are at most for statements, and as many for streams
   * @param versionOf another number after every write to a live file
   */
  constructor(workers: number, versionOf: (file: string) => number) {
    super(workers, () => Child.start('query', {}))
    this.#versionOf = versionOf
    this.local = {
      cheapRows: (statement, query) => cheapRows(this.#reader.explain(statement), statement, query),
      all: (statement, values) => this.#reader.all(statement, values),
    }
  }

  hold(sources: string[]): () => void {
    return this.workers.hold(sources)
  }

  /** An immutable file is never another under the same name. */
  generation({ tables }: Query): string {
    const live = tables.filter(({ dataset }) => isLive(dataset.file))
    return live.map(({ dataset }) => this.#versionOf(dataset.file)).join()
  }

  advice(query: Query, bound: BoundRequest, statements: Statement[]): string[] {
    const steps = statements.flatMap(statement => this.#reader.explain(statement))
    return adviceOf(query, bound, table => isReadWhole(steps, query, bound, table))
  }

  /** Resolves when nothing reads the file any more, waiting or under way; then no connection keeps it open. */
  async release(file: string): Promise<void> {
    await together(() => {})
    await Promise.all([this.workers.release(file), this.exporters.release(file)])
    this.#reader.release(file)
  }

  override close(): void {
    super.close()
    this.#reader.close()
  }
}
