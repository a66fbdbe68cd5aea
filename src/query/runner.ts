import type { EngineName } from '../catalog/datasets.ts'
import type { Engine } from './engine.ts'
import { DuckEngine } from './engines/duckdb/engine.ts'
import { SqliteEngine } from './engines/sqlite/engine.ts'

/** The engines of a server, one of each. */
export class QueryRunner {
  readonly sqlite: SqliteEngine
  #duckdb: DuckEngine | undefined

  /**
   * @param workers processes for statements that may take long, of each engine that needs them
   * @param scratchDir where DuckDB's write what does not fit in memory; without it there is only the embedded store
   */
  constructor(workers: number, scratchDir?: string) {
    this.sqlite = new SqliteEngine(workers)
    if (scratchDir !== undefined) this.#duckdb = new DuckEngine(workers, scratchDir)
  }

  engineOf({ engine }: { engine: EngineName }): Engine {
    const found = { sqlite: this.sqlite, duckdb: this.#duckdb, postgres: undefined }[engine]
    if (!found) throw new Error(`no engine ${engine} here`)
    return found
  }

  /** Resolves when nothing reads a file of the embedded store any more, and nothing here keeps it open. */
  release(file: string): Promise<void> {
    return this.sqlite.release(file)
  }

  close(): void {
    this.sqlite.close()
    this.#duckdb?.close()
  }
}
