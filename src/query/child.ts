/** The entry of `callgate worker query`: runs one statement at a time, read-only; its parent kills it at the deadline. */
import { serveParent } from '../workers/serve.ts'
import type { Batch } from './batches.ts'
import { SqliteReader } from './engines/sqlite/reader.ts'
import type { Asked } from './pool.ts'

serveParent(() => {
  const reader = new SqliteReader()
  let open: Generator<Batch, Batch> | undefined
  const next = (): Batch => {
    const { value, done } = open!.next()
    if (done) open = undefined
    return value
  }
  return {
    all: ({ statement, values }: Asked) => reader.all(statement, values),
    open({ statement, values }: Asked) {
      open = reader.batches(statement, values)
      return next()
    },
    next,
    stop() {
      open?.return(undefined as never)
      open = undefined
    },
    release: ({ source }: { source: string }) => reader.release(source),
  }
})
