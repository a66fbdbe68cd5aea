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
import { inTurns } from './parts.ts'
import type { Runs, ScoreTensors } from './predict.ts'
import type { GivenRows } from './rows.ts'
import { elementsIn, type Tensors } from './tensors.ts'
import { packTensors, type SentRecipe, type Spec, unpacked } from './wire.ts'

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
  each: Runs
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
export const counting =
  (score: ScoreTensors, room: (elements: number) => void): ScoreTensors =>
  async (feeds, rows, outputs) => {
    const scored = await score(feeds, rows, outputs)
    room(elementsIn(scored))
    return scored
  }

class TooMuchHere extends Error {}

export type BeginHead = { job: number; form: string; recipe: number; given: unknown; lengths: number[]; size: number }
export type AskHead = { job: number; rows: number; outputs?: readonly string[]; feeds: Spec[] }

export class Bodies {
  readonly #partRows: number
  readonly #turns = new Turns(AT_ONCE)
  readonly #jobs = new Map<number, ScoreTensors>()
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
    score: ScoreTensors,
  ): Promise<Answered> {
    const { formName } = form
    if (formName && asked.body.length > Math.min(MOST_BYTES_HERE, model.checksUpTo))
      return this.#elsewhere(formName, model, asked, options, () => score, this.#partRows)
    const scored: Promise<Tensors>[] = []
    let elements = 0
    try {
      return await form.answer({
        ...asked,
        model,
        deadline: options.deadline,
        score(feeds, rows, outputs) {
          const answer = score(feeds, rows, outputs)
          scored.push(answer)
          return answer
        },
        each: (runs, run) => inTurns(runs, run, options.caller),
        room(more) {
          elements += more
          if (formName && elements > MOST_ELEMENTS_HERE) throw new TooMuchHere()
        },
      })
    } catch (error) {
      if (!(error instanceof TooMuchHere)) throw error
    }
    // the same again: what was scored already is not scored twice
    const known = (): ScoreTensors => {
      let next = 0
      return (feeds, rows, outputs) => scored[next++] ?? score(feeds, rows, outputs)
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
    scorer: () => ScoreTensors,
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

  async #exchange(job: number, request: Parts, score: ScoreTensors, signal: AbortSignal): Promise<Answered> {
    signal.throwIfAborted()
    const gone = Promise.withResolvers<never>()
    // the signal is this request's own: nothing has to be taken off it
    signal.addEventListener('abort', () => gone.reject(signal.reason), { once: true })
    const answer = this.#process.use(async child => {
      signal.throwIfAborted() // while the process started
      this.#jobs.set(job, score)
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
    const score = this.#jobs.get(head.job)
    if (!score) throw callerGone()
    return packTensors(await score(unpacked(head.feeds, payload, at), head.rows, head.outputs))
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
