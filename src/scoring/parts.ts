import { callerGone } from '../lib/fault.ts'
import { checkFits } from './answer-size.ts'
import type { JobOptions } from './job.ts'
import { groupOf, join, part, splits } from './join.ts'
import { bytesOf, type Tensors } from './tensors.ts'

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

/**
 * A request larger than a batch, in parts, so that it does not hold up everyone else; whole, where the parts' answers turn out
 * to be of different shapes: then what is said of a row does depend on the others.
 * @throws as `inTurns`; Fault 422 all answers together are too large
 */
export async function inParts(
  rows: number,
  size: number,
  feeds: Tensors,
  caller: JobOptions['caller'],
  score: (feeds: Tensors, rows: number) => Promise<Tensors>,
): Promise<Tensors> {
  const rowsOf = (index: number) => Math.min(size, rows - index * size)
  let bytes = 0
  const scorePart = async (index: number) => {
    const from = index * size
    const to = from + rowsOf(index)
    const answer = await score(part(feeds, from, to), to - from)
    bytes += bytesOf(answer)
    checkFits(bytes)
    return answer
  }
  const scored = await inTurns(Math.ceil(rows / size), scorePart, caller)
  const shape = groupOf(scored[0]!, undefined)
  const fit = scored.every((answer, i) => splits(answer, rowsOf(i)) && groupOf(answer, undefined) === shape)
  return fit ? join(scored) : score(feeds, rows)
}
