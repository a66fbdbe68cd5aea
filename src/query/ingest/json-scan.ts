import { isObject } from '../../lib/json.ts'
import { bytesOf } from './csv-scan.ts'

interface Problem {
  /** The record, from 1; absent where the file as a whole is meant. */
  row?: number
  what: string
}

/** Where a value may be one that JSON has not, if it is not in a string. */
const LOOSE = /(?:^|[:,[\s-])(?:nan|inf)/i

/** JSON has no NaN and no infinities, but DuckDB reads them, in any case, and writes them: outside strings they become null. */
export function strictJson(text: string): string {
  if (!LOOSE.test(text)) return text
  let inString = false
  return text.replace(/"|\\.|-?(?:inf(?:inity)?|nan)/gis, token => {
    if (token === '"') inString = !inString
    return inString || token === '"' || token[0] === '\\' ? token : 'null'
  })
}

/** Of a value's JSON: an escape of half a character, which JavaScript writes and DuckDB does not read. */
const HALF = /(?:^|[^\\])(?:\\\\)*\\ud[89a-f]/

/** The longest record, in bytes. */
export const MAX_OBJECT = 16_000_000

/**
 * The first record that is not JSON or not an object, of a file that DuckDB refused: its own positions are not always
 * right. The records are those of the array, or else the values one after the other (a line each in ndjson).
 */
export async function findBadRecord(path: string, lines: boolean): Promise<Problem | undefined> {
  let row = 1
  let text = ''
  let depth = 0
  let base: number | undefined = lines ? 0 : undefined
  let inString = false
  let escaped = false
  let ended = false
  const bad = (): Problem | undefined => {
    const record = text.trim()
    text = ''
    if (record === '') return undefined
    const what = wrongIn(record)
    if (what) return { row, what }
    row++
    return undefined
  }
  for await (const part of textsOf(path)) {
    if (part === undefined) return { row, what: 'not UTF-8 text' }
    for (const c of part) {
      if (lines) {
        if (c !== '\n') text += c
        else {
          const problem = bad()
          if (problem) return problem
        }
      } else {
        const space = c === ' ' || c === '\n' || c === '\r' || c === '\t'
        if (base === undefined && !space) {
          base = c === '[' ? 1 : 0
          if (base === 1) {
            depth = 1
            continue
          }
        }
        if (ended && !space) return { what: 'something follows the end of the array' }
        if (inString) {
          inString = escaped || c !== '"'
          escaped = !escaped && c === '\\'
        } else if (c === '"') inString = true
        else if (c === '{' || c === '[') depth++
        else if (c === '}' || c === ']') depth--
        if (!inString && base === 1 && ((c === ',' && depth === 1) || depth === 0)) {
          const isMissing = !ended && text.trim() === '' && (c === ',' || row > 1)
          const problem = isMissing ? { row, what: 'not valid JSON' } : bad()
          if (problem) return problem
          ended = depth === 0
          continue
        }
        text += c
        if (!inString && base === 0 && depth === 0 && c === '}') {
          const problem = bad()
          if (problem) return problem
        }
        if (depth < 0) return { row, what: 'not valid JSON' }
      }
      if (text.length > MAX_OBJECT) return { row, what: 'longer than 16 MB' }
    }
  }
  if (base === 1 && !ended) return bad() ?? { row, what: 'the file ends before the array does' }
  return bad()
}

/** What is wrong with a record; undefined: it is an object. */
function wrongIn(record: string): string | undefined {
  try {
    const value: unknown = JSON.parse(strictJson(record))
    if (!isObject(value)) return 'not an object'
    if (HALF.test(JSON.stringify(value))) return 'half a character in a text: \\ud800 to \\udfff stand in pairs'
    return undefined
  } catch {
    return 'not valid JSON'
  }
}

/** The text of a file in pieces; where it goes on with what is none, all that stands before that, and then undefined. */
async function* textsOf(path: string): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of bytesOf(path, false))
    try {
      yield decoder.decode(chunk, { stream: true })
    } catch {
      const again = new TextDecoder('utf-8', { fatal: true })
      let text = ''
      let at = 0
      while (at < 3 && chunk[at]! >> 6 === 2) at++ // what a character goes on with that began in the chunk before
      try {
        for (; at < chunk.length; at++) text += again.decode(chunk.subarray(at, at + 1), { stream: true })
      } catch {}
      yield text
      yield undefined
      return
    }
}
