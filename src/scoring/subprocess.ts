import { Child } from '../workers/child.ts'
import type { Parts } from '../workers/pipe.ts'
import type { Lane, Lanes } from './batcher.ts'
import type { ChildInit } from './wire.ts'

/** A fresh process for each request and nothing shared, for models that nobody trusts. At most `processes` at a time. */
export class Subprocesses implements Lanes {
  onFree: () => void = () => {}
  readonly #processes: number
  readonly #init: ChildInit
  readonly #running = new Set<Child>()
  #busy = 0
  #closed = false

  constructor(options: { processes: number; threads: number; maxBatchRows: number }) {
    this.#processes = options.processes
    this.#init = { threads: options.threads, maxBatchRows: options.maxBatchRows }
  }

  get pids(): number[] {
    return [...this.#running].map(child => child.pid)
  }

  free(): Lane | undefined {
    if (this.#closed || this.#busy >= this.#processes) return undefined
    const run: { child?: Child; over?: boolean } = {}
    return {
      exchange: (_model, request) => this.#exchange(run, request),
      abandon: () => {
        run.over = true
        run.child?.kill()
      },
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(
      [...this.#running].map(child => {
        child.kill()
        return child.exited
      }),
    )
  }

  async #exchange(run: { child?: Child; over?: boolean }, request: Parts): Promise<Uint8Array<ArrayBuffer>> {
    this.#busy++
    try {
      const child = await Child.start('score', this.#init)
      run.child = child
      this.#running.add(child)
      if (this.#closed || run.over) child.kill()
      return await child.exchange(request)
    } finally {
      run.child?.kill()
      if (run.child) this.#running.delete(run.child)
      this.#busy--
    }
  }
}
