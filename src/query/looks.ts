import { dirname } from 'node:path'
import { Fault, machineTrouble, unavailable } from '../lib/fault.ts'
import { Turns } from '../lib/turns.ts'
import { Child, ChildLost } from '../workers/child.ts'
import { OnDemand } from '../workers/on-demand.ts'

/** A file system that does not say within this whether something is there does not answer. */
const REACH_MS = 2000
/** What a look at many files may take. */
const LOOK_MS = 30_000
/** So long what did not answer is not looked at again: meanwhile the others are. */
const AWAY_MS = 10_000
/** A look at the files of a pattern or folder is followed by none for so many times as long as it took. */
const REST = 100

/**
 * Looks at files of others, in a process of its own: where a file system does not answer, as that of a server that is gone, whoever
 * looks at it stands still. In this process that would be every call, and a look that goes on aside keeps one of the few threads
 * that there are for files.
 */
export class Looks {
  readonly #process = new OnDemand(() => Child.start('look', {}))
  /** one look at a time: so it is known which one has no answer */
  readonly #turns = new Turns(1)
  /** folder -> until when it is left alone, as performance.now() */
  readonly #away = new Map<string, number>()
  /** what is known of the files of a path, and until when */
  readonly #seen = new Map<string, { version: Promise<string>; until: number }>()

  /** What tells a file that was written anew from what was there before; undefined: there is none. @throws Fault 503 no answer */
  file(path: string): Promise<string | undefined> {
    return this.#look<string | undefined>('file', path, REACH_MS)
  }

  /** The version of the files in place, as `findFiles` has it. @throws Fault as that; 503 no answer */
  version(path: string): Promise<string> {
    return this.#look('version', path, LOOK_MS)
  }

  /** The same, by looks that take a hundredth of the time at most; `missing` where there are none. @throws Fault 503 no answer */
  recentVersion(path: string): Promise<string> {
    const known = this.#seen.get(path)
    if (known && performance.now() < known.until) return known.version
    const seen = { version: this.#recent(path, took => this.#rest(seen, took)), until: Number.POSITIVE_INFINITY }
    this.#seen.set(path, seen)
    return seen.version
  }

  close(): Promise<void> {
    return this.#process.close()
  }

  #rest(seen: { until: number }, took: number): void {
    seen.until = performance.now() + took * REST
  }

  async #recent(path: string, done: (took: number) => void): Promise<string> {
    let took = 0
    try {
      const found = await this.#look<{ version: string; took: number }>('recent', path, LOOK_MS)
      took = found.took
      return found.version
    } finally {
      done(took)
    }
  }

  #look<T>(method: string, path: string, timeoutMs: number): Promise<T> {
    return this.#turns.run(async () => {
      const folder = dirname(path)
      if ((this.#away.get(folder) ?? 0) > performance.now()) throw noAnswer()
      this.#away.delete(folder)
      for (let again = false; ; again = true)
        try {
          return await this.#process.use(async child => {
            try {
              if (method !== 'file') await child.request('reach', path, { timeoutMs: REACH_MS })
              return await child.request<T>(method, path, { timeoutMs })
            } catch (error) {
              if (error instanceof Fault && error.status === 504) {
                child.kill()
                this.#away.set(folder, performance.now() + AWAY_MS)
                throw noAnswer(error)
              }
              throw error
            }
          })
        } catch (error) {
          if (!(error instanceof ChildLost)) throw error
          const short = machineTrouble(error.cause)
          if (short || again) throw short ?? unavailable('The process that looks at files was lost.', 5, error)
        }
    })
  }
}

const noAnswer = (cause?: unknown) => unavailable('The file system of its file does not answer.', 10, cause)
