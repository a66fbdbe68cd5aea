import type { Child } from '../workers/child.ts'
import type { Before, Limits, Row, Runnable, StreamLimits, TextReads } from './engine.ts'
import { WorkerPool } from './pool.ts'
import type { Piece } from './rendering.ts'
import type { StoredValue } from './values.ts'

/** What engines have in common whose statements run in processes of this executable: exports in others than the rest. */
export abstract class WorkerEngine {
  readonly text: TextReads
  protected readonly workers: WorkerPool
  protected readonly exporters: WorkerPool

  /**
   * @param size how many processes there are at most for statements, and as many for streams
   * @param start as `WorkerPool` has it
   */
  constructor(size: number, start: () => Promise<Child>) {
    this.workers = new WorkerPool(size, start)
    this.exporters = new WorkerPool(size, start)
    this.text = {
      all: (...asked) => this.workers.all<Piece>(...asked),
      stream: (...asked) => this.exporters.stream<Piece>(...asked),
    }
  }

  all(statement: Runnable, values: StoredValue[], limits: Limits): Promise<Row[]> {
    return this.workers.all(statement, values, limits)
  }

  stream(
    statement: Runnable,
    values: StoredValue[],
    limits: StreamLimits,
    before?: Before,
  ): AsyncGenerator<Row[], void, undefined> {
    return this.exporters.stream(statement, values, limits, undefined, before)
  }

  close(): void {
    this.workers.close()
    this.exporters.close()
  }
}
