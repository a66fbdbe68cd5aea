import type { FilesLocation } from '../../../catalog/datasets.ts'
import type { Advice } from '../../advice.ts'
import type { Engine } from '../../engine.ts'
import type { Query } from '../../query.ts'
import { WorkerEngine } from '../../worker-engine.ts'
import { startDuckdb } from './start.ts'
import { FileVersions } from './versions.ts'

/** Files in place: in processes of DuckDB's, which keep what they opened; exports in processes of their own. */
export class DuckEngine extends WorkerEngine implements Engine {
  #versions = new FileVersions()

  /**
   * @param workers how many processes there are at most for statements, and as many for streams; together they take half of
   *   the memory at most
   * @param scratchDir where they make folders of their own for what does not fit in memory
   */
  constructor(workers: number, scratchDir: string) {
    super(workers, async () => (await startDuckdb(scratchDir, 1 / (4 * workers))).child)
  }

  /** Files have no indexes that could be missing. */
  advice(): Advice[] {
    return []
  }

  generation({ tables }: Query): string {
    return tables.map(({ dataset }) => this.#versions.of((dataset.location as FilesLocation).path)).join()
  }
}
