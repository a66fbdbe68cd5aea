/** How Python writes values: the texts of porter's schema errors hold them. */

/** `repr` of what a schema may hold. */
export function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return number(value)
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, part]) => `${text(key)}: ${repr(part)}`)
      .join(', ')}}`
  return String(value)
}

/** `str`: text as it is, anything else as `repr`. */
export const str = (value: unknown): string => (typeof value === 'string' ? value : repr(value))

function number(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(BigInt(value)) : String(value)
  const plain = Math.abs(value) < 1e-4 ? value.toExponential() : String(value)
  return plain.replace(/e([+-])(\d)$/, 'e$10$2')
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function text(value: string): string {
  const mark = value.includes("'") && !value.includes('"') ? '"' : "'"
  const inner = value.replace(/[\\\n\r\t]/g, c => ESCAPES[c]!).replace(/\p{Cc}/gu, c => `\\x${hex(c)}`)
  return mark + (mark === "'" ? inner.replaceAll("'", "\\'") : inner) + mark
}

const hex = (c: string) => c.charCodeAt(0).toString(16).padStart(2, '0')
