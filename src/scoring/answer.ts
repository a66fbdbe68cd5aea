/**
 * Bodies of rows to answers, in a scoring process: parsed, encoded, scored together, decoded and written there, many in a row,
 * so that the process that owns HTTP only hands bytes on.
 */
import type { ModelMetadata } from '../catalog/tensor.ts'
import { parseJson } from '../lib/body.ts'
import { parseLossless, stringifyLossless } from '../lib/json.ts'
import { counting, type Form } from './bodies.ts'
import { type CodecOptions, compileCodec, type Decoded, type RowCodec } from './codec.ts'
import { splits } from './join.ts'
import { predictWith, type ScoreTensors } from './predict.ts'
import { replyOf, rowsOf } from './rows.ts'
import type { Tensors } from './tensors.ts'
import type { SentRecipe } from './wire.ts'

const encoder = new TextEncoder()

/** What an endpoint makes of a model. */
interface Recipe {
  modelId: number
  metadata: ModelMetadata
  features?: readonly string[]
  options: CodecOptions
  /** of a row; only who reads bodies of any size looks at it */
  schema?: Record<string, unknown> | boolean
}

export const recipeOf = (text: Uint8Array): Recipe => JSON.parse(new TextDecoder().decode(text))

let recipes = 0

export const sendableRecipe = (recipe: Recipe): SentRecipe => ({
  id: recipes++,
  text: encoder.encode(JSON.stringify(recipe)),
})

export interface CompiledRecipe {
  modelId: number
  codec: RowCodec
  /** whether an integer beyond 2^53 means something to the model */
  longIntegers: boolean
  independentRows: boolean
}

export function compileRecipe(text: Uint8Array): CompiledRecipe {
  const { modelId, metadata, features, options } = recipeOf(text)
  const codec = compileCodec(metadata, features, options)
  return { modelId, codec, longIntegers: takesLongIntegers(codec), independentRows: metadata.independentRows }
}

/** Whether integers beyond 2^53 have to be read exactly: for all other elements the nearest double does. */
export const takesLongIntegers = (codec: RowCodec): boolean =>
  codec.features.some(({ type }) => type === 'int64' || type === 'uint64')

/** @throws Fault 400 no JSON; 422 what the model cannot take */
export async function answerBody(body: Uint8Array, recipe: CompiledRecipe, score: ScoreTensors): Promise<string> {
  const { codec, modelId, longIntegers } = recipe
  const given = rowsOf(parseJson(body, longIntegers ? parseLossless : JSON.parse))
  const decoded = await predictWith({ score }, codec, given)
  return stringifyLossless(replyOf(decoded, modelId, given.rows.length))
}

/** The same for bodies that are checked first, or are too large for one run, see `bodies.ts`. */
export const rowsForm: Form<null> = {
  formName: 'rows',
  async answer(call) {
    const { body, model, deadline } = call
    const { id, codec, checksRows } = model
    const given = rowsOf(parseJson(body, checksRows || takesLongIntegers(codec) ? parseLossless : JSON.parse))
    await model.check(given.rows, given.form, deadline)
    const decoded = await predictWith(counting(call), codec, given)
    return { head: {}, body: stringifyLossless(replyOf(decoded, id, given.rows.length)) }
  },
}

/**
 * Writes the answers of requests that were scored together.
 * @param counts how many rows each of them has
 * @throws Error the model did not give one answer for each row: they must be scored singly
 */
export function answerRows(outputs: Tensors, counts: readonly number[], { codec, modelId }: CompiledRecipe): string[] {
  const rows = counts.reduce((sum, count) => sum + count, 0)
  if (counts.length > 1 && !splits(outputs, rows)) throw new Error('not one answer for each row')
  const decoded = codec.decode(outputs, rows)
  let from = 0
  return counts.map(count => {
    const own = counts.length === 1 ? decoded : rowsOfDecoded(decoded, from, from + count)
    from += count
    return stringifyLossless(replyOf(own, modelId, count))
  })
}

/** Rows [from, to) of what was decoded. */
function rowsOfDecoded({ predictions, probabilities, outputs }: Decoded, from: number, to: number): Decoded {
  const rows: Decoded = { predictions: predictions.slice(from, to) }
  if (probabilities) rows.probabilities = probabilities.slice(from, to)
  if (outputs)
    rows.outputs = Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.slice(from, to)]))
  return rows
}
