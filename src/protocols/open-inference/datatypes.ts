import type { ElementType } from '../../catalog/tensor.ts'

/** The protocol's names for element types, Triton's for its configuration, and the bytes of one element in a binary tensor. */
const TYPES: Record<ElementType, readonly [datatype: string, configured: string, bytes: number]> = {
  bool: ['BOOL', 'TYPE_BOOL', 1],
  uint8: ['UINT8', 'TYPE_UINT8', 1],
  uint16: ['UINT16', 'TYPE_UINT16', 2],
  uint32: ['UINT32', 'TYPE_UINT32', 4],
  uint64: ['UINT64', 'TYPE_UINT64', 8],
  int8: ['INT8', 'TYPE_INT8', 1],
  int16: ['INT16', 'TYPE_INT16', 2],
  int32: ['INT32', 'TYPE_INT32', 4],
  int64: ['INT64', 'TYPE_INT64', 8],
  float16: ['FP16', 'TYPE_FP16', 2],
  bfloat16: ['BF16', 'TYPE_BF16', 2],
  float32: ['FP32', 'TYPE_FP32', 4],
  float64: ['FP64', 'TYPE_FP64', 8],
  string: ['BYTES', 'TYPE_STRING', 0],
}

export const datatypeOf = (type: ElementType): string => TYPES[type][0]

export const configuredTypeOf = (type: ElementType): string => TYPES[type][1]

/** Bytes of one element; 0: each element says its own. */
export const widthOf = (type: ElementType): number => TYPES[type][2]
