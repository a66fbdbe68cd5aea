import type { FilesLocation } from '../../../catalog/datasets.ts'
import { usableMemory } from '../../../lib/machine.ts'
import type { Engine } from '../../engine.ts'
import type { Looks } from '../../looks.ts'
import type { Query } from '../../query.ts'
import { WorkerEngine } from '../../worker-engine.ts'
import { startDuckdb } from './start.ts'

const MIN_MEMORY = 256 * 2 ** 20

/** Files in place: in processes of DuckDB's, which keep what they opened; exports in processes of their own. */
export class DuckEngine extends WorkerEngine implements Engine {
  readonly #looks: Looks

  /**
   * @param workers how many processes there are at most for statements, and as many for streams; together they take half of
   *   the memory at most
   * @param scratchDir where they make folders of their own for what does not fit in memory
   * @param looks see which files there are
   */
  constructor(workers: number, scratchDir: string, looks: Looks) {
    const memory = Math.max(MIN_MEMORY, usableMemory() / (4 * workers))
    super(workers, async () => (await startDuckdb(scratchDir, memory)).child)
    this.#looks = looks
  }

  /** Files have no indexes that could be missing. */
  advice(): string[] {
    return []
  }

  /** @throws Fault 503 their file system does not answer */
  async generation({ tables }: Query): Promise<string> {
    const paths = tables.map(({ dataset }) => (dataset.location as FilesLocation).path)
    return (await Promise.all(paths.map(path => this.#looks.recentVersion(path)))).join()
  }
}
