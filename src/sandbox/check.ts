import { Stopped } from './engine.ts'
import type { Verdict } from './frames.ts'
import type { Guests } from './guests.ts'
import { type HandlerError, withoutTypes } from './typescript.ts'

const OVER: Record<string, string> = {
  cpu: 'it takes more than a second of CPU to load',
  memory: 'it takes more memory to load than a handler has',
  stack: 'it overflows the stack when it is loaded',
}

/** Whether a source is a handler: it parses, loads by itself, and exports a function. Nothing of it is called. */
export function checkHandler(guests: Pick<Guests, 'try'>, source: string): Verdict {
  try {
    const code = withoutTypes(source)
    const failure = guests.try(code)
    return failure === undefined ? { code } : { error: handlerError(failure) }
  } catch (error) {
    if (error instanceof Stopped)
      return { error: { name: 'Error', message: OVER[error.reason] ?? 'it cannot be loaded' } }
    const { name, message, line, column } = error as HandlerError
    return { error: { name, message, line, column } }
  }
}

/** What a guest failed with (`e{...}`), for its author: only its own frames, and the place of the first. */
export function handlerError(failure: string): HandlerError {
  const { name, message, stack } = JSON.parse(failure.slice(1)) as { name: string; message: string; stack: string }
  const frames = stack
    .split('\n')
    .filter(frame => frame.includes('handler.ts'))
    .map(frame => frame.trim())
  const [, line, column] = /handler\.ts:(\d+)(?::(\d+))?/.exec(frames[0] ?? '') ?? []
  return {
    name,
    message,
    ...(line ? { line: Number(line) } : {}),
    ...(column ? { column: Number(column) } : {}),
    ...(frames.length > 0 ? { stack: frames.join('\n') } : {}),
  }
}
