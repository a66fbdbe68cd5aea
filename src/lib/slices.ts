/** How long one go may keep others waiting, in milliseconds. */
const SLICE_MS = 5

/**
 * For work of many small steps, to be awaited after each of them where it gives a promise: others are served then.
 * (Most steps do not wait: each that does costs more than it.)
 */
export function slices(): () => Promise<void> | undefined {
  let began = performance.now()
  return () => {
    if (performance.now() - began < SLICE_MS) return undefined
    return Bun.sleep(0).then(() => {
      began = performance.now()
    })
  }
}
