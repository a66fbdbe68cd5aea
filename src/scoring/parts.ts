import { callerGone } from '../lib/fault.ts'
import type { JobOptions } from './job.ts'

/** How many parts of one large request wait or are scored at a time: it must not fill the queue, nor hold up everyone else. */
const AT_ONCE = 4

/**
 * Scores a request that is scored in parts. None is begun any more once one has failed, or the caller has gone.
 * @param score scores the part with this number
 * @throws what a part throws; Fault 499
 */
export async function inTurns<T>(
  parts: number,
  score: (part: number) => Promise<T>,
  caller: JobOptions['caller'],
): Promise<T[]> {
  const scored = new Array<T>(parts)
  let next = 0
  const work = async () => {
    while (next < parts) {
      const part = next++
      try {
        if (caller?.signal?.aborted) throw callerGone(caller.signal.reason)
        scored[part] = await score(part)
      } catch (error) {
        next = parts
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, parts) }, work))
  return scored
}
