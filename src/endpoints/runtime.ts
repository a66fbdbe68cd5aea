import type { AnswerCache } from '../query/cache.ts'
import type { QueryRunner } from '../query/runner.ts'
import type { Scorer } from '../scoring/scorer.ts'

/** What endpoints run on: one of each in a server. */
export interface EndpointRuntime {
  queries: QueryRunner
  answers: AnswerCache
  scorer: Scorer
  /** whether models are loaded when they are published, and not by their first call */
  loadAhead: boolean
  /** where dataset files and model artifacts are, absolute */
  warehouseDir: string
  modelsDir: string
  /** the installation's secret, for the `hash` mask */
  secret: Uint8Array
}
