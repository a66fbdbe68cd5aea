/** Small models of the kinds that clients bring: every element type, text, scalars, fixed and missing batch dimensions, state. */
import { buildModel, type OnnxType, type ValueInfo } from '../../scoring/onnx-builder.ts'

/** ONNX's names beside the protocol's. */
export const DATATYPES = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float: 'FP32',
  double: 'FP64',
  string: 'BYTES',
} as const satisfies Partial<Record<OnnxType, string>>
const TYPES = Object.keys(DATATYPES) as (keyof typeof DATATYPES)[]

/** An input `i_<type>` [N, 2] and an output `o_<type>` for every element type: each comes back as it was. */
export const everyType = () =>
  buildModel({
    inputs: TYPES.map(type => ({ name: `i_${type}`, type, dims: ['N', 2] })),
    outputs: TYPES.map(type => ({ name: `o_${type}`, type, dims: ['N', 2] })),
    nodes: TYPES.map(type => ({ op: 'Identity', inputs: [`i_${type}`], outputs: [`o_${type}`] })),
  })

const unary = (op: string, input: Omit<ValueInfo, 'name'>) =>
  buildModel({
    inputs: [{ name: 'x', ...input }],
    outputs: [{ name: 'y', ...input }],
    nodes: [{ op, inputs: ['x'], outputs: ['y'] }],
  })

/** y = -x. */
export const negated = (type: OnnxType, dims: ValueInfo['dims']) => unary('Neg', { type, dims })

/** y = x. */
export const same = (type: OnnxType, dims: ValueInfo['dims']) => unary('Identity', { type, dims })

/** y = x + step, over [N, 2]. */
export const plus = (step: number) =>
  buildModel({
    inputs: [{ name: 'x', type: 'float', dims: ['N', 2] }],
    outputs: [{ name: 'y', type: 'float', dims: ['N', 2] }],
    initializers: [{ name: 'step', type: 'float', dims: [1], values: [step] }],
    nodes: [{ op: 'Add', inputs: ['x', 'step'], outputs: ['y'] }],
  })

/** A row's answer is its value less the mean of all rows in the call: [N, 1]. */
export const centred = () =>
  buildModel({
    inputs: [{ name: 'x', type: 'float', dims: ['N', 1] }],
    outputs: [{ name: 'y', type: 'float', dims: ['N', 1] }],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['x'],
        outputs: ['mean'],
        attributes: [
          { name: 'axes', ints: [0] },
          { name: 'keepdims', int: 1 },
        ],
      },
      { op: 'Sub', inputs: ['x', 'mean'], outputs: ['y'] },
    ],
  })

/** A step of a recurrent model: the state goes in and comes out, [1, 2] each; `y` is what it says of it, [1]. */
export const recurrent = () =>
  buildModel({
    inputs: [
      { name: 'x', type: 'float', dims: [1, 2] },
      { name: 'state', type: 'float', dims: [1, 2] },
    ],
    outputs: [
      { name: 'y', type: 'float', dims: [1] },
      { name: 'next_state', type: 'float', dims: [1, 2] },
    ],
    nodes: [
      { op: 'Add', inputs: ['x', 'state'], outputs: ['next_state'] },
      {
        op: 'ReduceSum',
        inputs: ['next_state'],
        outputs: ['sum'],
        attributes: [{ name: 'keepdims', int: 0 }],
      },
      { op: 'Reshape', inputs: ['sum', 'one'], outputs: ['y'] },
    ],
    initializers: [{ name: 'one', type: 'int64', dims: [1], values: [1] }],
  })

/** Two lists of open and different lengths, one after the other: no dimension counts rows. */
export const joined = () =>
  buildModel({
    inputs: [
      { name: 'a', type: 'double', dims: ['A'] },
      { name: 'b', type: 'double', dims: ['B'] },
    ],
    outputs: [{ name: 'c', type: 'double', dims: ['C'] }],
    nodes: [{ op: 'Concat', inputs: ['a', 'b'], outputs: ['c'], attributes: [{ name: 'axis', int: 0 }] }],
  })

/** Two scalar inputs of a row, [N, 1] each: y = a - b. */
export const difference = () =>
  buildModel({
    inputs: [
      { name: 'a', type: 'double', dims: ['N', 1] },
      { name: 'b', type: 'double', dims: ['N', 1] },
    ],
    outputs: [{ name: 'y', type: 'double', dims: ['N', 1] }],
    nodes: [{ op: 'Sub', inputs: ['a', 'b'], outputs: ['y'] }],
  })

/** y = 1 / x, [N]: infinite and NaN where asked for. */
export const inverse = () => unary('Reciprocal', { type: 'float', dims: ['N'] })
