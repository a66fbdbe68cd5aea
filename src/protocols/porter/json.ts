/** porter's JSON: keys sorted, everything but ASCII escaped, a line feed at the end; integers of any size as they are. */
import { badRequest } from '../../lib/fault.ts'
import { inAscii, parseLossless, tooDeep } from '../../lib/json.ts'

/** A number as its sender wrote it. */
class Verbatim {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export const porterJson = (value: unknown): string => `${write(value)}\n`

function write(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
      return value instanceof Verbatim ? value.text : object(value as Record<string, unknown>)
    default:
      return 'null'
  }
}

function object(value: Record<string, unknown>): string {
  const keys = Object.keys(value)
    .filter(key => value[key] !== undefined)
    .sort()
  return `{${keys.map(key => `${quote(key)}:${write(value[key])}`).join(',')}}`
}

const quote = (text: string): string => inAscii(JSON.stringify(text))

export interface PorterBody {
  text: string
  value: unknown
  /** the rows' ids as they were written: beyond 2^53, and `1.0` */
  ids(rows: readonly unknown[]): unknown[]
  /** all of it as it was written, to be given back where the app says so */
  verbatim(): unknown
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws Fault 400 what is not UTF-8 */
export function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw badRequest((error as Error).name, 'malformed_body')
  }
}

/** An id that is written as a fraction, with an exponent or with more digits than are kept: its number alone does not say how. */
const VERBATIM_ID = /"id"\s*:\s*-?(?:\d+[.eE]|\d{41})/

/** @throws Fault 400 what is not JSON in UTF-8, or nests deeper than anything here needs: by the name of the error; or it is null */
export function parsePorter(bytes: Uint8Array): PorterBody {
  const text = textOf(bytes)
  let value: unknown
  try {
    value = parseLossless(text)
    if (tooDeep(text)) throw new SyntaxError('too deep')
  } catch (error) {
    throw badRequest((error as Error).name, 'malformed_body')
  }
  if (value === null) throw badRequest('null', 'malformed_body')
  const verbatim = (wanted: (key: string) => boolean) =>
    JSON.parse(text, ((key: string, part: unknown, context: { source?: string }) =>
      typeof part === 'number' && wanted(key) ? new Verbatim(context.source!) : part) as (
      key: string,
      part: unknown,
    ) => unknown)
  return {
    text,
    value,
    ids(rows) {
      const written = VERBATIM_ID.test(text) ? [verbatim(key => key === 'id')].flat() : rows
      return written.map(row => (row as { id: unknown }).id)
    },
    verbatim: () => verbatim(() => true),
  }
}
