import type { EngineName } from '../catalog/datasets.ts'
import type { Dialect } from './dialect.ts'
import { duckdbDialect } from './engines/duckdb/dialect.ts'
import { postgresDialect } from './engines/postgres/dialect.ts'
import { sqliteDialect } from './engines/sqlite/dialect.ts'

const dialects: Record<EngineName, Dialect> = {
  sqlite: sqliteDialect,
  duckdb: duckdbDialect,
  postgres: postgresDialect,
}

export const dialectOf = ({ engine }: { engine: EngineName }): Dialect => dialects[engine]
