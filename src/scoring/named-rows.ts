import type { ModelMetadata } from '../catalog/tensor.ts'
import { unprocessable } from '../lib/fault.ts'
import { rowValues } from './decode.ts'
import { columnsOf, type Feature } from './features.ts'
import type { Tensors } from './tensors.ts'

/** Elements of an input: more as values would hold up the process that looks at them, and everybody there, for seconds. */
const MOST_ELEMENTS = 4_000_000

/**
 * Input tensors as the rows of named features that they hold: what a row schema is about. A model without a row dimension
 * has one row, of whole tensors.
 * @param features the codec's
 * @param rows how many the tensors hold, as `Scorer.score` takes it
 * @throws Fault 422 they hold too much
 */
export function namedRows(
  metadata: ModelMetadata,
  features: readonly Feature[],
  feeds: Tensors,
  rows: number,
): Record<string, unknown>[] {
  for (const { data } of Object.values(feeds))
    if (data.length > MOST_ELEMENTS)
      throw unprocessable(
        `An input has ${data.length} elements, and ${MOST_ELEMENTS} at most can be looked at as rows here.`,
      )
  const columns = features.some(feature => feature.name !== feature.input)
  const tensor = feeds[features[0]!.input]!
  // several may come where they do not stack: the model takes them, and gives what is no row's
  const count = columns ? tensor.dims[0]! : rows
  const named = Array.from({ length: count }, (): Record<string, unknown> => ({}))
  if (columns) {
    const values = count === 0 ? [] : rowValues(tensor, count, true)
    for (let r = 0; r < count; r++)
      for (let f = 0; f < features.length; f++)
        put(named[r]!, features[f]!.name, features.length === 1 ? values[r] : (values[r] as unknown[])[f])
    return named
  }
  const axis = columnsOf(metadata).axis !== 'none'
  for (const { input, shape } of features) {
    const values = rowValues(feeds[input]!, rows, axis, shape.length === 0)
    for (let r = 0; r < rows; r++) put(named[r]!, input, values[r])
  }
  return named
}

/** A feature may be called `__proto__`. */
const put = (row: Record<string, unknown>, name: string, value: unknown) =>
  Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
