/** Waits, without keeping the process alive for it. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, milliseconds).unref()
  })

/** What a promise gives, or undefined where that takes longer. Nothing of it is kept by a timer that is left. */
export function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(late.resolve, milliseconds, undefined)
  timer.unref()
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}
