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
  | { model: LoadRequest; outputs?: readonly string[]; feeds: Spec[]; runs: number; recipe?: undefined }
  | { model: LoadRequest; recipe: number; lengths: number[]; feeds?: undefined }
  | { model: LoadRequest; recipe: number; feeds: Spec[]; counts: number[]; length: number }

type ScoreRequest =
  | { model: LoadRequest; outputs?: readonly string[]; runs: Tensors[]; recipe?: undefined }
  | { model: LoadRequest; recipe: SentRecipe; bodies: Uint8Array[]; feeds?: undefined }
  | { model: LoadRequest; recipe: SentRecipe; feeds: Tensors; counts: number[] }

/** @param runs what each run takes: one, or as many as are to be scored one after the other */
export function packFeeds(model: LoadRequest, runs: readonly Tensors[], outputs?: readonly string[]): Parts {
  const { specs, parts } = packed(runs)
  const head = { model: fileOf(model), outputs, feeds: specs, runs: runs.length } satisfies RequestHead
  return [...headOf(head), ...parts]
}

/** @param bodies what `answer.ts` makes answers of, by this recipe */
export function packBodies(model: LoadRequest, recipe: SentRecipe, bodies: readonly Uint8Array[]): Parts {
  const lengths = [recipe.text.length, ...bodies.map(body => body.length)]
  return [...headOf({ model: fileOf(model), recipe: recipe.id, lengths } satisfies RequestHead), recipe.text, ...bodies]
}

/** @param counts how many of the rows each answer is for */
export function packRows(model: LoadRequest, recipe: SentRecipe, tensors: Tensors, counts: readonly number[]): Parts {
  const { specs, parts } = packed([tensors])
  const { id, text } = recipe
  const head = { model: fileOf(model), recipe: id, feeds: specs, counts: [...counts], length: text.length }
  return [...headOf(head satisfies RequestHead), text, ...padding(text.length), ...parts]
}

const fileOf = ({ sha256, path }: LoadRequest): LoadRequest => ({ sha256, path })

export function unpackRequest(payload: Uint8Array<ArrayBuffer>): ScoreRequest {
  const { head, at } = readHead<RequestHead>(payload)
  if (head.recipe === undefined)
    return { model: head.model, outputs: head.outputs, runs: unpackedSets(head.feeds, head.runs, payload, at) }
  if (head.feeds) {
    const { model, recipe: id, counts, length } = head
    const text = payload.subarray(at, at + length)
    return { model, recipe: { id, text }, feeds: unpacked(head.feeds, payload, at + aligned(length)), counts }
  }
  const [text, ...bodies] = cut(payload, at, head.lengths)
  return { model: head.model, recipe: { id: head.recipe, text: text! }, bodies }
}

/** @param sets of as many tensors each */
export function packTensors(sets: readonly Tensors[]): Parts {
  const { specs, parts } = packed(sets)
  return [...headOf(specs), ...parts]
}

/** They are views of the payload. @param sets how many were packed */
export function unpackTensors(payload: Uint8Array<ArrayBuffer>, sets: number): Tensors[] {
  const { head, at } = readHead<Spec[]>(payload)
  return unpackedSets(head, sets, payload, at)
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

export function packed(sets: readonly Tensors[]): { specs: Spec[]; parts: Uint8Array[] } {
  const specs: Spec[] = []
  const parts: Uint8Array[] = []
  for (const tensors of sets)
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

export const unpacked = (specs: readonly Spec[], payload: Uint8Array<ArrayBuffer>, from: number): Tensors =>
  unpackedSets(specs, 1, payload, from)[0]!

export function unpackedSets(
  specs: readonly Spec[],
  count: number,
  payload: Uint8Array<ArrayBuffer>,
  from: number,
): Tensors[] {
  const sets = Array.from({ length: count }, (): Tensors => ({}))
  const size = specs.length / count
  let at = payload.byteOffset + from
  for (const [i, [name, type, dims, text]] of specs.entries()) {
    const tensors = sets[Math.floor(i / size)]!
    if (type === 'string') {
      tensors[name] = { type, dims, data: text }
      continue
    }
    const data = viewOf(type, payload.buffer, at, volume(dims))
    at += aligned(data.byteLength)
    tensors[name] = { type, dims, data }
  }
  return sets
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
