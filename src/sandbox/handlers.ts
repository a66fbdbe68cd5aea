import { sha256OfText } from '../lib/digest.ts'
import { unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { Child, ChildLost } from '../workers/child.ts'
import type { Verdict } from './frames.ts'

/** A handler that can be run. */
export interface Handler {
  /** SHA-256 of its code */
  id: string
  /** its JavaScript */
  code: string
}

/** Reading and loading one source, its process's start not counted. */
const CHECK_MS = 10_000
/** Verdicts that are remembered: published endpoints keep what they need themselves. */
const REMEMBERED = 200

/** What handlers' sources are found to be: each is read and loaded once, in a process that serves nobody. */
export class Handlers {
  readonly #verdicts = new Map<string, Verdict>()
  #checking: Promise<unknown> = Promise.resolve()

  /** What a source was found to be; undefined: `check` it first. */
  known(source: string): Verdict | undefined {
    return this.#verdicts.get(sha256OfText(source))
  }

  /** Checks what is not known yet; `known` tells the verdicts. @throws Fault 503 no process could be started */
  check(sources: readonly string[]): Promise<void> {
    const checked = this.#checking.then(() => this.#check(sources))
    this.#checking = checked.catch(() => {})
    return checked
  }

  /** The handler of a source that was published before. @throws Fault 503 it does not load here, or no process could be started */
  async compiled(source: string): Promise<Handler> {
    if (!this.known(source)) await this.check([source])
    const verdict = this.known(source)
    if (verdict && 'code' in verdict) return handlerOf(verdict.code)
    throw unavailable('This function cannot be loaded as it was published.', 60, verdict?.error)
  }

  async #check(sources: readonly string[]): Promise<void> {
    const unknown = [...new Set(sources)].filter(source => !this.known(source))
    let child: Child | undefined
    try {
      for (let tries = 0; unknown.length > 0; tries++) {
        child ??= await startChecking()
        const [source] = unknown as [string]
        try {
          this.#verdicts.set(
            sha256OfText(source),
            await child.request<Verdict>('check', { source }, { timeoutMs: CHECK_MS }),
          )
        } catch (error) {
          child.kill()
          child = undefined
          log.warn(errorFields(error), 'a handler could not be checked')
          // a process that was ended from outside says nothing of the source
          if (error instanceof ChildLost && tries === 0) continue
          this.#verdicts.set(sha256OfText(source), {
            error: { name: 'Error', message: 'it cannot be read in reasonable time' },
          })
        }
        unknown.shift()
        tries = -1
      }
    } finally {
      child?.kill()
      this.#forgetOthers(sources)
    }
  }

  /** What was asked for together is known together, however much it is. */
  #forgetOthers(sources: readonly string[]): void {
    if (this.#verdicts.size <= REMEMBERED) return
    const wanted = new Set(sources.map(sha256OfText))
    for (const oldest of this.#verdicts.keys()) {
      if (this.#verdicts.size <= REMEMBERED) return
      if (!wanted.has(oldest)) this.#verdicts.delete(oldest)
    }
  }
}

/** @throws Fault 503 */
async function startChecking(): Promise<Child> {
  try {
    return await Child.start('function', {})
  } catch (error) {
    throw unavailable('No process could be started to check the function.', 5, error)
  }
}

export const handlerOf = (code: string): Handler => ({ id: sha256OfText(code), code })
