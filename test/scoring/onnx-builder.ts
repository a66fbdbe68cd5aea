import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** Writes small ONNX files for tests. Element types by their ONNX numbers. */
const ONNX = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const
export type OnnxType = keyof typeof ONNX
interface Attribute {
  name: string
  int?: number
  ints?: number[]
  string?: string
  strings?: string[]
  floats?: number[]
  /** a branch, or a loop's body: what it takes else is the graph's around it */
  graph?: { nodes: NodeInfo[]; inputs?: ValueInfo[]; outputs: ValueInfo[] }
}

export interface ValueInfo {
  name: string
  type: OnnxType
  /** A number, a symbol, or '' for an unnamed open dimension; undefined: the rank is not stated. */
  dims?: (number | string)[]
}
export interface NodeInfo {
  op: string
  domain?: string
  inputs: string[]
  outputs: string[]
  attributes?: Attribute[]
}
interface Initializer {
  name: string
  type: 'int64' | 'float' | 'string'
  dims: number[]
  values: (number | string)[]
  external?: boolean
}

const text = new TextEncoder()
const message = (write: (writer: BinaryWriter) => void) => {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}
const put = (writer: BinaryWriter, field: number, body: Uint8Array | string) =>
  writer.tag(field, WireType.LengthDelimited).bytes(typeof body === 'string' ? text.encode(body) : body)
const int = (writer: BinaryWriter, field: number, value: number) => writer.tag(field, WireType.Varint).int64(value)

export function buildModel(graph: {
  inputs: ValueInfo[]
  outputs: ValueInfo[]
  nodes: NodeInfo[]
  initializers?: Initializer[]
  /** what the attribute of a function is where its caller gives none */
  byDefault?: Initializer
  /** of the standard operators; 17 where it does not say */
  opset?: number
}): Uint8Array {
  return message(model => {
    int(model, 1, 8)
    put(
      model,
      7,
      message(g => {
        for (const node of graph.nodes) put(g, 1, nodeProto(node))
        put(g, 2, 'test')
        for (const one of graph.initializers ?? []) put(g, 5, tensorProto(one))
        for (const one of graph.inputs) put(g, 11, valueInfo(one))
        for (const one of graph.outputs) put(g, 12, valueInfo(one))
      }),
    )
    if (graph.byDefault) put(model, 25, functionProto(graph.byDefault))
    for (const [domain, version] of [
      ['', graph.opset ?? 17],
      ['ai.onnx.ml', 3],
    ] as const)
      put(
        model,
        8,
        message(opset => {
          put(opset, 1, domain)
          int(opset, 2, version)
        }),
      )
  })
}

const nodeProto = (node: NodeInfo) =>
  message(w => {
    for (const name of node.inputs) put(w, 1, name)
    for (const name of node.outputs) put(w, 2, name)
    put(w, 4, node.op)
    for (const attribute of node.attributes ?? []) put(w, 5, attributeProto(attribute))
    if (node.domain) put(w, 7, node.domain)
  })

const attributeProto = ({ name, int: single, ints, string, strings, floats, graph }: Attribute) =>
  message(w => {
    put(w, 1, name)
    if (single !== undefined) int(w, 3, single)
    if (string !== undefined) put(w, 4, string)
    if (graph) put(w, 6, branch(graph))
    for (const value of floats ?? []) w.tag(7, WireType.Bit32).float(value)
    for (const value of ints ?? []) int(w, 8, value)
    for (const value of strings ?? []) put(w, 9, value)
    int(w, 20, graph ? 5 : single !== undefined ? 2 : string !== undefined ? 3 : ints ? 7 : strings ? 8 : 6)
  })

const functionProto = (byDefault: Initializer) =>
  message(w => {
    put(w, 1, 'F')
    put(w, 10, 'local')
    put(
      w,
      11,
      message(attribute => {
        put(attribute, 1, 'v')
        put(attribute, 5, tensorProto(byDefault))
        int(attribute, 20, 4)
      }),
    )
  })

const branch = ({ nodes, inputs = [], outputs }: NonNullable<Attribute['graph']>) =>
  message(g => {
    for (const node of nodes) put(g, 1, nodeProto(node))
    put(g, 2, 'branch')
    for (const one of inputs) put(g, 11, valueInfo(one))
    for (const one of outputs) put(g, 12, valueInfo(one))
  })

const tensorProto = ({ name, type, dims, values, external }: Initializer) =>
  message(w => {
    for (const dim of dims) int(w, 1, dim)
    int(w, 2, ONNX[type])
    if (!external)
      for (const value of values) {
        if (type === 'int64') int(w, 7, value as number)
        else if (type === 'float') w.tag(4, WireType.Bit32).float(value as number)
        else put(w, 6, value as string)
      }
    put(w, 8, name)
    if (external) {
      put(
        w,
        13,
        message(entry => {
          put(entry, 1, 'location')
          put(entry, 2, 'weights.bin')
        }),
      )
      int(w, 14, 1)
    }
  })

const valueInfo = ({ name, type, dims }: ValueInfo) =>
  message(w => {
    put(w, 1, name)
    put(
      w,
      2,
      message(t =>
        put(
          t,
          1,
          message(tensor => {
            int(tensor, 1, ONNX[type])
            if (dims)
              put(
                tensor,
                2,
                message(shape => {
                  for (const dim of dims)
                    put(
                      shape,
                      1,
                      message(d => {
                        if (typeof dim === 'number') int(d, 1, dim)
                        else if (dim) put(d, 2, dim)
                      }),
                    )
                }),
              )
          }),
        ),
      ),
    )
  })

/** A model that takes about half a second: x [1] spread over a square matrix that is multiplied with itself again and again. */
export const slowModel = (size = 900, times = 48) =>
  buildModel({
    inputs: [{ name: 'x', type: 'float', dims: [1] }],
    outputs: [{ name: 'y', type: 'float', dims: [1] }],
    initializers: [
      { name: 'square', type: 'int64', dims: [2], values: [size, size] },
      { name: 'small', type: 'float', dims: [1], values: [1 / size] },
      { name: 'one', type: 'int64', dims: [1], values: [1] },
    ],
    nodes: [
      { op: 'Expand', inputs: ['x', 'square'], outputs: ['m0'] },
      ...Array.from({ length: times }, (_, i) => [
        { op: 'MatMul', inputs: [`m${i}`, `m${i}`], outputs: [`p${i}`] },
        { op: 'Mul', inputs: [`p${i}`, 'small'], outputs: [`m${i + 1}`] },
      ]).flat(),
      { op: 'ReduceMean', inputs: [`m${times}`], outputs: ['mean'], attributes: [{ name: 'keepdims', int: 0 }] },
      { op: 'Reshape', inputs: ['mean', 'one'], outputs: ['y'] },
    ],
  })

/** y = x + 1 over [N, 2]: rows stack and do not influence one another. */
export const plusOne = () =>
  buildModel({
    inputs: [{ name: 'x', type: 'float', dims: ['N', 2] }],
    outputs: [{ name: 'y', type: 'float', dims: ['N', 2] }],
    initializers: [{ name: 'one', type: 'float', dims: [1], values: [1] }],
    nodes: [{ op: 'Add', inputs: ['x', 'one'], outputs: ['y'] }],
  })
