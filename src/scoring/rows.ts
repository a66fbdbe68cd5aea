import { unprocessable } from '../lib/fault.ts'
import { isObject } from '../lib/json.ts'
import type { Decoded } from './codec.ts'

/** What a model answers to rows. */
export interface ModelReply extends Decoded {
  model_id: number
  count: number
}

/** Rows as a request gives them: `features` is a single one, of which errors do not count rows. */
export interface GivenRows {
  rows: readonly unknown[]
  form: 'rows' | 'features'
}

const NEITHER = 'The body is {"features": {...}} for one row or {"rows": [{...}, ...]} for several.'

/** @throws Fault 422 not exactly one of `features` and `rows`, or no rows */
export function rowsOf(body: unknown): GivenRows {
  if (!isObject(body)) throw unprocessable(NEITHER)
  const hasFeatures = Object.hasOwn(body, 'features')
  const hasRows = Object.hasOwn(body, 'rows')
  if (hasFeatures === hasRows) throw unprocessable(hasRows ? 'Either features or rows, not both.' : NEITHER)
  const { features, rows } = body
  if (hasFeatures) {
    if (!isObject(features)) throw unprocessable('features must be an object of named features.')
    return { rows: [features], form: 'features' }
  }
  if (!Array.isArray(rows)) throw unprocessable('rows must be a list of objects of named features.')
  if (rows.length === 0) throw unprocessable('rows is empty.')
  return { rows, form: 'rows' }
}

export const replyOf = (decoded: Decoded, modelId: number, count: number): ModelReply => ({
  ...decoded,
  model_id: modelId,
  count,
})
