import { errorFields, log } from '../../telemetry/log.ts'
import { Child, ChildLost } from '../../workers/child.ts'
import type { Ending, Event, Exit, Program, Remark } from './program.ts'

/** The main process's side of the guard, which is started with the first program. */
export class Guard {
  #child: Promise<Child> | undefined
  #closed = false
  #sweep: () => Promise<void>

  /** @param sweep ends what a guard that was itself killed has left running: before the first one too, as that of an earlier Callgate may have been */
  constructor(sweep: () => Promise<void>) {
    this.#sweep = sweep
  }

  /** Starts the guard ahead of the first program. */
  warm(): void {
    this.#get().catch(error => log.error(errorFields(error), 'the guard of the deployments could not be started'))
  }

  /** Runs a program to its end. @throws Fault 503 it cannot be started; ChildLost the guard ended, and the program with it */
  async run(program: Program, tell: (event: Event) => void): Promise<Exit> {
    const child = await this.#get()
    return child.request<Exit>('run', program, { onProgress: event => tell(event as Event) })
  }

  /** Ends a program, and all that it started. Without a guard there is none. */
  async end(ending: Ending): Promise<void> {
    const child = await this.#child?.catch(() => undefined)
    try {
      await child?.request('end', ending)
    } catch (error) {
      if (!(error instanceof ChildLost)) throw error
    }
  }

  /** A line in a deployment's log. */
  remark(remark: Remark): void {
    this.#child?.then(child => child.request('remark', remark)).catch(() => {})
  }

  /** Ends the guard, and whatever still runs. */
  async close(): Promise<void> {
    this.#closed = true
    const child = await this.#child?.catch(() => undefined)
    if (!child?.alive) return
    child.leave()
    await child.exited
  }

  #get(): Promise<Child> {
    this.#child ??= this.#start()
    return this.#child
  }

  async #start(): Promise<Child> {
    try {
      await this.#sweep()
      const child = await Child.start('guard', undefined)
      void child.exited.then(() => {
        if (this.#closed) return
        log.error('the guard of the deployments ended, and they with it; they are started again')
        this.#child = undefined
        this.warm()
      })
      return child
    } catch (error) {
      this.#child = undefined
      throw error
    }
  }
}
