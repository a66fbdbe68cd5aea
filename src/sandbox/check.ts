import { type HandlerError, handlerError, sought } from './failure.ts'
import type { Verdict } from './frames.ts'
import type { Guests } from './guests.ts'
import { Stopped } from './stopped.ts'
import { ParserSpent, withoutTypes } from './typescript.ts'

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
    return failure === undefined ? { code } : { error: explained(handlerError(failure, code), code, guests) }
  } catch (error) {
    if (error instanceof Stopped)
      return { error: { name: 'Error', message: OVER[error.reason] ?? 'it cannot be loaded' } }
    if (error instanceof ParserSpent) return { error: { name: error.name, message: error.message }, spent: true }
    const { name, message, line, column } = error as HandlerError
    return { error: { name, message, line, column } }
  }
}

/** What the engine refuses in words that do not say what to write instead, or without saying where. */
function explained(error: HandlerError, code: string, guests: Pick<Guests, 'try'>): HandlerError {
  const { name, message, line, column } = error
  const [, exported] = /^exported variable '(.*)' does not exist$/s.exec(message) ?? []
  if (exported !== undefined)
    return sought(
      error,
      code,
      `\\bexport\\s*\\{[^}]*?\\b(${RegExp.escape(exported)})\\b`,
      () => `'${exported}' is exported, and is no value; \`export type\` is for types`,
    )
  if (name !== 'SyntaxError') return error
  // it says where of everything else
  if (line === undefined)
    return {
      ...error,
      message: `a regular expression in it is not valid: ${message}`,
      line: lineOf(message, code, guests),
    }
  if (code.split('\n')[line - 1]?.[column! - 1] === '@')
    return { ...error, message: 'decorators are not supported: call them as functions, with the class' }
  return error
}

/** Characters of code that is parsed again and again: of more that takes seconds, and a beginning may take more than it may. */
const LOOKED_THROUGH = 64 * 1024

/** The last line of the shortest beginning of the code that is refused for the same. */
function lineOf(message: string, code: string, guests: Pick<Guests, 'try'>): number | undefined {
  if (code.length > LOOKED_THROUGH) return undefined
  const lines = code.split('\n')
  let [before, line] = [0, lines.length]
  while (line - before > 1) {
    const middle = (before + line) >> 1
    // it is parsed, and not run
    const beginning = `throw 0;${lines.slice(0, middle).join('\n')}`
    const error = handlerError(guests.try(beginning)!, beginning)
    if (error.message === message && error.line === undefined) line = middle
    else before = middle
  }
  return line
}
