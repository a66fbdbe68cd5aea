/** The entry of `callgate worker query`: runs one statement at a time, read-only; its parent kills it at the deadline. */
import { giveWay, serveParent } from '../workers/serve.ts'
import type { Batch } from './batches.ts'
import type { Row } from './engine.ts'
import { SCAN_CACHE_KB, SqliteReader } from './engines/sqlite/reader.ts'
import type { Asked } from './pool.ts'
import { asAsked, type Piece } from './rendering.ts'

/** Batches after which what they left is collected. */
const COLLECT_EVERY = 50

giveWay()
serveParent(() => {
  const reader = new SqliteReader({ cacheKb: SCAN_CACHE_KB })
  let open: Generator<Batch, Batch> | undefined
  let make: ((rows: Row[]) => Row[] | Piece) | undefined
  let batches = 0
  const next = (): Batch<Row[] | Piece> => {
    // left to itself the heap grows by half as much again
    if (++batches % COLLECT_EVERY === 0) Bun.gc(true)
    const { value, done } = open!.next()
    if (done) open = undefined
    return { rows: make!(value.rows), done: value.done }
  }
  return {
    all: (asked: Asked) => asAsked(asked)(reader.all(asked.statement, asked.values)),
    open(asked: Asked) {
      open = reader.batches(asked.statement, asked.values, asked.before)
      make = asAsked(asked)
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
