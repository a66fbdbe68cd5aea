import type { FilesLocation } from '../../../catalog/datasets.ts'
import type { Advice } from '../../advice.ts'
import type { Before, Engine, Limits, Row, Runnable, StreamLimits, TextReads } from '../../engine.ts'
import { WorkerPool } from '../../pool.ts'
import type { Query } from '../../query.ts'
import type { Piece } from '../../rendering.ts'
import type { StoredValue } from '../../values.ts'
import { startDuckdb } from './start.ts'
import { FileVersions } from './versions.ts'

/** Files in place: in processes of DuckDB's, which keep what they opened; exports in processes of their own. */
export class DuckEngine implements Engine {
  readonly text: TextReads
  #versions = new FileVersions()
  #workers: WorkerPool
  #exporters: WorkerPool

  /**
   * @param workers how many processes there are at most for statements, and as many for streams; together they take half of
   *   the memory at most
   * @param scratchDir where they make folders of their own for what does not fit in memory
   */
  constructor(workers: number, scratchDir: string) {
    const start = async () => (await startDuckdb(scratchDir, 1 / (4 * workers))).child
    this.#workers = new WorkerPool(workers, start)
    this.#exporters = new WorkerPool(workers, start)
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

  /** Files have no indexes that could be missing. */
  advice(): Advice[] {
    return []
  }

  generation({ tables }: Query): string {
    return tables.map(({ dataset }) => this.#versions.of((dataset.location as FilesLocation).path)).join()
  }

  close(): void {
    this.#workers.close()
    this.#exporters.close()
  }
}
