/**
 * Deadlines of calls are in milliseconds since the epoch by the clock that this process began with, which goes on steadily: whoever
 * sets the system's clock meanwhile moves none of them. What waits for one has it as performance.now().
 */
export const deadlineIn = (milliseconds: number): number => epochOf(performance.now() + milliseconds)
export const steadyOf = (deadline: number): number => deadline - performance.timeOrigin
/** And back, where a call makes another. */
export const epochOf = (steady: number): number => steady + performance.timeOrigin
