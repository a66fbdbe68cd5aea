import { type HandlerError, handlerError } from './failure.ts'
import type { Verdict } from './frames.ts'
import type { Guests } from './guests.ts'
import { Stopped } from './machine.ts'
import { withoutTypes } from './typescript.ts'

const OVER: Record<string, string> = {
  cpu: 'it takes more than a second of CPU to load',
  memory: 'it takes more memory to load than a handler has',
  stack: 'it overflows the stack when it is loaded',
}

/** Whether a source is a handler: it parses, loads by itself, and exports a function. Nothing of it is called. */
export async function checkHandler(guests: Pick<Guests, 'try'>, source: string): Promise<Verdict> {
  try {
    const code = await withoutTypes(source)
    const failure = guests.try(code)
    return failure === undefined ? { code } : { error: handlerError(failure) }
  } catch (error) {
    if (error instanceof Stopped)
      return { error: { name: 'Error', message: OVER[error.reason] ?? 'it cannot be loaded' } }
    const { name, message, line, column } = error as HandlerError
    return { error: { name, message, line, column } }
  }
}
