import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { eachField } from './read.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })
const INT32 = 6
const INT64 = 7
const STRING = 8

/** The strings of an attribute (field 9 of AttributeProto). @throws TypeError not UTF-8 */
export function attributeStrings(attribute: Uint8Array | undefined): string[] {
  const values: string[] = []
  if (attribute)
    eachField(attribute, (field, reader, wire) => {
      if (field !== 9 || wire !== WireType.LengthDelimited) return false
      values.push(decoder.decode(reader.bytes()))
      return true
    })
  return values
}

/** The single text of an attribute (field 4); undefined where there is none. @throws TypeError not UTF-8 */
export function attributeString(attribute: Uint8Array | undefined): string | undefined {
  let value: string | undefined
  if (attribute)
    eachField(attribute, (field, reader, wire) => {
      if (field !== 4 || wire !== WireType.LengthDelimited) return false
      value = decoder.decode(reader.bytes())
      return true
    })
  return value
}

/** The integers of an attribute (field 8, packed or not) as decimal strings, exact over 64 bits. */
export const attributeIntegers = (attribute: Uint8Array | undefined) => integers(attribute, 8)

/** The single integer of an attribute (field 3); undefined where there is none. */
export const attributeInteger = (attribute: Uint8Array | undefined) => integers(attribute, 3).at(-1)

/** The dimensions of an initializer (field 1 of TensorProto). */
export const tensorDims = (tensor: Uint8Array) => integers(tensor, 1)

/** The values of a one-dimensional initializer of text or integers as strings; undefined for any other. */
export function tensorLabels(tensor: Uint8Array): string[] | undefined {
  let type = 0
  let dims = 0
  let raw: Uint8Array | undefined
  const strings: string[] = []
  eachField(tensor, (field, reader, wire) => {
    if (field === 2 && wire === WireType.Varint) type = reader.int32()
    else if (field === 1 && wire === WireType.Varint) {
      reader.int64()
      dims++
    } else if (field === 1 && wire === WireType.LengthDelimited) dims += packed(reader.bytes()).length
    else if (field === 6 && wire === WireType.LengthDelimited) strings.push(decoder.decode(reader.bytes()))
    else if (field === 9 && wire === WireType.LengthDelimited) raw = reader.bytes()
    else return false
    return true
  })
  if (dims !== 1) return undefined
  if (type === STRING) return strings
  if (type === INT64) return raw?.length ? rawIntegers(raw, 8) : integers(tensor, 7)
  if (type === INT32) return raw?.length ? rawIntegers(raw, 4) : integers(tensor, 5)
  return undefined
}

function integers(message: Uint8Array | undefined, wanted: number): string[] {
  const values: string[] = []
  if (message)
    eachField(message, (field, reader, wire) => {
      if (field !== wanted) return false
      if (wire === WireType.Varint) values.push(reader.int64().toString())
      else if (wire === WireType.LengthDelimited) for (const value of packed(reader.bytes())) values.push(value)
      else return false
      return true
    })
  return values
}

function packed(bytes: Uint8Array): string[] {
  const reader = new BinaryReader(bytes)
  const values: string[] = []
  while (reader.pos < reader.len) values.push(reader.int64().toString())
  return values
}

function rawIntegers(raw: Uint8Array, width: 4 | 8): string[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const values: string[] = []
  for (let at = 0; at + width <= raw.byteLength; at += width)
    values.push(String(width === 8 ? view.getBigInt64(at, true) : view.getInt32(at, true)))
  return values
}
