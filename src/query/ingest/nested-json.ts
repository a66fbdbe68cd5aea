import { identifier, literal } from '../../lib/sql.ts'
import { isoText } from './text-types.ts'

/** A type of lists, structures or maps, as DuckDB writes it. */
export const isNested = (type: string): boolean => /(\[\d*\]$)|^(STRUCT|MAP|UNION|VARIANT)\b/.test(type)

/**
 * SQL: a value of a nested type as the text of its JSON. What is in it is as it would be in a column: decimals are texts with
 * all their digits, times are ISO 8601, blobs base64.
 */
export const nestedJson = (x: string, type: string): string => `CAST(to_json(${answered(x, type, 0) ?? x}) AS VARCHAR)`

/** SQL: a part of a nested value, and, where it is not to be answered as it is, what is. */
interface Part {
  own: string
  written?: string | undefined
}

/** SQL: the value with such parts written so, or undefined where it has none. `level`: how many lists it is in */
function answered(x: string, type: string, level: number): string | undefined {
  const list = /^(.*)\[\d*\]$/s.exec(type)
  if (list) return ofEach(x, `v${level}`, answered(`v${level}`, list[1]!, level + 1))
  if (type.startsWith('STRUCT(')) {
    const fields = parts(type).map((field): Part & { name: string } => {
      const [, name = '', of = ''] = /^("(?:[^"]|"")*"|\w+) (.+)$/s.exec(field) ?? []
      const plain = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
      const own = `struct_extract(${x}, ${literal(plain)})`
      return { name: identifier(plain), own, written: answered(own, of, level) }
    })
    if (!fields.some(({ written }) => written)) return undefined
    const packed = fields.map(({ name, own, written }) => `${name} := ${written ?? own}`)
    return `CASE WHEN ${x} IS NOT NULL THEN struct_pack(${packed.join(', ')}) END`
  }
  if (type.startsWith('MAP(')) {
    const [key, value] = ['key', 'value'].map((side, i) => {
      const own = `struct_extract(v${level}, '${side}')`
      return { own, written: answered(own, parts(type)[i]!, level + 1) }
    }) as [Part, Part]
    if (!key.written && !value.written) return undefined
    // as text: a map that is made anew is refused where a key is in it twice
    const entry = `to_json(CAST(${key.written ?? key.own} AS VARCHAR)) || ':' || coalesce(to_json(${value.written ?? value.own}), 'null')`
    return `CAST('{' || array_to_string(${ofEach(`map_entries(${x})`, `v${level}`, entry)}, ',') || '}' AS JSON)`
  }
  if (type.startsWith('DECIMAL(')) return `CAST(${x} AS VARCHAR)`
  switch (type) {
    case 'BLOB':
      return `to_base64(${x})`
    case 'DATE':
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
    case 'TIMESTAMP_NS':
      return inYears(x, isoText(x), x)
    case 'TIMESTAMP WITH TIME ZONE': {
      const utc = `TRY(${x} AT TIME ZONE 'UTC')`
      return inYears(utc, `${isoText(utc)} || 'Z'`, x)
    }
    default:
      return undefined
  }
}

const ofEach = (x: string, name: string, value: string | undefined) =>
  value && `list_transform(${x}, lambda ${name}: ${value})`

const inYears = (x: string, iso: string, given: string) =>
  `CASE WHEN year(${x}) BETWEEN 0 AND 9999 THEN ${iso} ELSE CAST(${given} AS VARCHAR) END`

/** What stands between the outer parentheses of a type, at its commas. */
function parts(type: string): string[] {
  const inner = type.slice(type.indexOf('(') + 1, -1)
  const found = ['']
  let depth = 0
  for (const [token] of inner.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[^"']/gs)) {
    if (token === '(') depth++
    else if (token === ')') depth--
    if (token === ',' && depth === 0) found.push('')
    else found[found.length - 1] += token
  }
  return found.map(part => part.trim())
}
