import { Fault, reworded } from '../../lib/fault.ts'

/** Runs `work` so that a refusal in it says what it is about. */
export function naming<T>(what: string, work: () => T): T {
  try {
    const made = work()
    return made instanceof Promise
      ? (made.catch(error => {
          throw about(what, error)
        }) as T)
      : made
  } catch (error) {
    throw about(what, error)
  }
}

const about = (what: string, error: unknown): unknown =>
  error instanceof Fault ? reworded(error, `${what}: ${error.message}`) : error
