/** From the rows of an engine to what is answered: values, masks, and text in a format. Runs here and in query workers. */
import type { EngineName } from '../catalog/datasets.ts'
import { dialectOf } from './dialects.ts'
import { type AnswerColumn, type AnswerRow, type Format, writerOf } from './formats.ts'
import { maskOf } from './masks.ts'
import type { View } from './policy.ts'
import type { Statement } from './sql.ts'
import type { StoredValue } from './values.ts'

/** What makes answered rows of an engine's: plain data, so that a worker can be given it. */
export interface RowShape {
  engine: EngineName
  outputs: View['outputs']
  statement: Pick<Statement, 'bigints' | 'hidden' | 'keys'>
  /** for the `hash` mask */
  secret: Uint8Array
}

/** How the rows of one answer become text. */
export interface Rendering {
  shape: RowShape
  columns: readonly AnswerColumn[]
  format: Format
  /** rows beyond it are not written: they tell that there are more */
  limit: number
}

/** Some of an answer's text, from its beginning on; the end, which says where the next page is, is not in it. */
export interface Piece {
  bytes: Uint8Array
  /** rows in it */
  count: number
  /** whether there are more rows than the answer's limit */
  more: boolean
  /** then, the values by which its last row is found again */
  last?: StoredValue[]
}

/** Turns an engine's values into answered ones, in place; null where every column is answered as it is selected. */
export function rowRenderer({ engine, outputs, statement, secret }: RowShape): ((row: AnswerRow) => void) | null {
  const steps: ((row: AnswerRow) => void)[] = statement.hidden.map(name => row => {
    delete row[name]
  })
  const { decoder } = dialectOf({ engine })
  for (const output of outputs) {
    const { name, column, treatment } = output
    if (treatment === 'blocked') continue
    if (treatment === 'masked' && (column.mask ?? 'redact') === 'redact') continue // the engine did it
    const decode = decoder(output, statement.bigints)
    if (decode)
      steps.push(row => {
        row[name] = decode(row[name] as never)
      })
    if (treatment === 'masked') {
      const mask = maskOf(column, secret)
      steps.push(row => {
        row[name] = row[name] === null ? null : mask(row[name])
      })
    }
  }
  if (steps.length === 0) return null
  return row => {
    for (const step of steps) step(row)
  }
}

/** The values by which a cursor finds a row again, before it is rendered in place. */
export const keysOf = (row: AnswerRow, keys: readonly string[]): StoredValue[] =>
  keys.map(key => row[key] as StoredValue)

/** Makes an answer's pieces of its rows, batch after batch. @param endingFirst the first batch is of where the page ends */
export function pieceMaker(
  { shape, columns, format, limit }: Rendering,
  endingFirst = false,
): (rows: AnswerRow[]) => Piece {
  const { keys } = shape.statement
  const render = rowRenderer(shape)
  const writer = writerOf(format, columns)
  let begun = false
  let written = 0
  let more = false
  let last: StoredValue[] | undefined
  let toldEnding = !endingFirst
  return rows => {
    if (!toldEnding) {
      toldEnding = true
      return endingOf(rows, keys)
    }
    const beyond = written + rows.length > limit
    more ||= beyond // and stays so: the last batch may be an empty one
    const wanted = beyond ? rows.slice(0, limit - written) : rows
    if (keys.length > 0 && wanted.length > 0 && written + wanted.length === limit) last = keysOf(wanted.at(-1)!, keys)
    const answered = columns.length === 0 ? wanted.map(() => ({})) : wanted
    if (render && columns.length > 0) for (const row of answered) render(row)
    const text = `${begun ? '' : writer.head}${writer.rows(answered, written === 0)}`
    begun = true
    written += wanted.length
    return { bytes: Buffer.from(text), count: wanted.length, more, ...(more && last ? { last } : {}) }
  }
}

/** What will be said of where a page ends, of its last row and of one after it: a piece without rows. */
function endingOf([last, after]: AnswerRow[], keys: readonly string[]): Piece {
  const more = after !== undefined
  return { bytes: new Uint8Array(), count: 0, more, ...(more && keys.length > 0 ? { last: keysOf(last!, keys) } : {}) }
}

/** What a worker gives of rows: themselves, or the text that is asked for. */
export const asAsked = ({
  rendering,
  before,
}: {
  rendering?: Rendering
  before?: unknown
}): ((rows: AnswerRow[]) => AnswerRow[] | Piece) =>
  rendering ? pieceMaker(rendering, before !== undefined) : rows => rows
