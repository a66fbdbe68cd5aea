import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/**
 * What Callgate reads of an ONNX file itself (the rest is the runtime's business): nodes, the types of outputs, and
 * initializers of labels. Field numbers are those of onnx.proto3. Bytes are kept as views into the file.
 */
export interface OnnxModel {
  irVersion: number
  /** The graph's bytes inside the file. */
  graph: Uint8Array
  nodes: OnnxNode[]
  outputs: OnnxOutput[]
  initializers: Map<string, Uint8Array>
  /** Imported operator sets: domain ('' is the standard one) to version. */
  opsets: Map<string, number>
  /** Operators of the graph, of its subgraphs and of local functions. */
  operators: Set<string>
  /** Whether weights lie in other files. */
  externalData: boolean
}

export interface OnnxNode {
  bytes: Uint8Array
  opType: string
  domain: string
  inputs: string[]
  outputs: string[]
  /** Attribute name to its message's bytes. */
  attributes: Map<string, Uint8Array>
}

interface OnnxOutput {
  name: string
  kind: 'tensor' | 'sequence' | 'map' | 'other'
  /** Whether the file says how many dimensions a tensor has. */
  ranked: boolean
}

/** How deep subgraphs may nest before we call the file hostile. */
const MAX_GRAPH_DEPTH = 16
const EXTERNAL = 1

/** @throws RangeError, Error (from the wire reader) the bytes are not the protobuf message they should be */
export function readModel(bytes: Uint8Array): OnnxModel {
  const model: OnnxModel = {
    irVersion: 0,
    graph: new Uint8Array(),
    nodes: [],
    outputs: [],
    initializers: new Map(),
    opsets: new Map(),
    operators: new Set(),
    externalData: false,
  }
  let graphs = 0
  eachField(bytes, (field, reader, wire) => {
    if (field === 1 && wire === WireType.Varint) model.irVersion = Number(reader.int64())
    else if (wire !== WireType.LengthDelimited) return false
    else if (field === 7) {
      model.graph = reader.bytes()
      graphs++
    } else if (field === 8) readOpset(reader.bytes(), model.opsets)
    else if (field === 25) scanFunction(reader.bytes(), model)
    else return false
    return true
  })
  if (graphs !== 1) throw new Error('the file holds no graph')
  eachField(model.graph, (field, reader, wire) => {
    if (wire !== WireType.LengthDelimited) return false
    if (field === 1) {
      const node = readNode(reader.bytes())
      model.nodes.push(node)
      scanNode(node, model, 0)
    } else if (field === 5) {
      const tensor = reader.bytes()
      scanTensor(tensor, model)
      model.initializers.set(text(tensor, 8), tensor)
    } else if (field === 12) model.outputs.push(readOutput(reader.bytes()))
    else if (field === 15) scanSparse(reader.bytes(), model)
    else return false
    return true
  })
  if (model.nodes.length === 0 && model.outputs.length === 0) throw new Error('the graph is empty')
  return model
}

/** Calls `take` for every field; when it gives false, the field is skipped. */
export function eachField(
  bytes: Uint8Array,
  take: (field: number, reader: BinaryReader, wire: WireType) => boolean,
): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (!take(field, reader, wire)) reader.skip(wire, field)
  }
}

/** Every embedded message (or byte string) of one field. */
function eachMessage(bytes: Uint8Array, field: number, take: (message: Uint8Array) => void): void {
  eachField(bytes, (f, reader, wire) => {
    if (f !== field || wire !== WireType.LengthDelimited) return false
    take(reader.bytes())
    return true
  })
}

const decoder = new TextDecoder()

/** The last value of a string field, '' where it is absent. */
function text(bytes: Uint8Array, field: number): string {
  let value = ''
  eachMessage(bytes, field, message => {
    value = decoder.decode(message)
  })
  return value
}

function readOpset(bytes: Uint8Array, opsets: Map<string, number>): void {
  let version = 0
  eachField(bytes, (field, reader, wire) => {
    if (field !== 2 || wire !== WireType.Varint) return false
    version = Number(reader.int64())
    return true
  })
  opsets.set(domainOf(text(bytes, 1)), version)
}

const domainOf = (domain: string) => (domain === 'ai.onnx' ? '' : domain)

function readNode(bytes: Uint8Array): OnnxNode {
  const node: OnnxNode = { bytes, opType: '', domain: '', inputs: [], outputs: [], attributes: new Map() }
  eachField(bytes, (field, reader, wire) => {
    if (wire !== WireType.LengthDelimited) return false
    if (field === 1) node.inputs.push(decoder.decode(reader.bytes()))
    else if (field === 2) node.outputs.push(decoder.decode(reader.bytes()))
    else if (field === 4) node.opType = decoder.decode(reader.bytes())
    else if (field === 7) node.domain = domainOf(decoder.decode(reader.bytes()))
    else if (field === 5) {
      const attribute = reader.bytes()
      node.attributes.set(text(attribute, 1), attribute)
    } else return false
    return true
  })
  return node
}

/** Notes the operator and looks into the node's tensors and subgraphs. */
function scanNode(node: OnnxNode, model: OnnxModel, depth: number): void {
  if (depth > MAX_GRAPH_DEPTH) throw new Error('subgraphs nest too deeply')
  model.operators.add(node.opType)
  for (const attribute of node.attributes.values()) scanAttribute(attribute, model, depth)
}

function scanAttribute(attribute: Uint8Array, model: OnnxModel, depth: number): void {
  eachField(attribute, (field, reader, wire) => {
    if (wire !== WireType.LengthDelimited) return false
    if (field === 5 || field === 10) scanTensor(reader.bytes(), model)
    else if (field === 6 || field === 11) scanGraph(reader.bytes(), model, depth + 1)
    else if (field === 22 || field === 23) scanSparse(reader.bytes(), model)
    else return false
    return true
  })
}

/** A function's nodes, and the attributes that it has where who calls it gives none. */
function scanFunction(bytes: Uint8Array, model: OnnxModel): void {
  eachMessage(bytes, 7, node => scanNode(readNode(node), model, 1))
  eachMessage(bytes, 11, attribute => scanAttribute(attribute, model, 1))
}

function scanGraph(graph: Uint8Array, model: OnnxModel, depth: number): void {
  eachField(graph, (field, reader, wire) => {
    if (wire !== WireType.LengthDelimited) return false
    if (field === 1) scanNode(readNode(reader.bytes()), model, depth)
    else if (field === 5) scanTensor(reader.bytes(), model)
    else if (field === 15) scanSparse(reader.bytes(), model)
    else return false
    return true
  })
}

function scanTensor(tensor: Uint8Array, model: OnnxModel): void {
  eachField(tensor, (field, reader, wire) => {
    if (field === 14 && wire === WireType.Varint) {
      if (reader.int32() === EXTERNAL) model.externalData = true
    } else if (field === 13 && wire === WireType.LengthDelimited) {
      reader.bytes()
      model.externalData = true
    } else return false
    return true
  })
}

function scanSparse(sparse: Uint8Array, model: OnnxModel): void {
  eachMessage(sparse, 1, values => scanTensor(values, model))
  eachMessage(sparse, 2, indices => scanTensor(indices, model))
}

function readOutput(bytes: Uint8Array): OnnxOutput {
  const output: OnnxOutput = { name: text(bytes, 1), kind: 'other', ranked: false }
  eachMessage(bytes, 2, type =>
    eachField(type, (field, reader, wire) => {
      if (wire !== WireType.LengthDelimited) return false
      const body = reader.bytes()
      if (field === 1) {
        output.kind = 'tensor'
        eachMessage(body, 2, () => {
          output.ranked = true
        })
      } else if (field === 4) output.kind = 'sequence'
      else if (field === 5) output.kind = 'map'
      return true
    }),
  )
  return output
}
