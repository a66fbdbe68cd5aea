import { type HandlerError, handlerError } from './failure.ts'
import type { Verdict } from './frames.ts'
import type { Guests } from './guests.ts'
import { Stopped } from './machine.ts'
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
    return failure === undefined ? { code } : { error: explained(handlerError(failure, code), code) }
  } catch (error) {
    if (error instanceof Stopped)
      return { error: { name: 'Error', message: OVER[error.reason] ?? 'it cannot be loaded' } }
    if (error instanceof ParserSpent) return { error: { name: error.name, message: error.message }, spent: true }
    const { name, message, line, column } = error as HandlerError
    return { error: { name, message, line, column } }
  }
}

/** What the engine refuses in words that do not say what to write instead, or without saying where. */
function explained(error: HandlerError, code: string): HandlerError {
  const { name, message, line, column } = error
  const at = (pattern: string, says: (found: string) => string): HandlerError => {
    const [before, found = ''] = new RegExp(`^.*?${pattern}`, 's').exec(code) ?? []
    const line = before?.split('\n').length
    return { ...error, message: says(found), ...(line === undefined ? {} : { line }) }
  }
  const [, module] = /^could not load module '(.*)'$/s.exec(message) ?? []
  if (module !== undefined)
    return at(
      // the engine has left out what it begins with
      `\\b(?:from|import)[\\s(]*(?:"|')((?:\\.{1,2}/)*${RegExp.escape(module)})(?:"|')`,
      path => `there are no modules to import, and so no '${path || module}'; \`import type\` is for types`,
    )
  const [, exported] = /^exported variable '(.*)' does not exist$/s.exec(message) ?? []
  if (exported !== undefined)
    return at(
      `\\bexport\\s*\\{[^}]*?\\b(${RegExp.escape(exported)})\\b`,
      () => `'${exported}' is exported, and is no value; \`export type\` is for types`,
    )
  if (name !== 'SyntaxError') return error
  // it says where of everything else
  if (line === undefined) return { ...error, message: `a regular expression in it is not valid: ${message}` }
  if (code.split('\n')[line - 1]?.[column! - 1] === '@')
    return { ...error, message: 'decorators are not supported: call them as functions, with the class' }
  return error
}
