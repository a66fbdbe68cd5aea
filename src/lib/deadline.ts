import { callerGone, deadlinePassed } from './fault.ts'

/**
 * Deadlines of calls are in milliseconds since the epoch by the clock that this process began with, which goes on steadily: whoever
 * sets the system's clock meanwhile moves none of them. What waits for one has it as performance.now().
 */
export const deadlineIn = (milliseconds: number): number => epochOf(performance.now() + milliseconds)
export const steadyOf = (deadline: number): number => deadline - performance.timeOrigin
/** And back, where a call makes another. */
export const epochOf = (steady: number): number => steady + performance.timeOrigin

/** The work's outcome, for one who waits for it till a deadline, as performance.now(), or goes. @throws Fault 499, 504 */
export async function inTime<T>(work: Promise<T>, deadline: number, signal: AbortSignal | undefined): Promise<T> {
  const left = Promise.withResolvers<never>()
  const leave = () => left.reject(callerGone(signal?.reason))
  const timer = setTimeout(() => left.reject(deadlinePassed()), Math.max(1, deadline - performance.now()))
  if (signal?.aborted) leave()
  else signal?.addEventListener('abort', leave)
  try {
    return await Promise.race([work, left.promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', leave)
  }
}
