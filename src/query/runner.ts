import type { Engine } from './engine.ts'
import { SqliteEngine } from './engines/sqlite/engine.ts'
import type { Query } from './query.ts'

/** The engines of a server, one of each. */
export class QueryRunner {
  readonly sqlite: SqliteEngine

  /** @param workers processes for statements that may take long, of each engine that needs them */
  constructor(workers: number) {
    this.sqlite = new SqliteEngine(workers)
  }

  engineOf(_query: Pick<Query, 'engine'>): Engine {
    return this.sqlite
  }

  /** Resolves when nothing reads a file of the embedded store any more, and nothing here keeps it open. */
  release(file: string): Promise<void> {
    return this.sqlite.release(file)
  }

  close(): void {
    this.sqlite.close()
  }
}
