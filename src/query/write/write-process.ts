import { Fault, unavailable } from '../../lib/fault.ts'
import { Child, lostAs } from '../../workers/child.ts'

const MAX_START_FAILURES = 3
/** One that does not close a file within this is stuck: what it does for others first has its own deadline. */
const CLOSE_FILE_MS = 30_000
/** At the end nothing else is done first. */
const CLOSE_MS = 8000

/** Whether the process was too long at what it was asked. */
export const isStuck = (error: unknown): boolean => error instanceof Fault && error.status === 504

/** The process that writes: started by the first write, and again after it has ended. */
export class WriteProcess {
  #secret: Uint8Array
  #child: Promise<Child> | undefined

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** @throws Fault 503 it cannot be started */
  async child(): Promise<Child> {
    for (;;) {
      this.#child ??= this.#start()
      const starting = this.#child
      const child = await starting
      if (child.alive) return child
      if (this.#child === starting) this.#child = undefined
    }
  }

  async #start(): Promise<Child> {
    for (let failures = 1; ; failures++)
      try {
        return await Child.start('write', { secret: this.#secret })
      } catch (error) {
        if (failures < MAX_START_FAILURES) continue
        this.#child = undefined
        throw unavailable('The writing process could not be started.', 5, error)
      }
  }

  /** It keeps the file open no longer. */
  async closeFile(file: string): Promise<void> {
    const child = await this.#child?.catch(() => undefined)
    await child?.request('close', { file }, { timeoutMs: CLOSE_FILE_MS }).catch(error => {
      if (isStuck(error)) child.kill()
    })
  }

  async close(): Promise<void> {
    const child = await this.#child?.catch(() => undefined)
    await child?.request('closeAll', {}, { timeoutMs: CLOSE_MS }).catch(() => {})
    child?.kill()
  }
}

export const lost = lostAs('The writing process was lost.')

/** Runs work that takes long in a process of its own. @throws Fault 503 it ended first */
export async function apart<T>(work: (child: Child) => Promise<T>): Promise<T> {
  const child = await Child.start('write', {}).catch(lost)
  try {
    return await work(child)
  } catch (error) {
    return lost(error)
  } finally {
    child.kill()
    await child.exited
  }
}
