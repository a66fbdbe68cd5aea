import { dirname } from 'node:path'
import { Fault, machineTrouble, unavailable } from '../lib/fault.ts'
import { Turns } from '../lib/turns.ts'
import { Child, ChildLost } from '../workers/child.ts'
import { OnDemand } from '../workers/on-demand.ts'

/** A file system that does not say within this whether something is there does not answer. */
const REACH_MS = 2000
/** What a look at many files may take. */
const LOOK_MS = 30_000
/** One that is read and gives nothing for so long does not answer. */
const READ_MS = 10_000
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
  readonly #looks = new Lookers()
  /** reading takes longer, and may have no answer where a look has one: what is known of a file may still be remembered */
  readonly #reads = new Lookers()
  readonly #awayMs: number
  /** what is known of the files of a path, and until when */
  readonly #seen = new Map<string, { version: Promise<string>; until: number }>()

  constructor(awayMs = AWAY_MS) {
    this.#awayMs = awayMs
  }

  /** What tells a file that was written anew from what was there before; undefined: there is none. @throws Fault 503 no answer */
  file(path: string): Promise<string | undefined> {
    return this.#look<string | undefined>('file', path, REACH_MS)
  }

  /** Of its bytes. @throws Fault 503 no answer; Error it cannot be read */
  sha256(path: string): Promise<string> {
    return this.#look<string>('sha256', path, READ_MS, this.#reads)
  }

  /** The version of the files in place, as `findFiles` has it. @throws Fault as that; 503 no answer */
  version(path: string): Promise<string> {
    return this.#look('version', path, LOOK_MS)
  }

  /** The same, by looks that take a hundredth of the time at most; `missing` where there are none. @throws Fault 503 no answer */
  recentVersion(path: string): Promise<string> {
    const known = this.#seen.get(path)
    if (known && performance.now() < known.until) return known.version
    let took = 0
    const look = this.#look<{ version: string; took: number }>('recent', path, LOOK_MS).then(found => {
      took = found.took
      return found.version
    })
    const version = look.finally(() => {
      seen.until = performance.now() + took * REST
    })
    const seen = { version, until: Number.POSITIVE_INFINITY }
    this.#seen.set(path, seen)
    return version
  }

  async close(): Promise<void> {
    await Promise.all([this.#looks, this.#reads].map(lookers => lookers.close()))
  }

  async #look<T>(method: string, path: string, timeoutMs: number, lookers = this.#looks): Promise<T> {
    const { away } = lookers
    const folder = dirname(path)
    const leaveAlone = () => {
      if ((away.get(folder) ?? 0) > performance.now()) throw noAnswer()
    }
    leaveAlone()
    const { process, turns } = away.has(folder) ? lookers.doubtful : lookers.usual
    return await turns.run(async () => {
      leaveAlone()
      for (let again = false; ; again = true)
        try {
          return await process.use(async child => {
            try {
              if (method !== 'file') await child.request('reach', path, { timeoutMs: REACH_MS })
              const seen = await child.request<T>(method, path, { timeoutMs })
              away.delete(folder)
              return seen
            } catch (error) {
              if (error instanceof Fault && error.status === 504) {
                child.kill()
                away.set(folder, performance.now() + this.#awayMs)
                throw noAnswer(error)
              }
              if (!(error instanceof ChildLost)) away.delete(folder)
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

/** One look at a time: so it is known which one has no answer. */
class Looker {
  readonly process = new OnDemand(() => Child.start('look', {}))
  readonly turns = new Turns(1)
}

class Lookers {
  readonly usual = new Looker()
  /** looks where there was no answer the last time: each may take as long again, and the others are not to wait for it */
  readonly doubtful = new Looker()
  /** folder that does not answer -> until when it is left alone, as performance.now() */
  readonly away = new Map<string, number>()

  async close(): Promise<void> {
    await Promise.all([this.usual.process.close(), this.doubtful.process.close()])
  }
}

const noAnswer = (cause?: unknown) => unavailable('The file system of its file does not answer.', 10, cause)
