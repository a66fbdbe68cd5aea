/**
 * Bodies of rows to answers, in a scoring process: parsed, encoded, scored together, decoded and written there, many in a row,
 * so that the process that owns HTTP only hands bytes on.
 */
import type { ModelMetadata } from '../catalog/tensor.ts'
import { parseJson } from '../lib/body.ts'
import { parseLossless, stringifyLossless } from '../lib/json.ts'
import { type CodecOptions, compileCodec, type RowCodec } from './codec.ts'
import { predictWith, type ScoreTensors } from './predict.ts'
import { replyOf, rowsOf } from './rows.ts'

/** What an endpoint makes of a model; as text it is compiled once in each process. */
export interface Recipe {
  /** the file's, so that recipes of two files are never alike */
  sha256: string
  modelId: number
  metadata: ModelMetadata
  features?: readonly string[]
  options: CodecOptions
}

/** @returns what `compileRecipe` reads */
export const recipeText = (recipe: Recipe): string => JSON.stringify(recipe)

export interface CompiledRecipe {
  modelId: number
  codec: RowCodec
  /** whether an integer beyond 2^53 means something to the model */
  longIntegers: boolean
  independentRows: boolean
}

export function compileRecipe(text: string): CompiledRecipe {
  const { modelId, metadata, features, options } = JSON.parse(text) as Recipe
  const codec = compileCodec(metadata, features, options)
  return { modelId, codec, longIntegers: takesLongIntegers(codec), independentRows: metadata.independentRows }
}

/** Whether integers beyond 2^53 have to be read exactly: for all other elements the nearest double does. */
export const takesLongIntegers = (codec: RowCodec): boolean =>
  codec.features.some(({ type }) => type === 'int64' || type === 'uint64')

const encoder = new TextEncoder()

/** @throws Fault 400 no JSON; 422 what the model cannot take */
export async function answerBody(body: Uint8Array, recipe: CompiledRecipe, score: ScoreTensors): Promise<Uint8Array> {
  const { codec, modelId, longIntegers } = recipe
  const given = rowsOf(parseJson(body, longIntegers ? parseLossless : JSON.parse))
  const decoded = await predictWith(score, codec, given)
  return encoder.encode(stringifyLossless(replyOf(decoded, modelId, given.rows.length)))
}
