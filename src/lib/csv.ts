/** CSV as RFC 4180 has it: CRLF after every line, quotes doubled inside quotes. */

/** What must be quoted to be read back as it is; other delimiters too, as readers guess theirs from the first line. */
const SPECIAL = /^$|[",;|\t\r\n]|^\s|\s$/

const quoted = (text: string): string => (SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/**
 * A field: NULL is empty and empty text is `""`, so that they stay apart; numbers and booleans as JSON writes them (what JSON
 * has no number for is NULL there, and here); lists and objects as their JSON. Text is never altered, whatever a spreadsheet
 * may take it for.
 */
export function csvField(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : ''
  return typeof value === 'object' ? quoted(JSON.stringify(value)) : String(value)
}

/** One line, with its end. */
export const csvLine = (fields: readonly string[]): string => `${fields.join(',')}\r\n`
