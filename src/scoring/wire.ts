/**
 * Scoring's requests and answers as bytes. Each is a head and what it tells of: tensors' elements as they lie in memory, each
 * beginning at a multiple of 8 (text is in the head), or bodies one after the other.
 */
import type { ElementType } from '../catalog/tensor.ts'
import { revive, type SentError } from '../workers/frames.ts'
import { aligned, cut, headOf, padding, readHead } from '../workers/heads.ts'
import type { Parts } from '../workers/pipe.ts'
import { type TensorData, type Tensors, viewOf, volume } from './tensors.ts'

export interface ChildInit {
  /** Threads inside one inference. */
  threads: number
  /** Rows in one run. */
  maxBatchRows?: number
}

export interface LoadRequest {
  sha256: string
  path: string
}

/** A recipe (`answer.ts`) as it is sent: who has compiled it knows it by its id. */
export interface SentRecipe {
  id: number
  text: Uint8Array
}

/** Name, type, dimensions, and the elements where they are text. */
export type Spec =
  | [name: string, type: 'string', dims: number[], text: string[]]
  | [name: string, type: Exclude<ElementType, 'string'>, dims: number[]]

type RequestHead =
  | { model: LoadRequest; outputs?: readonly string[]; feeds: Spec[]; recipe?: undefined }
  | { model: LoadRequest; recipe: number; lengths: number[]; feeds?: undefined }
  | { model: LoadRequest; recipe: number; feeds: Spec[]; counts: number[]; length: number }

type ScoreRequest =
  | { model: LoadRequest; outputs?: readonly string[]; feeds: Tensors; recipe?: undefined }
  | { model: LoadRequest; recipe: SentRecipe; bodies: Uint8Array[]; feeds?: undefined }
  | { model: LoadRequest; recipe: SentRecipe; feeds: Tensors; counts: number[] }

export function packFeeds(model: LoadRequest, tensors: Tensors, outputs?: readonly string[]): Parts {
  const { specs, parts } = packed(tensors)
  return [...headOf({ model: fileOf(model), outputs, feeds: specs } satisfies RequestHead), ...parts]
}

/** @param bodies what `answer.ts` makes answers of, by this recipe */
export function packBodies(model: LoadRequest, recipe: SentRecipe, bodies: readonly Uint8Array[]): Parts {
  const lengths = [recipe.text.length, ...bodies.map(body => body.length)]
  return [...headOf({ model: fileOf(model), recipe: recipe.id, lengths } satisfies RequestHead), recipe.text, ...bodies]
}

/** @param counts how many of the rows each answer is for */
export function packRows(model: LoadRequest, recipe: SentRecipe, tensors: Tensors, counts: readonly number[]): Parts {
  const { specs, parts } = packed(tensors)
  const { id, text } = recipe
  const head = { model: fileOf(model), recipe: id, feeds: specs, counts: [...counts], length: text.length }
  return [...headOf(head satisfies RequestHead), text, ...padding(text.length), ...parts]
}

const fileOf = ({ sha256, path }: LoadRequest): LoadRequest => ({ sha256, path })

export function unpackRequest(payload: Uint8Array<ArrayBuffer>): ScoreRequest {
  const { head, at } = readHead<RequestHead>(payload)
  if (head.recipe === undefined)
    return { model: head.model, outputs: head.outputs, feeds: unpacked(head.feeds, payload, at) }
  if (head.feeds) {
    const { model, recipe: id, counts, length } = head
    const text = payload.subarray(at, at + length)
    return { model, recipe: { id, text }, feeds: unpacked(head.feeds, payload, at + aligned(length)), counts }
  }
  const [text, ...bodies] = cut(payload, at, head.lengths)
  return { model: head.model, recipe: { id: head.recipe, text: text! }, bodies }
}

export function packTensors(tensors: Tensors): Parts {
  const { specs, parts } = packed(tensors)
  return [...headOf(specs), ...parts]
}

/** They are views of the payload. */
export function unpackTensors(payload: Uint8Array<ArrayBuffer>): Tensors {
  const { head, at } = readHead<Spec[]>(payload)
  return unpacked(head, payload, at)
}

/** What came of each request: its answer's text, or why there is none. */
export function packAnswers(answers: readonly (string | SentError)[]): Parts {
  const texts = answers.map(one => (typeof one === 'string' ? one : JSON.stringify(one)))
  // characters, of which a text has as many after it was encoded and decoded; below zero: why there is no answer
  const lengths = texts.map((text, i) => (typeof answers[i] === 'string' ? text.length : -text.length))
  return [...headOf(lengths), encoder.encode(texts.join(''))]
}

export function unpackAnswers(payload: Uint8Array<ArrayBuffer>): (string | Error)[] {
  const { head, at } = readHead<number[]>(payload)
  const texts = decoder.decode(payload.subarray(at))
  let from = 0
  return head.map(length => {
    const to = from + Math.abs(length)
    const text = texts.slice(from, to)
    from = to
    return length < 0 ? revive(JSON.parse(text)) : text
  })
}

export function packed(tensors: Tensors): { specs: Spec[]; parts: Uint8Array[] } {
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

export function unpacked(specs: readonly Spec[], payload: Uint8Array<ArrayBuffer>, from: number): Tensors {
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
