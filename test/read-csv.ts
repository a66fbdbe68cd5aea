/** A strict reader of RFC 4180, for tests: records of fields, where an unquoted empty field is null. */
export function readCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = []
  let at = 0
  while (at < text.length) {
    const record: (string | null)[] = []
    for (;;) {
      let field: string | null
      if (text[at] === '"') {
        field = ''
        for (at++; ; at++) {
          if (at >= text.length) throw new Error('a quote is not closed')
          if (text[at] !== '"') field += text[at]
          else if (text[at + 1] === '"') field += text[at++]
          else break
        }
        at++
      } else {
        const rest = /[^",\r\n]*/y
        rest.lastIndex = at
        field = rest.exec(text)![0]
        at += field.length
        if (field === '') field = null
      }
      record.push(field)
      if (text[at] === ',') at++
      else break
    }
    if (text.slice(at, at + 2) !== '\r\n') throw new Error(`a record does not end in CRLF: ${text.slice(at, at + 20)}`)
    at += 2
    records.push(record)
  }
  return records
}

/** What a CSV field is of a value of the JSON answer. */
export function csvOf(value: unknown, type: string): string | null {
  if (value === null) return null
  return type === 'json' || typeof value === 'object' ? JSON.stringify(value) : String(value)
}
