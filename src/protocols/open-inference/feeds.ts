/** Holds the tensors of a request against what the model takes: the scorer trusts what it is given. */
import type { ModelMetadata, TensorSpec } from '../../catalog/tensor.ts'
import { badRequest, type Fault } from '../../lib/fault.ts'
import { type Tensor, type Tensors, volume } from '../../scoring/tensors.ts'
import { datatypeOf } from './datatypes.ts'
import { fromBinary, fromJson } from './elements.ts'
import type { GivenTensor } from './envelope.ts'

/** The runtime knows none of a higher rank; nor does a list in JSON need it. */
const MAX_RANK = 16
/** The largest dimension of a tensor without elements. */
const MAX_EMPTY = 10_000
/** What its other dimensions may span: a model that takes sums answers as much. */
const MAX_AROUND = 2 ** 24

const bad = (message: string): Fault => badRequest(message, 'bad_tensor')
const listed = (specs: readonly TensorSpec[]) => specs.map(spec => `"${spec.name}"`).join(', ')

/**
 * @returns the tensors, and how many rows they hold (1 where the model's first dimension does not count rows)
 * @throws Fault 400 an input that is unknown or missing, of another datatype or shape, or whose data does not fill its shape
 */
export function feedsOf(metadata: ModelMetadata, given: readonly GivenTensor[]): { feeds: Tensors; rows: number } {
  const { inputs, batched } = metadata
  const byName = new Map(inputs.map(spec => [spec.name, spec]))
  const feeds: Tensors = {}
  for (const [i, tensor] of given.entries()) {
    const spec = byName.get(tensor.name)
    if (!spec) throw bad(`inputs[${i}] is not an input of this model; it has ${listed(inputs)}.`)
    feeds[spec.name] = tensorOf(spec, tensor)
  }
  const missing = inputs.filter(spec => !Object.hasOwn(feeds, spec.name))
  if (missing.length > 0) throw bad(`These inputs are missing: ${listed(missing)}.`)
  if (!batched) return { feeds, rows: 1 }
  const rows = feeds[inputs[0]!.name]!.dims[0]!
  if (rows === 0) throw bad('The inputs hold no rows.')
  if (inputs.some(spec => feeds[spec.name]!.dims[0] !== rows))
    throw bad('The first dimension of every input must be the same: it counts the rows.')
  return { feeds, rows }
}

function tensorOf(spec: TensorSpec, { shape, datatype, data, bytes }: GivenTensor): Tensor {
  const { type } = spec
  const where = `The input "${spec.name}"`
  if (datatype !== datatypeOf(type)) throw bad(`${where} is of the datatype ${datatypeOf(type)}.`)
  if (!fits(shape, spec.dims))
    throw bad(`${where} has the shape ${declared(spec.dims)}; what was sent does not fit it.`)
  const length = volume(shape)
  // where a row has no elements, the body does not bound their number
  const around = length === 0 ? volume(shape.filter(dim => dim > 0)) : 0
  if (!Number.isSafeInteger(length) || around > MAX_AROUND || (around > 0 && shape.some(dim => dim > MAX_EMPTY)))
    throw bad(`${where}: its shape holds more than any body can.`)
  if (bytes) return { type, dims: shape, data: fromBinary(type, length, bytes, where) }
  if (type === 'float16' || type === 'bfloat16')
    throw bad(`${where}: ${datatype} has no form in JSON; send it as binary data.`)
  return { type, dims: shape, data: fromJson(type, flat(data, shape, length, where), where) }
}

/** A model that states no dimensions may take any: the runtime knows. */
function fits(shape: readonly number[], dims: TensorSpec['dims']): boolean {
  if (dims.length === 0) return shape.length <= MAX_RANK
  return shape.length === dims.length && dims.every((dim, i) => dim === null || dim === shape[i])
}

const declared = (dims: TensorSpec['dims']) => `[${dims.map(dim => dim ?? -1).join(', ')}]`

/** A flat list as it is, or nested ones flattened, of exactly this shape. */
function flat(data: unknown, shape: readonly number[], length: number, where: string): unknown[] {
  if (!Array.isArray(data)) throw bad(`${where}: data must be a list.`)
  if (!data.some(Array.isArray)) {
    if (data.length === length) return data
    throw bad(`${where}: its shape holds ${length} elements, and data does not.`)
  }
  const elements: unknown[] = []
  const misfit = () => bad(`${where}: data is neither flat nor nested as its shape says.`)
  const descend = (level: unknown, depth: number): void => {
    if (!Array.isArray(level) || level.length !== shape[depth]) throw misfit()
    if (depth === shape.length - 1) {
      if (level.some(Array.isArray)) throw misfit()
      for (const element of level) elements.push(element)
    } else for (const part of level) descend(part, depth + 1)
  }
  descend(data, 0)
  return elements
}
