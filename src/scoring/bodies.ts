/**
 * Bodies as doors answer them. What is large, in or out, is read and written in a process of its own (`worker body`), by the same
 * code: the process that owns HTTP would do nothing else meanwhile. Whatever is scored on the way goes to the scoring processes.
 */
import type { ModelMetadata } from '../catalog/tensor.ts'
import { steadyOf } from '../lib/deadline.ts'
import { callerGone, deadlinePassed, unavailable } from '../lib/fault.ts'
import { Turns } from '../lib/turns.ts'
import { Child, ChildLost } from '../workers/child.ts'
import { headOf, readHead } from '../workers/heads.ts'
import { OnDemand } from '../workers/on-demand.ts'
import type { Parts } from '../workers/pipe.ts'
import type { RowCodec } from './codec.ts'
import type { JobOptions } from './job.ts'
import type { ScoreEach, ScoreTensors, Scoring } from './predict.ts'
import type { GivenRows } from './rows.ts'
import { elementsIn, type Tensors } from './tensors.ts'
import { packTensors, type SentRecipe, type Spec, unpacked, unpackedSets } from './wire.ts'

/** As much as forms need to know of a model, in either process. */
export interface FormModel {
  id: number
  metadata: ModelMetadata
  codec: RowCodec
  checksRows: boolean
  check(rows: readonly unknown[], form: GivenRows['form'], deadline?: number): void | Promise<void>
}

/** The same, and what the other process makes it of. */
export interface KnownModel extends FormModel {
  wholeRecipe: SentRecipe
  /** bytes of a body up to which `check` takes no long time */
  checksUpTo: number
}

export interface Asked<Given> {
  body: Uint8Array
  /** what else the form asks for; it goes through JSON */
  given: Given
}

export interface Answered {
  /** goes through JSON */
  head: Record<string, unknown>
  body: string | Uint8Array
}

export interface FormCall<Given> extends Asked<Given> {
  model: FormModel
  /** milliseconds since the epoch, for what is done elsewhere; absent in the other process, which is ended then */
  deadline?: number
  score: ScoreTensors
  each: ScoreEach
  /** To be told how much there is to write as JSON, before it is written. @throws where that is too much for this process */
  room(elements: number): void
}

/** How a door answers a body. It may be begun anew in the other process. */
export interface Form<Given> {
  /** by which that finds it (`protocols/body-child.ts`); absent: all of it is done here */
  formName?: string
  answer(call: FormCall<Given>): Promise<Answered>
}

/** What is larger takes longer than others should wait: some 10 ms. */
const MOST_BYTES_HERE = 256 * 1024
const MOST_ELEMENTS_HERE = 32 * 1024
/** Bodies that are in work at a time, and bytes of all that are there. */
const AT_ONCE = 4
const MOST_BYTES = 256 * 1024 * 1024
/** How long it may go on with what nobody waits for, in milliseconds. */
const GRACE_MS = 5000

/** A scorer that says what there will be to write of its answers, where all of that is JSON. */
export const counting = ({
  score,
  each,
  room,
}: Pick<FormCall<unknown>, 'score' | 'each' | 'room'>): Required<Scoring> => ({
  async score(feeds, rows, outputs) {
    const scored = await score(feeds, rows, outputs)
    room(elementsIn(scored))
    return scored
  },
  async each(runs, outputs) {
    const scored = await each(runs, outputs)
    room(scored.reduce((sum, one) => sum + elementsIn(one), 0))
    return scored
  },
})

class TooMuchHere extends Error {}

export type BeginHead = { job: number; form: string; recipe: number; given: unknown; lengths: number[]; size: number }
/** @param runs how many the tensors are for, where each is scored by itself */
export type AskHead = { job: number; rows: number; runs?: number; outputs?: readonly string[]; feeds: Spec[] }

export class Bodies {
  readonly #partRows: number
  readonly #turns = new Turns(AT_ONCE)
  readonly #jobs = new Map<number, Required<Scoring>>()
  #nextJob = 1
  readonly #process = new OnDemand(() => Child.start('body', undefined, { asked: payload => this.#score(payload) }))
  #bytes = 0

  /** @param partRows rows that are scored at a time, of models whose rows do not depend on one another */
  constructor(partRows: number) {
    this.#partRows = partRows
  }

  async answer<Given>(
    form: Form<Given>,
    model: KnownModel,
    asked: Asked<Given>,
    options: JobOptions,
    scoring: Required<Scoring>,
  ): Promise<Answered> {
    const { formName } = form
    if (formName && asked.body.length > Math.min(MOST_BYTES_HERE, model.checksUpTo))
      return this.#elsewhere(formName, model, asked, options, () => scoring, this.#partRows)
    const scored: Promise<Tensors | Tensors[]>[] = []
    const kept = <T extends Tensors | Tensors[]>(answer: Promise<T>): Promise<T> => {
      scored.push(answer)
      return answer
    }
    let elements = 0
    try {
      return await form.answer({
        ...asked,
        model,
        deadline: options.deadline,
        score: (feeds, rows, outputs) => kept(scoring.score(feeds, rows, outputs)),
        each: (runs, outputs) => kept(scoring.each(runs, outputs)),
        room(more) {
          elements += more
          if (formName && elements > MOST_ELEMENTS_HERE) throw new TooMuchHere()
        },
      })
    } catch (error) {
      if (!(error instanceof TooMuchHere)) throw error
    }
    // the same again: what was scored already is not scored twice
    const known = (): Required<Scoring> => {
      let next = 0
      return {
        score: (feeds, rows, outputs) => (scored[next++] as Promise<Tensors>) ?? scoring.score(feeds, rows, outputs),
        each: (runs, outputs) => (scored[next++] as Promise<Tensors[]>) ?? scoring.each(runs, outputs),
      }
    }
    return this.#elsewhere(formName!, model, asked, options, known, Number.MAX_SAFE_INTEGER)
  }

  close(): Promise<void> {
    return this.#process.close()
  }

  /**
   * @param scorer makes what scores for an attempt, which is from the beginning
   * @throws Fault 503 too much is there, or its process ended twice under it; 504; 499; what the form throws
   */
  async #elsewhere(
    form: string,
    { wholeRecipe: { id, text } }: KnownModel,
    { body, given }: Asked<unknown>,
    options: JobOptions,
    scorer: () => Required<Scoring>,
    size: number,
  ): Promise<Answered> {
    if (this.#bytes > 0 && this.#bytes + body.length > MOST_BYTES)
      throw unavailable('Too many large bodies wait; try again shortly.')
    this.#bytes += body.length
    const end = endOf(options)
    try {
      return await this.#turns.run(async () => {
        for (let again = false; ; again = true)
          try {
            const job = this.#nextJob++
            const lengths = [text.length, body.length]
            const head = { job, form, recipe: id, given, lengths, size } satisfies BeginHead
            return await this.#exchange(job, [...headOf(head), text, body], scorer(), end.signal)
          } catch (error) {
            if (!(error instanceof ChildLost) || end.signal.aborted) throw error
            if (again) throw unavailable('The process of large bodies ended twice under this request.', 1, error)
          }
      }, end.signal)
    } finally {
      end.over()
      this.#bytes -= body.length
    }
  }

  async #exchange(job: number, request: Parts, scoring: Required<Scoring>, signal: AbortSignal): Promise<Answered> {
    signal.throwIfAborted()
    const gone = Promise.withResolvers<never>()
    // the signal is this request's own: nothing has to be taken off it
    signal.addEventListener('abort', () => gone.reject(signal.reason), { once: true })
    const answer = this.#process.use(async child => {
      signal.throwIfAborted() // while the process started
      this.#jobs.set(job, scoring)
      let stuck: ReturnType<typeof setTimeout> | undefined
      const leave = () => {
        this.#jobs.delete(job)
        stuck = setTimeout(() => child.kill(), GRACE_MS)
      }
      signal.addEventListener('abort', leave, { once: true })
      try {
        return await child.exchange(request)
      } finally {
        clearTimeout(stuck)
        signal.removeEventListener('abort', leave)
        this.#jobs.delete(job)
      }
    })
    answer.catch(() => {})
    const bytes = await Promise.race([answer, gone.promise])
    const { head, at } = readHead<Answered['head']>(bytes)
    return { head, body: bytes.subarray(at) }
  }

  async #score(payload: Uint8Array<ArrayBuffer>): Promise<Parts> {
    const { head, at } = readHead<AskHead>(payload)
    const scoring = this.#jobs.get(head.job)
    if (!scoring) throw callerGone()
    const { runs, rows, outputs } = head
    if (runs) return packTensors(await scoring.each(unpackedSets(head.feeds, runs, payload, at), outputs))
    return packTensors([await scoring.score(unpacked(head.feeds, payload, at), rows, outputs)])
  }
}

/** When nobody waits for an answer any more: its deadline has passed, or its caller has gone. */
function endOf({ deadline, caller }: JobOptions) {
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(deadlinePassed()), Math.max(0, steadyOf(deadline) - performance.now()))
  timer.unref?.()
  const signal = caller?.signal
  const gone = () => end.abort(callerGone(signal?.reason))
  if (signal?.aborted) gone()
  else signal?.addEventListener('abort', gone, { once: true })
  return {
    signal: end.signal,
    over() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', gone)
    },
  }
}
