/** What is wrong with a handler, and where: lines and columns are counted from 1. */
export interface HandlerError {
  name: string
  message: string
  line?: number
  column?: number
  /** the handler's own frames */
  stack?: string
  cause?: HandlerError
}

/** As the guest tells it. */
interface Told {
  name: string
  message: string
  stack: string
  /** names of its class and of those that it extends */
  classes?: string[]
  cause?: Told
}

/** Frames that are shown: the text is the guest's, and may say that there are thousands. */
const FRAMES = 100

/**
 * What a guest failed with (`e{...}`), for its author: only its own frames, and the place of the first.
 * @param code the handler's, which the places are in
 */
export function handlerError(failure: string, code: string): HandlerError {
  const error = errorOf(JSON.parse(failure.slice(1)) as Told, code.split('\n'))
  const [, module] = /^could not load module '(.*)'$/s.exec(error.message) ?? []
  if (module === undefined) return error
  return sought(
    error,
    code,
    // the engine has left out what it begins with
    `\\b(?:from|import)[\\s(]*["'\`]((?:\\.{1,2}/)*${RegExp.escape(module)})["'\`]`,
    path => `there are no modules to import, and so no '${path || module}'; \`import type\` is for types`,
  )
}

/** Of what the engine does not say where it is: the line on which the first of this ends. */
export function sought(
  error: HandlerError,
  code: string,
  pattern: string,
  says: (found: string) => string,
): HandlerError {
  const [before, found = ''] = new RegExp(`^.*?${pattern}`, 's').exec(code) ?? []
  const line = before?.split('\n').length
  return { ...error, message: says(found), ...(line === undefined ? {} : { line }) }
}

/** In place of what JavaScript has elsewhere, and not here. */
const INSTEAD: Record<string, string> = {
  AbortController: 'host calls end with their call',
  Buffer: 'use Uint8Array, which has toBase64, toHex, fromBase64 and fromHex',
  Headers: 'write an object, a Map, or a list of pairs',
  Intl: 'nothing here knows languages or time zones',
  Response: 'return the value itself, or host.reply(body, { status, headers })',
  Temporal: 'use Date',
  URL: 'take it apart with a regular expression',
  URLSearchParams: 'request.query is read already; else split the text, and use decodeURIComponent',
  crypto: 'host.uuid makes random UUIDs',
  exports: 'write `export default`',
  fetch: 'use host.fetch',
  module: 'write `export default`',
  process: 'a handler sees nothing of the server that it runs in',
  require: 'there are no modules',
  setInterval: 'a handler can wait for host calls only',
  setTimeout: 'a handler can wait for host calls only',
  structuredClone: 'use JSON.parse(JSON.stringify(value))',
}

function helped(name: string, message: string): string {
  const [, missing = ''] = (name === 'ReferenceError' && /^(\w+) is not defined$/.exec(message)) || []
  return Object.hasOwn(INSTEAD, missing) ? `${message}: ${INSTEAD[missing]}` : message
}

function errorOf({ name, message, stack, classes = [], cause }: Told, lines: string[]): HandlerError {
  const own = stack
    .split('\n')
    .filter(frame => frame.includes('handler.ts'))
    .slice(0, FRAMES)
    .map(frame =>
      frame.trim().replace(PLACE, (_, line, byte) =>
        // the engine does not know where it is in the value of a field of a class
        line === '0' ? 'handler.ts' : `handler.ts:${line}:${columnOf(lines[Number(line) - 1], Number(byte))}`,
      ),
    )
  // an error is made where its class is called, and not in there
  const made = own.findIndex(frame => !classes.includes(/^at (.*) \(/.exec(frame)?.[1] ?? ''))
  const frames = own.slice(Math.max(0, made))
  const [, line, column] = /handler\.ts:(\d+)(?::(\d+))?/.exec(frames[0] ?? '') ?? []
  return {
    name,
    message: helped(name, message),
    ...(line ? { line: Number(line) } : {}),
    ...(column ? { column: Number(column) } : {}),
    ...(frames.length > 0 ? { stack: frames.join('\n') } : {}),
    ...(cause ? { cause: errorOf(cause, lines) } : {}),
  }
}

/** Characters of an error that a line of the log shows. */
const SHOWN = 1000

/** For the log: what a promise was rejected with that nothing waited for. */
export function unheardLine(failure: string, code: string): string {
  const { name, message, line } = handlerError(failure, code)
  const at = line === undefined ? '' : `, line ${line}`
  return `... (a promise was rejected, and nothing waited for it: ${`${name}: ${message}`.slice(0, SHOWN)}${at})`
}

const PLACE = /handler\.ts:(\d+):(\d+)/

/** The longest line that is gone through: a place beyond it is nothing that people look up. */
const LINE = 10_000

/** The engine counts a line's bytes, from 1. @returns its characters, as elsewhere */
function columnOf(line: string | undefined, byte: number): number {
  if (line === undefined || line.length > LINE || Buffer.byteLength(line) === line.length) return byte
  return Buffer.from(line).toString('utf8', 0, byte - 1).length + 1
}
