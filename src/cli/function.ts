import { existsSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { MAX_SOURCE } from '../catalog/handler.ts'
import { replyOf } from '../endpoints/function.ts'
import { checkDepth, HandlerFault, limitsOf, readAnswer } from '../endpoints/handler.ts'
import { deadlineIn } from '../lib/deadline.ts'
import { Fault, notServed } from '../lib/fault.ts'
import { isObject } from '../lib/json.ts'
import { readText } from '../management/manifest/read.ts'
import types from '../sandbox/callgate.d.ts.txt' with { type: 'text' }
import type { HandlerError } from '../sandbox/failure.ts'
import { FunctionRunner } from '../sandbox/runner.ts'
import { CommandError } from './command-error.ts'

const USAGE =
  '"callgate function types" prints the types of handlers; "callgate function test HANDLER [--request FILE]" runs one.'
const REQUEST = { method: 'POST', path: '/', params: {}, query: {}, headers: {} }
/** What a busy machine may take to start the process that runs it, which is not the handler's time. */
const START_MS = 60_000
/** of a function's request, and of what hooks get */
const KNOWN = new Set([...Object.keys(REQUEST), 'body', 'rows', 'input', 'predictions', 'probabilities'])

/** `callgate function types | test`: for authors; it needs no server. @returns the exit status; 1: the handler failed; 2: usage */
export async function functionCommand([what, ...rest]: string[]): Promise<number> {
  if (what === 'test') return test(rest)
  if (what !== 'types' || rest.length > 0) throw new CommandError(USAGE, 2)
  process.stdout.write(types)
  return 0
}

/**
 * Runs a handler once, in the sandbox and within a function's limits: its answer on stdout, what it logged and what it failed
 * with on stderr.
 */
async function test(argv: string[]): Promise<number> {
  const { file, request } = readArguments(argv)
  const source = readText(file)
  if (source.length > MAX_SOURCE)
    throw new CommandError(`${file} is longer than a handler may be: ${MAX_SOURCE} characters.`)
  const limits = limitsOf({})
  const runner = new FunctionRunner(1)
  try {
    await runner.handlers.check([source])
    const verdict = runner.handlers.known(source)!
    if ('error' in verdict) return failed(file, verdict.error)
    const handler = await runner.handlers.compiled(source)
    const deadline = deadlineIn(START_MS + limits.wallMs)
    const ran = await runner.run({ handler, request, limits, deadline, nested: false, host: noService })
    for (const line of ran.log) console.error(`log: ${line}`)
    const { status, headers, body } = readAnswer(ran, replyOf)
    console.error(`status: ${status}${headers['content-type'] ? `, ${headers['content-type']}` : ''}`)
    process.stdout.write(typeof body === 'string' ? `${body}\n` : (body ?? ''))
    return 0
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    console.error(`status: ${error.status}, ${error.message}`)
    return error instanceof HandlerFault ? failed(file, error.failure) : 1
  } finally {
    runner.close()
  }
}

const noService = async () => {
  throw notServed('There is no service around a handler that is tested by itself: publish it, or dry-run it.')
}

/** @throws CommandError usage; a file that is not there, or holds no request. @throws Fault 400 it nests too deep, 422 it cannot be read */
function readArguments(argv: string[]): { file: string; request: string } {
  let values: { request?: string }
  let positionals: string[]
  try {
    const parsed = parseArgs({ args: argv, options: { request: { type: 'string' } }, allowPositionals: true })
    values = parsed.values
    positionals = parsed.positionals
  } catch {
    throw new CommandError(USAGE, 2)
  }
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new CommandError(USAGE, 2)
  for (const path of [file, values.request ?? file])
    if (!existsSync(path) || statSync(path).isDirectory()) throw new CommandError(`There is no file ${path}.`)
  let given: unknown = {}
  if (values.request !== undefined) {
    const text = readText(values.request)
    checkDepth(text)
    try {
      given = JSON.parse(text)
    } catch {
      throw new CommandError(`${values.request} is not valid JSON.`)
    }
  }
  if (!isObject(given) || Object.keys(given).some(name => !KNOWN.has(name)))
    throw new CommandError(
      'A request is a JSON object: {"method", "path", "params", "query", "headers", "body"}, each optional.',
    )
  const { headers = {} } = given
  if (!isObject(headers)) throw new CommandError('The headers of a request are a JSON object of names and texts.')
  // a server has them in lower case
  const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { file, request: JSON.stringify({ ...REQUEST, ...given, headers: lowered }) }
}

function failed(file: string, error: HandlerError): number {
  const { line, column } = error
  const place = line === undefined ? file : `${file}:${line}${column === undefined ? '' : `:${column}`}`
  console.error(`${place}: ${textOfError(error)}`)
  return 1
}

const textOfError = ({ name, message, stack, cause }: HandlerError): string =>
  `${name}: ${message}${stack ? `\n${stack.replace(/^/gm, '    ')}` : ''}${cause ? `\ncaused by ${textOfError(cause)}` : ''}`
