/**
 * Scoring's requests and answers as bytes. Each is the length of a head (4 bytes, little endian), the head (JSON), and the
 * tensors' elements as they lie in memory, each beginning at a multiple of 8. Text is in the head.
 */
import type { ElementType } from '../catalog/tensor.ts'
import type { Parts } from '../workers/pipe.ts'
import type { ScoreRequest } from './child.ts'
import { type TensorData, type Tensors, viewOf, volume } from './tensors.ts'

/** Name, type, dimensions, and the elements where they are text. */
type Spec =
  | [name: string, type: 'string', dims: number[], text: string[]]
  | [name: string, type: Exclude<ElementType, 'string'>, dims: number[]]

interface RequestHead {
  model: ScoreRequest['model']
  outputs?: readonly string[]
  feeds: Spec[]
}

export function packRequest({ model, feeds, outputs }: ScoreRequest): Parts {
  const { specs, parts } = packTensors(feeds)
  const head: RequestHead = { model: { sha256: model.sha256, path: model.path }, outputs, feeds: specs }
  return [...headOf(head), ...parts]
}

export function unpackRequest(payload: Uint8Array<ArrayBuffer>): ScoreRequest {
  const { head, at } = readHead<RequestHead>(payload)
  const { model, outputs, feeds } = head
  return { model, outputs, feeds: unpackTensors(feeds, payload, at) }
}

export function packTensorsAlone(tensors: Tensors): Parts {
  const { specs, parts } = packTensors(tensors)
  return [...headOf(specs), ...parts]
}

/** The tensors are views of the payload. */
export function unpackTensorsAlone(payload: Uint8Array<ArrayBuffer>): Tensors {
  const { head, at } = readHead<Spec[]>(payload)
  return unpackTensors(head, payload, at)
}

function packTensors(tensors: Tensors): { specs: Spec[]; parts: Uint8Array[] } {
  const specs: Spec[] = []
  const parts: Uint8Array[] = []
  for (const name in tensors) {
    const { type, dims, data } = tensors[name]!
    if (type === 'string') specs.push([name, type, dims, data as string[]])
    else {
      const elements = data as Exclude<TensorData, string[]>
      specs.push([name, type, dims])
      parts.push(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength))
      parts.push(...padding(elements.byteLength))
    }
  }
  return { specs, parts }
}

function unpackTensors(specs: readonly Spec[], payload: Uint8Array<ArrayBuffer>, from: number): Tensors {
  const tensors: Tensors = {}
  let at = payload.byteOffset + from
  for (const [name, type, dims, text] of specs) {
    if (type === 'string') {
      tensors[name] = { type, dims, data: text }
      continue
    }
    const data = viewOf(type, payload.buffer, at, volume(dims))
    at += aligned(data.byteLength)
    tensors[name] = { type, dims, data }
  }
  return tensors
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function headOf(head: unknown): Uint8Array[] {
  const text = encoder.encode(JSON.stringify(head))
  return [new Uint8Array(Uint32Array.of(text.length, 0).buffer), text, ...padding(text.length)]
}

function readHead<T>(payload: Uint8Array<ArrayBuffer>): { head: T; at: number } {
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true)
  const head = JSON.parse(decoder.decode(payload.subarray(8, 8 + length))) as T
  return { head, at: 8 + aligned(length) }
}

const aligned = (length: number) => (length + 7) & ~7
const NOTHING = new Uint8Array(8)
const padding = (length: number) => (length & 7 ? [NOTHING.subarray(length & 7)] : [])
