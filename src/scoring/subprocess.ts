import { Child } from '../workers/child.ts'
import type { Lane, Lanes } from './batcher.ts'
import type { ScoreRequest } from './child.ts'
import type { Tensors } from './tensors.ts'
import { packRequest, unpackTensorsAlone } from './wire.ts'

/** A fresh process for each request and nothing shared, for models that nobody trusts. At most `processes` at a time. */
export class Subprocesses implements Lanes {
  onFree: () => void = () => {}
  readonly #processes: number
  readonly #threads: number
  readonly #running = new Set<Child>()
  #busy = 0
  #closed = false

  constructor(options: { processes: number; threads: number }) {
    this.#processes = options.processes
    this.#threads = options.threads
  }

  get pids(): number[] {
    return [...this.#running].map(child => child.pid)
  }

  free(): Lane | undefined {
    if (this.#closed || this.#busy >= this.#processes) return undefined
    return { score: (request, expires) => this.#score(request, expires) }
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

  async #score(request: ScoreRequest, expires: number): Promise<Tensors> {
    this.#busy++
    let child: Child | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      child = await Child.start('score', { threads: this.#threads })
      const running = child
      this.#running.add(running)
      timer = setTimeout(() => running.kill(), Math.max(0, expires - Date.now()))
      if (this.#closed) running.kill()
      return unpackTensorsAlone(await running.exchange(packRequest(request)))
    } finally {
      clearTimeout(timer)
      child?.kill()
      if (child) this.#running.delete(child)
      this.#busy--
    }
  }
}
