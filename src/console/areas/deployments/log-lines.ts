/** Where a line of a log comes from; `gap` stands for lines that are missing. */
export type Stream = 'out' | 'err' | 'callgate' | 'gap'

export interface LogLine {
  /** counts the lines of a view */
  id: number
  /** as it is written in the log */
  raw: string
  /** ISO 8601; empty where it has none */
  at: string
  /** revision and number of the process: `r2.1` */
  source: string
  stream: Stream
  /** without escape sequences for terminals */
  text: string
}

const LINE = /^(\d{4}-\S+Z) (r\d+\.\d+) (?:(out|err) |callgate: )?(.*)$/s
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[ -/]*[@-~]`, 'g')

/** A line as Callgate writes it: time, process, stream (none: its own remark), text. */
export function lineOf(id: number, raw: string): LogLine {
  const [, at = '', source = '', stream, text = raw] = LINE.exec(raw) ?? []
  const plain = text.includes('\u001b') ? text.replace(ESCAPES, '') : text
  return { id, raw, at, source, stream: (stream as 'out' | 'err' | undefined) ?? 'callgate', text: plain }
}

export const gapAt = (id: number, text: string): LogLine => ({ id, raw: text, at: '', source: '', stream: 'gap', text })

const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
})

/** The time of a line as the reader's clock has it. @param at ISO 8601 */
export const clockOf = (at: string): string => clock.format(new Date(at))

/** Lines as they are written, with the reader's time in the place of theirs. */
export const withClock = (log: string): string => log.replace(/^\d{4}-\S+Z(?= )/gm, clockOf)
