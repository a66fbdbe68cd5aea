import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { attributeString } from './attributes.ts'
import { eachField, type OnnxModel, type OnnxNode } from './read.ts'

const isZipMap = (node: OnnxNode) => node.opType === 'ZipMap' && node.domain === 'ai.onnx.ml'

/** Which graph outputs come straight from a ZipMap. */
export function zipMapOutputs(model: OnnxModel): Set<string> {
  const made = new Set(model.nodes.filter(isZipMap).flatMap(node => node.outputs))
  return new Set(model.outputs.map(output => output.name).filter(name => made.has(name)))
}

/** What the runtime takes where a file says nothing. Few machines have it installed, and no container does. */
const USUAL_LOCALE = /^(en_US(\.utf-?8)?)?$/i
/** Each machine has it, and the cases of all of Unicode are those of the other. */
const EVERYWHERE = 'C.UTF-8'

/** Changes the case of texts, as each text model of scikit-learn does, by the usual locale. */
const isLocalized = (node: OnnxNode) =>
  node.opType === 'StringNormalizer' &&
  node.domain === '' &&
  USUAL_LOCALE.test(attributeString(node.attributes.get('locale')) ?? '')

/** Whether the runtime cannot be given the file as it is. */
export const needsRewriting = (model: OnnxModel): boolean =>
  zipMapOutputs(model).size > 0 || model.nodes.some(isLocalized)

/**
 * The same model with every ZipMap turned into Identity, so that its output is the tensor [N, C] which went into it (Node.js
 * bindings of the runtime know tensors only), and the usual locale into one that is everywhere. All other bytes are copied as they
 * are.
 */
export function runnable(bytes: Uint8Array, model: OnnxModel): Uint8Array {
  const zipMaps = new Map(model.nodes.filter(isZipMap).map(node => [node.outputs[0] ?? '', node]))
  const byOffset = new Map([
    ...[...zipMaps.values()].map(node => [node.bytes.byteOffset, identity(node)] as const),
    ...model.nodes.filter(isLocalized).map(node => [node.bytes.byteOffset, localized(node)] as const),
  ])
  const writer = new BinaryWriter()
  copyFields(bytes, writer, (field, body) => (field === 7 ? rewriteGraph(body, zipMaps, byOffset) : body))
  // Identity is of the standard operator set, which a file of classical operators alone may not import
  if (zipMaps.size > 0 && !model.opsets.has('')) {
    const version = model.irVersion >= 7 ? 13 : 9
    writer.tag(8, WireType.LengthDelimited).bytes(new BinaryWriter().tag(2, WireType.Varint).int64(version).finish())
  }
  return writer.finish()
}

function rewriteGraph(
  graph: Uint8Array,
  zipMaps: Map<string, OnnxNode>,
  byOffset: Map<number, Uint8Array>,
): Uint8Array {
  const writer = new BinaryWriter()
  copyFields(graph, writer, (field, body) => {
    if (field === 1) return byOffset.get(body.byteOffset) ?? body
    if (field !== 12 && field !== 13) return body
    const name = firstString(body)
    if (name === undefined || !zipMaps.has(name)) return body
    return field === 12 ? untyped(name) : undefined // 13: a noted type of the old output, no longer true
  })
  return writer.finish()
}

/** Copies fields byte for byte; those with a length pass through `change`, which gives undefined to leave one out. */
function copyFields(
  bytes: Uint8Array,
  writer: BinaryWriter,
  change: (field: number, body: Uint8Array) => Uint8Array | undefined,
): void {
  eachField(bytes, (field, reader, wire) => {
    if (wire === WireType.LengthDelimited) {
      const body = change(field, reader.bytes())
      if (body) writer.tag(field, wire).bytes(body)
    } else writer.tag(field, wire).raw(reader.skip(wire, field))
    return true
  })
}

function identity(zipMap: OnnxNode): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.LengthDelimited).string(zipMap.inputs[0] ?? '')
  writer.tag(2, WireType.LengthDelimited).string(zipMap.outputs[0] ?? '')
  return writer.tag(4, WireType.LengthDelimited).string('Identity').finish()
}

function localized({ bytes }: OnnxNode): Uint8Array {
  const writer = new BinaryWriter()
  copyFields(bytes, writer, (field, body) => (field === 5 && firstString(body) === 'locale' ? undefined : body))
  const attribute = new BinaryWriter()
  attribute.tag(1, WireType.LengthDelimited).string('locale')
  attribute.tag(4, WireType.LengthDelimited).string(EVERYWHERE)
  attribute.tag(20, WireType.Varint).int32(STRING)
  return writer.tag(5, WireType.LengthDelimited).bytes(attribute.finish()).finish()
}
/** AttributeProto's type of a single text. */
const STRING = 3

/**
 * ValueInfoProto of the name alone, so that the runtime finds the type itself: what the file says of the maps' values may be
 * another one (skl2onnx writes double for models that took doubles, whatever their probabilities are).
 */
const untyped = (name: string): Uint8Array => new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish()

function firstString(message: Uint8Array): string | undefined {
  let name: string | undefined
  eachField(message, (field, reader, wire) => {
    if (field !== 1 || wire !== WireType.LengthDelimited) return false
    name = new TextDecoder().decode(reader.bytes())
    return true
  })
  return name
}
