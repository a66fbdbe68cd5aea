/**
 * The entry of `callgate worker duckdb`: describes files in place, and runs statements on them, one at a time; its parent
 * kills it at the deadline.
 */
import { serveParent } from '../../../workers/serve.ts'
import type { Batch } from '../../batches.ts'
import { openDuckdb } from '../../ingest/duck.ts'
import type { Asked } from '../../pool.ts'
import { type Described, type DescribeRequest, describeFiles } from './describe.ts'
import { findFiles } from './files.ts'
import { DuckReader, readable, type WorkerLimits } from './reader.ts'

serveParent((limits: WorkerLimits) => {
  process.chdir(limits.scratch)
  const reader = new DuckReader(limits)
  let open: AsyncGenerator<Batch, Batch> | undefined
  const next = async (): Promise<Batch> => {
    const { value, done } = await open!.next()
    if (done) open = undefined
    return value
  }
  return {
    async describe(request: DescribeRequest): Promise<Described & { version: string }> {
      const files = findFiles(request.path)
      const connection = await openDuckdb(limits.scratch, { ...limits, ...readable([files]) })
      return { ...(await describeFiles(connection, files, request)), version: files.version }
    },
    all: ({ statement, values }: Asked) => reader.all(statement, values),
    open({ statement, values }: Asked) {
      open = reader.batches(statement, values)
      return next()
    },
    next,
    async stop() {
      reader.interrupt()
      await open?.return(undefined as never).catch(() => {})
      open = undefined
    },
    release: ({ source }: { source: string }) => reader.release(source),
  }
})
