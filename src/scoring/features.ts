import type { ElementType, ModelMetadata, TensorSpec } from '../catalog/tensor.ts'
import { unprocessable } from '../lib/fault.ts'

/** One feature of a request row, and where its value goes. */
export interface Feature {
  name: string
  type: ElementType
  /** Dimensions of one row's value: [] is a scalar, null is any length. */
  shape: (number | null)[]
  /** The input tensor that it is part of. */
  input: string
}

/** How rows become tensors: every input is a feature, or the columns of the only input are. */
export interface Layout {
  features: Feature[]
  /** Whether the features are the columns of one input. */
  columns: boolean
  /** How the first dimension counts: rows, always one, or not at all (then a model takes one row at a time). */
  axis: 'rows' | 'one' | 'none'
}

/**
 * The features of a model.
 * @param names the columns of a model with a single input [N, F]; without them each input is a feature. Where its outputs do not
 * stack, as the probabilities [labels, N, 2] of a forest of several labels, each row is a batch of its own
 * @throws Fault 422 `model_unusable`: the names do not fit the model
 */
export function columnsOf(metadata: ModelMetadata, names?: readonly string[]): Layout {
  const axis = axisOf(metadata)
  if (!names?.length) {
    const features = metadata.inputs.map(({ name, type, dims }) => ({
      name,
      type,
      shape: rowShape(dims, axis),
      input: name,
    }))
    return { features, columns: false, axis }
  }
  const refuse = (message: string) => unprocessable(message, {}, 'model_unusable')
  const input = metadata.inputs[0]
  if (metadata.inputs.length !== 1 || !input) throw refuse('Feature names need a model with a single input.')
  if (names.some(name => typeof name !== 'string' || name === '')) throw refuse('Feature names must not be empty.')
  if (new Set(names).size !== names.length) throw refuse('Feature names must be unique.')
  const row = input.dims.slice(1)
  const takesOne = input.dims[0] === null || input.dims[0] === 1
  if (!takesOne || row.length > 1) throw refuse('Feature names need an input of the shape [rows, features].')
  const width = row.length === 0 ? 1 : row[0]
  if (width !== null && width !== names.length)
    throw refuse(`The model takes ${width} features, and ${names.length} names were given.`)
  const features = names.map(name => ({ name, type: input.type, shape: [], input: input.name }))
  return { features, columns: true, axis: axis === 'none' ? 'one' : axis }
}

function axisOf({ batched, inputs, outputs }: ModelMetadata): Layout['axis'] {
  if (batched) return 'rows'
  const one = ({ dims }: TensorSpec) => dims[0] === 1
  return inputs.every(one) && outputs.every(output => output.dims.length === 0 || one(output)) ? 'one' : 'none'
}

/** [N] and [N, 1] take scalars. */
function rowShape(dims: (number | null)[], axis: Layout['axis']): (number | null)[] {
  const shape = axis === 'none' ? dims : dims.slice(1)
  return shape.length === 1 && shape[0] === 1 ? [] : shape
}
