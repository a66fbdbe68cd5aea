/** What this door keeps in memory of the models that it serves: which are taken away, and what was inferred. */

/** Nanoseconds that a request spent. */
export interface Times {
  input: number
  infer: number
  output: number
}

interface Counts {
  lastInference: number
  rows: number
  success: number
  failed: number
  failedTime: number
  times: Times
}

export class Shelf {
  #away = new Set<string>()
  #counts = new Map<string, Counts>()

  /** Takes a model's name away, until `put`: the service or deployment itself goes on. */
  take(key: string): void {
    this.#away.add(key)
  }

  put(key: string): void {
    this.#away.delete(key)
  }

  holds(key: string): boolean {
    return !this.#away.has(key)
  }

  succeeded(key: string, version: number, rows: number, times: Times): void {
    const counts = this.#of(key, version)
    counts.lastInference = Date.now()
    counts.rows += rows
    counts.success++
    counts.times.input += times.input
    counts.times.infer += times.infer
    counts.times.output += times.output
  }

  failed(key: string, version: number, time: number): void {
    const counts = this.#of(key, version)
    counts.failed++
    counts.failedTime += time
  }

  /**
   * Triton's statistics of one version, since this server started. `execution_count` counts requests, since a run may be
   * shared by several; `queue` is not measured apart: waiting is part of `compute_infer`.
   */
  statistics(key: string, name: string, version: number) {
    const counts = this.#counts.get(`${key}\n${version}`) ?? none()
    const { success, failed, times } = counts
    const duration = (count: number, ns: number) => ({ count, ns: Math.round(ns) })
    return {
      name,
      version: String(version),
      last_inference: counts.lastInference,
      inference_count: counts.rows,
      execution_count: success,
      inference_stats: {
        success: duration(success, times.input + times.infer + times.output),
        fail: duration(failed, counts.failedTime),
        queue: duration(0, 0),
        compute_input: duration(success, times.input),
        compute_infer: duration(success, times.infer),
        compute_output: duration(success, times.output),
        cache_hit: duration(0, 0),
        cache_miss: duration(0, 0),
      },
      batch_stats: [],
    }
  }

  #of(key: string, version: number): Counts {
    const id = `${key}\n${version}`
    const counts = this.#counts.get(id) ?? none()
    this.#counts.set(id, counts)
    return counts
  }
}

const none = (): Counts => ({
  lastInference: 0,
  rows: 0,
  success: 0,
  failed: 0,
  failedTime: 0,
  times: { input: 0, infer: 0, output: 0 },
})
