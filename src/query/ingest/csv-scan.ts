import { createReadStream, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { wrong } from './wrong.ts'

/**
 * What DuckDB's reader does not tell: the header as it is written, and in which line of the file something is.
 * The data itself is always read by DuckDB.
 */
interface Dialect {
  delimiter: string
  names: string[]
  /** how the header's line ends; empty: nothing is behind it */
  ending: string
}

/** The longest record, in bytes, header included. */
export const MAX_RECORD = 16_000_000
const MAX_HEADER = 1_000_000
const DELIMITERS = [',', ';', '|', '\t']

/** The bytes of the file from a place on, decompressed, without a byte order mark. @throws zlib's errors */
export async function* bytesOf(path: string, gzip: boolean, start = 0): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 1 << 18, start })
  const stream = gzip ? file.pipe(createGunzip()) : file
  if (gzip) file.on('error', error => stream.destroy(error))
  let first = true
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      yield first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk
      first = false
    }
  } finally {
    stream.destroy()
    file.destroy()
  }
}

/**
 * The header line's names and the delimiter: a tab for tsv, else the one of `, ; |` and tab that the line has most of.
 * @throws Fault 422: an empty file, no text, not UTF-8, a header that is empty or too long
 */
export async function readHeader(path: string, gzip: boolean, delimiter?: string): Promise<Dialect> {
  const { bytes, open } = await headerBytes(path, gzip, delimiter === undefined ? DELIMITERS : [delimiter])
  if (bytes.length === 0) throw wrong('the file is empty')
  const text = decode(bytes)
  if (open) throw wrong('a quoted name is never closed', { unit: 'line', row: 1 })
  const ending = /(?:\r?\n|\r)?$/.exec(text)![0]
  const line = text.slice(0, text.length - ending.length)
  if (line.trim() === '') throw wrong('the header is empty', { unit: 'line', row: 1 })
  const chosen = delimiter ?? mostFrequent(line)
  return { delimiter: chosen, names: fields(line, chosen, true), ending }
}

/** Of the first record, what it ends with included; and whether it ends within quotes, with the file. */
async function headerBytes(
  path: string,
  gzip: boolean,
  delimiters: string[],
): Promise<{ bytes: Uint8Array; open: boolean }> {
  const parts: Uint8Array[] = []
  let size = 0
  let state: State = 'start'
  let afterCr = false
  try {
    for await (const chunk of bytesOf(path, gzip)) {
      for (let i = 0; i < chunk.length; i++) {
        const byte = chunk[i]!
        const ends = byte === LF && state !== 'quoted'
        if (ends || afterCr)
          return { bytes: Buffer.concat([...parts, chunk.subarray(0, ends ? i + 1 : i)]), open: false }
        afterCr = byte === CR && state !== 'quoted'
        state = after(state, String.fromCharCode(byte), delimiters)
        if (++size > MAX_HEADER) throw wrong('the header is longer than 1 MB', { unit: 'line', row: 1 })
      }
      parts.push(chunk)
    }
  } catch (error) {
    if (isZlib(error)) throw wrong('the file is not a whole gzip file', {}, error)
    throw error
  }
  return { bytes: Buffer.concat(parts), open: state === 'quoted' }
}

/** Where in a field a reader is: quotes count at its beginning only, but for spaces, and are text anywhere else. */
type State = 'start' | 'plain' | 'quoted' | 'closed'

function after(state: State, c: string, delimiters: string[]): State {
  if (state === 'quoted') return c === '"' ? 'closed' : 'quoted'
  if (delimiters.includes(c)) return 'start'
  if (c === '"') return state === 'plain' ? 'plain' : 'quoted'
  return c === ' ' ? state : 'plain'
}

/**
 * Whether DuckDB might leave out records of the file without a word: what a gzip file lacks that is cut off or damaged, and
 * a last line of hundreds of megabytes.
 */
export async function losesRecords(path: string, gzip: boolean): Promise<boolean> {
  const size = gzip ? 0 : statSync(path).size
  if (!gzip && size <= MAX_RECORD) return false
  let length = 0
  let longest = 0
  try {
    for await (const chunk of bytesOf(path, gzip, Math.max(0, size - MAX_RECORD - 3))) {
      const breaks = [LF, CR].filter(end => chunk.includes(end))
      length += Math.min(chunk.length, ...breaks.map(end => chunk.indexOf(end)))
      longest = Math.max(longest, length)
      if (breaks.length > 0) length = chunk.length - 1 - Math.max(...breaks.map(end => chunk.lastIndexOf(end)))
    }
  } catch (error) {
    if (isZlib(error)) return true
    throw error
  }
  return longest > MAX_RECORD
}

/** Whether it is an error of the file's compression. */
export const isZlib = (error: unknown): boolean => String((error as NodeJS.ErrnoException).code).startsWith('Z_')

/** @throws Fault 422 what it is instead, where its first bytes say so: what a program calls csv is not always text */
function decode(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {}
  const start = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  const [, is] = KINDS.find(([begins]) => start.startsWith(begins)) ?? []
  throw wrong(`the file is not UTF-8 text${is ? `, but ${is}` : ''}`, { unit: 'line', row: 1 })
}

const KINDS = [
  ['\xff\xfe', 'UTF-16: save it as CSV UTF-8'],
  ['\xfe\xff', 'UTF-16: save it as CSV UTF-8'],
  ['\x1f\x8b', 'gzip: call it .csv.gz'],
  ['PK\x03\x04', 'a zip file or an Excel workbook'],
  ['PAR1', 'a parquet file'],
] as const

function mostFrequent(line: string): string {
  const counts = DELIMITERS.map(delimiter => fields(line, delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!
}

/**
 * The fields of a line, as DuckDB has those of records: without the spaces around quotes.
 * @throws Fault 422, by the delimiter that was chosen: text behind a quoted name
 */
function fields(line: string, delimiter: string, isChosen = false): string[] {
  const found: string[] = []
  let field = ''
  let state: State = 'start'
  for (const c of line) {
    const next = after(state, c, [delimiter])
    if (next === 'start' && c === delimiter) {
      found.push(field)
      field = ''
    } else if (isChosen && next === 'plain' && state === 'closed') throw wrong(AFTER_QUOTE, { unit: 'line', row: 1 })
    else if (next === 'quoted' && state === 'start') field = ''
    else if (next !== 'closed') field += c
    state = next
  }
  return [...found, field]
}

const QUOTE = 34
const LF = 10
const CR = 13
const SPACE = 32
const NOT_UTF8 = 'not UTF-8 text'
const AFTER_QUOTE = 'characters after a closing quote'

interface Problem {
  line: number
  what: string
}

/** The bytes of characters beyond ASCII, one after the other. */
class Utf8 {
  /** how many are still to come of a character that has begun */
  pending = 0
  #least = 0
  #most = 0

  /** Whether this may be the next one. */
  takes(byte: number): boolean {
    if (this.pending > 0 ? byte < this.#least || byte > this.#most : byte < 0xc2 || byte > 0xf4) return false
    this.pending = this.pending > 0 ? this.pending - 1 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
    // nothing longer than it has to be, no halves of characters, and nothing beyond the last one
    this.#least = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80
    this.#most = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf
    return true
  }
}

/**
 * Walks the records of a file. `onRecord` gets each one's first line, counted from 1, its number of fields (0 for a blank
 * line) and ends the walk with `true`. Resolves with the first thing that no csv reader could accept, if there is one.
 */
export async function walkRecords(
  path: string,
  gzip: boolean,
  delimiter: string,
  onRecord: (line: number, fields: number, lastIsEmpty: boolean) => boolean | undefined,
): Promise<Problem | undefined> {
  const comma = delimiter.charCodeAt(0)
  let line = 1
  let start = 1
  let fieldCount = 0
  let length = 0
  let state: State = 'start'
  let opened = 1
  let afterCr = false
  let ending: 'lf' | 'crlf' | 'cr' | undefined
  const utf8 = new Utf8()
  const mixed = () => ({ line: start, what: 'the line ends differently (LF or CRLF) from the lines before it' })
  const finish = () => {
    const stop = onRecord(start, length === 0 ? 0 : fieldCount + 1, state === 'start')
    fieldCount = 0
    length = 0
    state = 'start'
    return stop
  }
  for await (const chunk of bytesOf(path, gzip)) {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if ((byte > 127 || utf8.pending > 0) && !utf8.takes(byte)) return { line, what: NOT_UTF8 }
      if (afterCr) {
        afterCr = false
        const now = byte === LF ? 'crlf' : 'cr'
        ending ??= now
        if (ending !== now) return mixed()
        if (finish()) return
        start = ++line
        if (byte === LF) continue
      }
      if (state === 'quoted') {
        length++
        if (byte === QUOTE) state = 'closed'
        else if (byte === LF || (byte === CR && ending === 'cr')) line++
      } else if (byte === LF) {
        ending ??= 'lf'
        if (ending !== 'lf') return mixed()
        if (finish()) return
        start = ++line
      } else if (byte === CR) afterCr = true
      else {
        length++
        if (byte === comma) {
          fieldCount++
          state = 'start'
        } else if (state === 'start') {
          if (byte === QUOTE) {
            state = 'quoted'
            opened = line
          } else if (byte !== SPACE) state = 'plain'
        } else if (state === 'closed') {
          if (byte === QUOTE) state = 'quoted'
          else if (byte !== SPACE) return { line, what: AFTER_QUOTE }
        }
      }
      if (length > MAX_RECORD && state !== 'quoted') return { line: start, what: 'longer than 16 MB' }
    }
  }
  if (utf8.pending > 0) return { line, what: NOT_UTF8 }
  if (state === 'quoted') return { line: opened, what: 'a quoted field is never closed' }
  if (length > MAX_RECORD) return { line: start, what: 'longer than 16 MB' }
  if (length > 0 || afterCr) finish()
  return undefined
}
