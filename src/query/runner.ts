import type { EngineName } from '../catalog/datasets.ts'
import type { Engine } from './engine.ts'
import { DuckEngine } from './engines/duckdb/engine.ts'
import type { Connections } from './engines/postgres/connections.ts'
import { PostgresEngine } from './engines/postgres/engine.ts'
import { SqliteEngine } from './engines/sqlite/engine.ts'
import { Looks } from './looks.ts'

/** What the engines besides the embedded store need. */
interface Elsewhere {
  /** where DuckDB's processes write what does not fit in memory */
  scratchDir: string
  /** the databases that tables are read from */
  connections: Connections
}

/** The engines of a server, one of each. */
export class QueryRunner {
  readonly sqlite: SqliteEngine
  readonly looks = new Looks()
  #others: { duckdb: DuckEngine; postgres: PostgresEngine } | undefined

  /**
   * @param workers processes for statements that may take long, of each engine that needs them
   * @param elsewhere absent: there is only the embedded store
   * @param versionOf another number after every write to a live file
   */
  constructor(workers: number, elsewhere?: Elsewhere, versionOf: (file: string) => number = () => 0) {
    this.sqlite = new SqliteEngine(workers, versionOf)
    if (elsewhere)
      this.#others = {
        duckdb: new DuckEngine(workers, elsewhere.scratchDir, this.looks),
        postgres: new PostgresEngine(elsewhere.connections),
      }
  }

  engineOf({ engine }: { engine: EngineName }): Engine {
    const found = engine === 'sqlite' ? this.sqlite : this.#others?.[engine]
    if (!found) throw new Error(`no engine ${engine} here`)
    return found
  }

  /** Resolves when nothing reads a file of the embedded store any more, and nothing here keeps it open. */
  release(file: string): Promise<void> {
    return this.sqlite.release(file)
  }

  close(): void {
    this.sqlite.close()
    void this.looks.close()
    this.#others?.duckdb.close()
    void this.#others?.postgres.close()
  }
}
