/** Rows as text: JSON, CSV and NDJSON, whole or piece by piece. */
import type { ColumnType } from '../catalog/column.ts'
import { csvField, csvLine } from '../lib/csv.ts'

export const FORMATS = ['json', 'csv', 'ndjson'] as const
export type Format = (typeof FORMATS)[number]

/** A column of an answer. Of one that the caller does not see raw the type is text. */
export interface AnswerColumn {
  name: string
  type: ColumnType
}

export type AnswerRow = Record<string, unknown>

/** Which rows of all an answer holds. */
export interface Page {
  limit: number
  offset: number
  has_more: boolean
  /** how many rows there are on all pages, where the definition asks for it */
  total?: number
  /** the `cursor` of the next page; absent on the last, and where the order does not end in a unique key */
  next?: string
}

/** Writes one kind of answer: its beginning, rows in pieces, and its end. Nothing is kept between calls. */
export interface AnswerWriter {
  head: string
  /** @param first whether these are the answer's first rows */
  rows(rows: readonly AnswerRow[], first: boolean): string
  tail(count: number, page: Page): string
}

export function writerOf(format: Format, columns: readonly AnswerColumn[]): AnswerWriter {
  switch (format) {
    case 'json':
      return jsonWriter(columns)
    case 'csv':
      return csvWriter(columns)
    case 'ndjson':
      return ndjsonWriter()
  }
}

/** `{columns, rows, count, limit, offset, has_more, total?, next?}` as `JSON.stringify` would write it. */
function jsonWriter(columns: readonly AnswerColumn[]): AnswerWriter {
  return {
    head: `{"columns":${JSON.stringify(columns)},"rows":[`,
    rows: (rows, first) => {
      if (rows.length === 0) return ''
      const text = JSON.stringify(rows).slice(1, -1)
      return first ? text : `,${text}`
    },
    tail: (count, { limit, offset, has_more, total, next }) => {
      const end = `],"count":${count},"limit":${limit},"offset":${offset},"has_more":${has_more}`
      return `${end}${total === undefined ? '' : `,"total":${total}`}${next === undefined ? '' : `,"next":"${next}"`}}`
    },
  }
}

function csvWriter(columns: readonly AnswerColumn[]): AnswerWriter {
  const fields = columns.map(({ name, type }) =>
    // a text among JSON values keeps its quotes, as the JSON text that it is
    type === 'json'
      ? (row: AnswerRow) => (row[name] === null ? '' : csvField(JSON.stringify(row[name])))
      : (row: AnswerRow) => csvField(row[name]),
  )
  return {
    head: csvLine(columns.map(({ name }) => csvField(name))),
    rows: rows => rows.map(row => csvLine(fields.map(field => field(row)))).join(''),
    tail: () => '',
  }
}

const ndjsonWriter = (): AnswerWriter => ({
  head: '',
  rows: rows => rows.map(row => `${JSON.stringify(row)}\n`).join(''),
  tail: () => '',
})
