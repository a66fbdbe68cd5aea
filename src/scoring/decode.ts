import type { ElementType } from '../catalog/tensor.ts'
import { Fault } from '../lib/fault.ts'
import type { Tensor, TensorData } from './tensors.ts'

/**
 * One value for each row of a tensor: a scalar where a row has one element, else a (nested) list. NaN and infinities are
 * null; 64-bit integers are numbers where those are exact, else bigint; bool is true or false.
 * @param axis whether the tensor's first dimension counts rows; else it is one row's as a whole
 * @param single whether one element is a scalar; else it is in as many lists as the tensor has dimensions
 * @throws Fault 422 `model_refused` it has another number of rows: what the model answers is not about each of these
 */
export function rowValues(tensor: Tensor, count: number, axis: boolean, single = true): unknown[] {
  const dims = axis ? tensor.dims.slice(1) : tensor.dims
  const { type } = tensor
  const data = readable(type, tensor.data)
  const width = data.length / count
  if (!Number.isInteger(width) || (axis && tensor.dims[0] !== count))
    throw new Fault(
      422,
      'model_refused',
      'The model did not give one answer for each row; its tensors can be had by the Open Inference Protocol.',
    )
  const values = new Array<unknown>(count)
  if (width === 1 && single) for (let r = 0; r < count; r++) values[r] = value(type, data[r]!)
  else for (let r = 0; r < count; r++) values[r] = list(type, data, dims, 0, r * width, width)
  return values
}

/** The elements of row `row` of a [rows, columns] tensor under their labels. */
export function labelled(tensor: Tensor, row: number, labels: readonly string[]): Record<string, number> {
  const data = readable(tensor.type, tensor.data)
  const columns = labels.length
  const shares: Record<string, number> = {}
  for (let c = 0; c < columns; c++) {
    const share = value(tensor.type, data[row * columns + c]!) as number
    const label = labels[c]!
    if (label === '__proto__')
      Object.defineProperty(shares, label, { value: share, enumerable: true, configurable: true, writable: true })
    else shares[label] = share
  }
  return shares
}

type Elements = Exclude<TensorData, string[]> | string[] | Float16Array

function readable(type: ElementType, data: TensorData): Elements {
  if (type !== 'float16' || Array.isArray(data)) return data
  return new Float16Array(data.buffer as ArrayBuffer, data.byteOffset, data.length)
}

function value(type: ElementType, element: number | bigint | string): unknown {
  if (typeof element === 'number') {
    if (type === 'bool') return element !== 0
    return element - element === 0 ? element : null
  }
  if (typeof element === 'bigint') {
    const number = Number(element)
    return Number.isSafeInteger(number) ? number : element
  }
  return element
}

function list(
  type: ElementType,
  data: Elements,
  dims: readonly number[],
  depth: number,
  at: number,
  width: number,
): unknown {
  if (depth === dims.length) return value(type, data[at]!)
  const length = dims[depth]!
  const step = length === 0 ? 0 : width / length
  const values = new Array<unknown>(length)
  for (let i = 0; i < length; i++) values[i] = list(type, data, dims, depth + 1, at + i * step, step)
  return values
}
