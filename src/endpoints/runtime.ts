import { join } from 'node:path'
import type { Dataset } from '../catalog/datasets.ts'
import type { Networks } from '../lib/address.ts'
import type { AnswerCache } from '../query/cache.ts'
import type { Connections } from '../query/engines/postgres/connections.ts'
import { isLive } from '../query/live-file.ts'
import type { QueryRunner } from '../query/runner.ts'
import type { Writer } from '../query/write/writer.ts'
import type { FunctionRunner } from '../sandbox/runner.ts'
import type { Scorer } from '../scoring/scorer.ts'
import type { SchemaChecks } from './schema-checks.ts'

/** What endpoints run on: one of each in a server. */
export interface EndpointRuntime {
  queries: QueryRunner
  answers: AnswerCache
  writer: Writer
  /** the databases that tables are in */
  connections: Connections
  scorer: Scorer
  functions: FunctionRunner
  schemas: SchemaChecks
  /** networks that functions may fetch from though they are not public */
  fetchNetworks: Networks
  /** whether models are loaded when they are published, and not by their first call */
  loadAhead: boolean
  /** where dataset files and model artifacts are, absolute */
  warehouseDir: string
  modelsDir: string
  /** the installation's secret, for the `hash` mask */
  secret: Uint8Array
}

/** A dataset as queries take it: its file by its whole path, and of a live one, how many rows it has now. */
export function placed(dataset: Dataset, { warehouseDir, writer }: EndpointRuntime): Dataset {
  if (!dataset.file) return dataset
  const file = join(warehouseDir, dataset.file)
  if (!isLive(file)) return { ...dataset, file }
  return {
    ...dataset,
    file,
    get rowCount() {
      return writer.state(file).rows
    },
  }
}
