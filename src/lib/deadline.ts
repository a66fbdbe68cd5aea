/**
 * Deadlines of calls are in milliseconds since the epoch, and whoever sets the clock moves them. What waits for one has it as
 * performance.now(), a clock that nobody sets, from when it takes the call on: this is where the one becomes the other.
 */
export const steadyOf = (deadline: number): number => performance.now() + (deadline - Date.now())
/** And back, where a call makes another. */
export const epochOf = (steady: number): number => Date.now() + (steady - performance.now())
