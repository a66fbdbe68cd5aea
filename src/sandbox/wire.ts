/**
 * Frames as bytes: what is short is JSON in the first line, and the texts, which may be long and are JSON themselves, follow as
 * they are.
 */
import type { Frame, Outcome, Step, Turns } from './frames.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A list of texts that is written, or read in the same order. */
class Texts {
  readonly #texts: string[]
  #at = 0

  constructor(texts: string[] = []) {
    this.#texts = texts
  }

  put(text: string): 0 {
    this.#texts.push(text)
    return 0
  }

  take(): string {
    return this.#texts[this.#at++]!
  }

  bytesWith(meta: unknown): Uint8Array[] {
    // characters, of which a text has as many after it was encoded and decoded
    const head = JSON.stringify([this.#texts.map(text => text.length), meta])
    return [encoder.encode(`${head}\n${this.#texts.join('')}`)]
  }

  static of(bytes: Uint8Array): { texts: Texts; meta: unknown } {
    const whole = decoder.decode(bytes)
    let at = whole.indexOf('\n') + 1
    const [lengths, meta] = JSON.parse(whole.slice(0, at)) as [number[], unknown]
    const texts = lengths.map(length => {
      at += length
      return whole.slice(at - length, at)
    })
    return { texts: new Texts(texts), meta }
  }
}

export function packFrame({ code, steps }: Frame): Uint8Array[] {
  const texts = new Texts()
  const handlers = code.map(([handler, source]) => [handler, texts.put(source)])
  const packed = steps.map(step => {
    if (step[0] === 'start') return ['start', step[1], step[2], texts.put(step[3]), step[4]]
    if (step[0] === 'resume')
      return ['resume', step[1], step[2].map(([number, right, answer]) => [number, right, texts.put(answer)])]
    return step
  })
  return texts.bytesWith([handlers, packed])
}

export function unpackFrame(bytes: Uint8Array): Frame {
  const { texts, meta } = Texts.of(bytes)
  const [handlers, steps] = meta as [Frame['code'], Step[]]
  for (const handler of handlers) handler[1] = texts.take()
  for (const step of steps)
    if (step[0] === 'start') step[3] = texts.take()
    else if (step[0] === 'resume') for (const answer of step[2]) answer[2] = texts.take()
  return { code: handlers, steps }
}

export function packTurns({ outcomes, ...rest }: Turns): Uint8Array[] {
  const texts = new Texts()
  const packed = outcomes.map(outcome => {
    if (outcome.kind === 'answered') return { ...outcome, answer: texts.put(outcome.answer) }
    if (outcome.kind === 'waiting')
      return {
        ...outcome,
        requests: outcome.requests.map(([number, kind, argument]) => [number, kind, texts.put(argument)]),
      }
    return outcome
  })
  return texts.bytesWith({ ...rest, outcomes: packed })
}

export function unpackTurns(bytes: Uint8Array): Turns {
  const { texts, meta } = Texts.of(bytes)
  const turns = meta as Turns
  for (const outcome of turns.outcomes as (Outcome & { answer?: string })[])
    if (outcome.kind === 'answered') outcome.answer = texts.take()
    else if (outcome.kind === 'waiting') for (const request of outcome.requests) request[2] = texts.take()
  return turns
}
