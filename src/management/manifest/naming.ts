import { Fault } from '../../lib/fault.ts'

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

function about(what: string, error: unknown): unknown {
  if (!(error instanceof Fault)) return error
  const { status, code, message, cause, headers, members } = error
  return new Fault(status, code, `${what}: ${message}`, { cause, headers, members })
}
