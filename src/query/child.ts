/** The entry of `callgate worker query`: runs one statement at a time, read-only; its parent kills it at the deadline. */
import { serveParent } from '../workers/serve.ts'
import { SqliteReader, type SqliteStatement } from './engines/sqlite.ts'
import type { StoredValue } from './values.ts'

serveParent(() => {
  const reader = new SqliteReader()
  return {
    all: ({ statement, values }: { statement: SqliteStatement; values: StoredValue[] }) =>
      reader.all(statement, values),
    release: ({ file }: { file: string }) => reader.release(file),
  }
})
