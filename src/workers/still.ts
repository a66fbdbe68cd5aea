import { readdirSync, readFileSync } from 'node:fs'
import { cpuTimeOf } from '../lib/machine.ts'

const STILL_MS = 60_000
const LOOKS = 4
/** What waiting itself may take between two looks: a part of the time, and bytes. */
const LEAST_CPU = 0.01
const LEAST_BYTES = 1 << 16

/**
 * Ends a child that has neither computed nor read or written anything for a minute: one that was stopped, or that waits for a file
 * system that does not answer, would keep its place for ever. Linux; elsewhere none is.
 */
export class Stillness {
  /** it was ended for that */
  ended = false
  readonly #timer: ReturnType<typeof setInterval>

  constructor(child: { pid: number; kill(): void }, stillMs = STILL_MS) {
    const everyMs = stillMs / LOOKS
    let last = doneBy(child.pid)
    let still = 0
    this.#timer = setInterval(() => {
      const now = doneBy(child.pid)
      if (!now || !last) return
      const moves = now.runs || now.cpuMs - last.cpuMs > everyMs * LEAST_CPU || now.bytes - last.bytes > LEAST_BYTES
      last = now
      still = moves ? 0 : still + 1
      if (still < LOOKS) return
      this.ended = true
      this.stop()
      child.kill()
    }, everyMs)
    this.#timer.unref?.()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

interface Done {
  cpuMs: number
  bytes: number
  /** it computes, or would if a processor were free: where those are short, little is done in a minute */
  runs: boolean
}

/** undefined: the system does not tell. */
function doneBy(pid: number): Done | undefined {
  try {
    const cpuMs = cpuTimeOf(pid)
    if (cpuMs === undefined) return undefined
    const io = readFileSync(`/proc/${pid}/io`, 'latin1')
    const bytes = [...io.matchAll(/^[rw]char: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
    const tasks = readdirSync(`/proc/${pid}/task`).map(task => `/proc/${pid}/task/${task}/stat`)
    // its state stands behind the last bracket: its name may have anything in it
    const runs = tasks.some(task => /\) R [^)]*$/.test(readFileSync(task, 'latin1')))
    return { cpuMs, bytes, runs }
  } catch {
    return undefined
  }
}
