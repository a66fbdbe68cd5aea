import type { ElementType } from '../catalog/tensor.ts'

/** Element data as it travels: float16 and bfloat16 as their bits, bool as 0 and 1, text as an array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[]

export interface Tensor {
  type: ElementType
  dims: number[]
  /** Row-major; its length is the product of `dims`. */
  data: TensorData
}

/** Name to tensor: what goes into a model or comes out of it. */
export type Tensors = Record<string, Tensor>

const ARRAYS = {
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const

/** Zeroed storage for `length` elements. */
export function allocate(type: ElementType, length: number): TensorData {
  return type === 'string' ? new Array<string>(length).fill('') : new ARRAYS[type](length)
}

/** Elements as they lie in a buffer, from a multiple of their size on. */
export function viewOf(type: Exclude<ElementType, 'string'>, buffer: ArrayBuffer, offset: number, length: number) {
  return new ARRAYS[type](buffer, offset, length)
}

/** How many elements these dimensions hold. */
export function volume(dims: readonly number[]): number {
  let product = 1
  for (const dim of dims) product *= dim
  return product
}

/** Rows [from, to) along axis 0, as a copy that owns its memory. */
export function sliceRows(tensor: Tensor, from: number, to: number): Tensor {
  const { type, dims, data } = tensor
  const width = dims[0] ? data.length / dims[0] : 0
  return { type, dims: [to - from, ...dims.slice(1)], data: data.slice(from * width, to * width) as TensorData }
}

/** Joins tensors of equal type and trailing dimensions along axis 0. */
export function concatRows(tensors: readonly Tensor[]): Tensor {
  const { type, dims } = tensors[0]!
  let rows = 0
  let length = 0
  for (const tensor of tensors) {
    rows += tensor.dims[0]!
    length += tensor.data.length
  }
  const data = allocate(type, length)
  let at = 0
  for (const tensor of tensors) {
    if (Array.isArray(data)) for (let i = 0; i < tensor.data.length; i++) data[at + i] = tensor.data[i] as string
    else data.set(tensor.data as never, at)
    at += tensor.data.length
  }
  return { type, dims: [rows, ...dims.slice(1)], data }
}

export const elementsIn = (tensors: Tensors): number =>
  Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0)

/** Roughly how much memory a set of tensors takes. */
export function bytesOf(tensors: Tensors): number {
  let bytes = 0
  for (const name in tensors) {
    const { data } = tensors[name]!
    if (Array.isArray(data)) for (const text of data) bytes += 16 + text.length * 2
    else bytes += data.byteLength
  }
  return bytes
}
