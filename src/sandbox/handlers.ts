import { sha256OfText } from '../lib/digest.ts'
import { unavailable } from '../lib/fault.ts'
import { Turns } from '../lib/turns.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { Child, ChildLost } from '../workers/child.ts'
import { whenStuck } from '../workers/stuck.ts'
import type { Verdict } from './frames.ts'

/** A handler that can be run. */
export interface Handler {
  /** SHA-256 of its code */
  id: string
  /** its JavaScript */
  code: string
}

/** Milliseconds of CPU for reading and loading one source, its process's start not counted. */
const CHECK_MS = 10_000
/** After which a source that was not read in that time is read again, when somebody asks: it may have been a busy machine. */
const AGAIN_MS = 30_000
/** Verdicts that are remembered: published endpoints keep what they need themselves. */
const REMEMBERED = 200

interface Found {
  verdict: Verdict
  /** when it is to be found out anew, in milliseconds since the epoch */
  until: number
}

/** What handlers' sources are found to be: each is read and loaded once, in processes that serve nobody. */
export class Handlers {
  readonly #found = new Map<string, Found>()
  /** what checks that are under way shall know together */
  readonly #wanted = new Set<ReadonlySet<string>>()
  /** what authors try, which may be slow; and what calls wait for, which loaded before */
  readonly #tried = new Checker()
  readonly #published = new Checker()

  /** What a source was found to be; undefined: `check` it first. */
  known(source: string): Verdict | undefined {
    return this.#found.get(sha256OfText(source))?.verdict
  }

  #settled(hash: string): Found | undefined {
    const found = this.#found.get(hash)
    return found && performance.now() < found.until ? found : undefined
  }

  /** Checks what is not known yet; `known` tells the verdicts. @throws Fault 503 no process could be started */
  check(sources: readonly string[]): Promise<void> {
    return this.#check(sources, this.#tried)
  }

  /** The handler of a source that was published before. @throws Fault 503 it does not load here, or no process could be started */
  async compiled(source: string): Promise<Handler> {
    if (!this.#settled(sha256OfText(source))) await this.#check([source], this.#published)
    const verdict = this.known(source)
    if (verdict && 'code' in verdict) return handlerOf(verdict.code)
    throw unavailable('This function cannot be loaded as it was published.', 60, verdict?.error)
  }

  async #check(sources: readonly string[], checker: Checker): Promise<void> {
    const wanted = new Map(sources.map(source => [sha256OfText(source), source]))
    const hashes = new Set(wanted.keys())
    this.#wanted.add(hashes)
    try {
      await checker.using(async find => {
        // another check may find it out while this one waits for its turn
        for (const [hash, source] of wanted) this.#found.set(hash, await find(source, () => this.#settled(hash)))
      })
    } finally {
      this.#forgetOthers()
      this.#wanted.delete(hashes)
    }
  }

  /** What was asked for together is known together, however much it is. */
  #forgetOthers(): void {
    for (const oldest of this.#found.keys()) {
      if (this.#found.size <= REMEMBERED) return
      if (![...this.#wanted].some(hashes => hashes.has(oldest))) this.#found.delete(oldest)
    }
  }
}

type Find = (source: string, known: () => Found | undefined) => Promise<Found>

/** One process, while somebody uses it. They take turns, a source each: nobody waits for all that another brings. */
class Checker {
  readonly #turns = new Turns(1)
  #users = 0
  #child: Child | undefined

  async using(work: (find: Find) => Promise<void>): Promise<void> {
    this.#users++
    try {
      await work(async (source, known) => known() ?? this.#turns.run(async () => known() ?? this.#find(source)))
    } finally {
      if (--this.#users === 0) this.#end()
    }
  }

  #end(): void {
    this.#child?.kill()
    this.#child = undefined
  }

  async #find(source: string): Promise<Found> {
    for (let tries = 0; ; tries++) {
      const child = this.#child ?? (await startChecking())
      this.#child = child
      let stuck = false
      const unwatch = whenStuck(child.pid, CHECK_MS, () => {
        stuck = true
        child.kill()
      })
      try {
        const verdict = await child.request<Verdict>('check', { source })
        if ('spent' in verdict) this.#end()
        return { verdict, until: Number.POSITIVE_INFINITY }
      } catch (error) {
        this.#end()
        log.warn(errorFields(error), 'a handler could not be checked')
        // a process that was ended from outside says nothing of the source
        if (error instanceof ChildLost && !stuck && tries === 0) continue
        const message = 'it was not read in reasonable time; try again in a minute'
        return { verdict: { error: { name: 'Error', message } }, until: performance.now() + AGAIN_MS }
      } finally {
        unwatch()
      }
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
