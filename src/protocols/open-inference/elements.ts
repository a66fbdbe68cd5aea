/** Elements of tensors as JSON and as raw little-endian bytes, both ways. Text elements travel as a length (u32) and bytes. */
import type { ElementType } from '../../catalog/tensor.ts'
import { badRequest, type Fault } from '../../lib/fault.ts'
import { elementsOf } from '../../scoring/encode.ts'
import { allocate, type Tensor, type TensorData } from '../../scoring/tensors.ts'
import { datatypeOf, widthOf } from './datatypes.ts'

const SMALL_INTEGERS: Partial<Record<ElementType, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
}
const LARGE_INTEGERS: Partial<Record<ElementType, readonly [bigint, bigint]>> = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}

/**
 * JSON elements, row-major.
 * @param where the tensor, for messages
 * @throws Fault 400 an element that is not of the type; its place is told, never its value
 */
export function fromJson(type: ElementType, flat: readonly unknown[], where: string): TensorData {
  const refuse = (index: number, expected: string): Fault =>
    badRequest(`${where}, element ${index}: ${expected} is expected for ${datatypeOf(type)}.`, 'bad_tensor')
  const data = allocate(type, flat.length)
  if (type === 'string') {
    const target = data as string[]
    for (let i = 0; i < flat.length; i++) {
      const value = flat[i]
      if (typeof value !== 'string' || value.includes(NUL)) throw refuse(i, 'a string without NUL characters')
      if (!value.isWellFormed()) throw refuse(i, 'a string without lone surrogates')
      target[i] = value
    }
  } else if (type === 'bool') {
    const target = data as Uint8Array
    for (let i = 0; i < flat.length; i++) {
      const value = flat[i]
      if (typeof value !== 'boolean') throw refuse(i, 'true or false')
      target[i] = value ? 1 : 0
    }
  } else if (SMALL_INTEGERS[type]) {
    const [least, most] = SMALL_INTEGERS[type]
    const target = data as Int32Array
    for (let i = 0; i < flat.length; i++) {
      const value = flat[i] as number
      if (!Number.isInteger(value) || value < least || value > most)
        throw refuse(i, `an integer from ${least} to ${most}`)
      target[i] = value
    }
  } else if (LARGE_INTEGERS[type]) {
    const [least, most] = LARGE_INTEGERS[type]
    const target = data as BigInt64Array
    for (let i = 0; i < flat.length; i++) {
      const value = flat[i]
      if (typeof value !== 'bigint' && !Number.isInteger(value)) throw refuse(i, 'an integer')
      const integer = BigInt(value as number | bigint)
      if (integer < least || integer > most) throw refuse(i, `an integer from ${least} to ${most}`)
      target[i] = integer
    }
  } else {
    const target = elementsOf(type, data) as Float64Array
    for (let i = 0; i < flat.length; i++) {
      const given = flat[i]
      if (given === null) {
        target[i] = Number.NaN
        continue
      }
      const value = typeof given === 'bigint' ? Number(given) : given
      if (typeof value !== 'number') throw refuse(i, 'a number')
      target[i] = value
      if (!Number.isFinite(target[i])) throw refuse(i, 'a number within its range')
    }
  }
  return data
}

/**
 * `length` elements that fill `bytes`.
 * @throws Fault 400 too few or too many bytes, text that is not UTF-8 or holds a NUL, a BOOL that is neither 0 nor 1
 */
export function fromBinary(type: ElementType, length: number, bytes: Uint8Array, where: string): TensorData {
  if (type === 'string') return textsOf(length, bytes, where)
  if (bytes.length !== length * widthOf(type))
    throw badRequest(`${where}: its shape needs ${length * widthOf(type)} bytes of ${datatypeOf(type)}.`, 'bad_tensor')
  const data = allocate(type, length) as Uint8Array
  new Uint8Array(data.buffer).set(bytes)
  if (type === 'bool' && data.some(value => value > 1))
    throw badRequest(`${where}: a BOOL is a byte of 0 or 1.`, 'bad_tensor')
  return data
}

/** The runtime would cut a text off there. */
const NUL = '\0'
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textsOf(length: number, bytes: Uint8Array, where: string): string[] {
  const misfit = () => badRequest(`${where}: its bytes are not the BYTES elements that its shape says.`, 'bad_tensor')
  if (bytes.length < length * 4) throw misfit()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const texts = new Array<string>(length)
  let at = 0
  for (let i = 0; i < length; i++) {
    if (at + 4 > bytes.length) throw misfit()
    const end = at + 4 + view.getUint32(at, true)
    if (end > bytes.length) throw misfit()
    texts[i] = textOf(bytes.subarray(at + 4, end), i, where)
    at = end
  }
  if (at !== bytes.length) throw misfit()
  return texts
}

function textOf(bytes: Uint8Array, index: number, where: string): string {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw badRequest(`${where}, element ${index}: the model takes text, and this is not UTF-8.`, 'bad_tensor')
  }
  if (!text.includes(NUL)) return text
  throw badRequest(`${where}, element ${index}: text without NUL characters is expected.`, 'bad_tensor')
}

/** A tensor's elements as the text of a flat JSON list: integers exact, NaN and infinities as null. */
export function toJson({ type, data }: Tensor): string {
  if (Array.isArray(data)) return `[${data.map(text => JSON.stringify(text)).join(',')}]`
  if (type === 'bool') return `[${Array.from(data as Uint8Array, value => value !== 0).join(',')}]`
  const numbers = numbersOf(type, data)
  if (numbers === undefined) return `[${data.join(',')}]`
  for (let i = 0; i < numbers.length; i++)
    if (!Number.isFinite(numbers[i]))
      return `[${Array.from(numbers, value => (Number.isFinite(value) ? value : 'null')).join(',')}]`
  return `[${numbers.join(',')}]`
}

/** The numbers of a floating point type; undefined for others. */
function numbersOf(type: ElementType, data: Exclude<TensorData, string[]>) {
  switch (type) {
    case 'float32':
    case 'float64':
      return data as Float64Array
    case 'float16':
      return new Float16Array(data.buffer as ArrayBuffer, data.byteOffset, data.length)
    case 'bfloat16': // the upper half of a float32
      return new Float32Array(Uint32Array.from(data as Uint16Array, bits => bits << 16).buffer)
    default:
      return undefined
  }
}

/** A tensor's elements as raw little-endian bytes (a view, where they lie so already). */
export function toBinary({ data }: Tensor): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const lengths = data.map(text => Buffer.byteLength(text))
  const bytes = Buffer.alloc(lengths.reduce((sum, length) => sum + 4 + length, 0))
  let at = 0
  for (let i = 0; i < data.length; i++) {
    at = bytes.writeUInt32LE(lengths[i]!, at)
    at += bytes.write(data[i]!, at)
  }
  return bytes
}
