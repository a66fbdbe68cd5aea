/**
 * The entry of `callgate worker duckdb`: describes files in place, and runs statements on them, one at a time; its parent
 * kills it at the deadline.
 */
import { giveWay, serveParent } from '../../../workers/serve.ts'
import type { Batch } from '../../batches.ts'
import type { Row } from '../../engine.ts'
import { openDuckdb } from '../../ingest/duck.ts'
import type { Asked } from '../../pool.ts'
import { asAsked, type Piece } from '../../rendering.ts'
import { type Described, type DescribeRequest, describeFiles } from './describe.ts'
import { findFiles } from './files.ts'
import { DuckReader, readable, type WorkerLimits } from './reader.ts'

giveWay()
serveParent((limits: WorkerLimits) => {
  process.chdir(limits.scratch)
  const reader = new DuckReader(limits)
  let open: AsyncGenerator<Batch, Batch> | undefined
  let make: ((rows: Row[]) => Row[] | Piece) | undefined
  /** settles when no statement is under way for `all` */
  let running: Promise<unknown> = Promise.resolve()
  const next = async (): Promise<Batch<Row[] | Piece>> => {
    const { value, done } = await open!.next()
    if (done) open = undefined
    return { rows: make!(value.rows), done: value.done }
  }
  return {
    async describe(request: DescribeRequest): Promise<Described & { version: string }> {
      const files = findFiles(request.path)
      const connection = await openDuckdb(limits.scratch, { ...limits, ...readable([files]) })
      return { ...(await describeFiles(connection, files, request)), version: files.version }
    },
    all(asked: Asked) {
      const rows = reader.all(asked.statement, asked.values)
      running = rows.catch(() => {})
      return rows.then(asAsked(asked))
    },
    open(asked: Asked) {
      open = reader.batches(asked.statement, asked.values, asked.before)
      make = asAsked(asked)
      return next()
    },
    next,
    async stop() {
      reader.interrupt()
      await running
      await open?.return(undefined as never).catch(() => {})
      open = undefined
    },
    release: ({ source }: { source: string }) => reader.release(source),
  }
})
