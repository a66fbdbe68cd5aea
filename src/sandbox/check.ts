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

/** An import, which the engine refuses without saying where: what to write instead, and its line. */
function explained(error: HandlerError, code: string): HandlerError {
  const [, module] = /^could not load module '(.*)'$/s.exec(error.message) ?? []
  if (module === undefined) return error
  const [before] = new RegExp(`^.*?\\b(?:from|import)[\\s(]*(['"])${RegExp.escape(module)}\\1`, 's').exec(code) ?? []
  const line = before?.split('\n').length
  const message = `there are no modules to import, and so no '${module}'; \`import type\` is for types`
  return { ...error, message, ...(line === undefined ? {} : { line }) }
}
