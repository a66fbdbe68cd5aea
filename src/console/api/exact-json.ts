/** JSON whose numbers stay as they are written: a double has no place for an integer beyond 2^53. */

/** What newer browsers have (ECMAScript 2026); in others such numbers are rounded. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON?: (text: string) => unknown
  isRawJSON?: (value: unknown) => boolean
}

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown

const keeping =
  (wanted: (source: string) => boolean): Reviver =>
  (_, value, context) =>
    typeof value === 'number' && context?.source !== undefined && rawJSON && wanted(context.source)
      ? rawJSON(context.source)
      : value

/** A string, or what may be a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
const INTEGER = /^-?\d+$/

/** Whether a number is kept as another one: an integer beyond 2^53, or what is beyond a double. */
const isLost = (source: string): boolean => {
  const value = Number(source)
  return INTEGER.test(source) ? !Number.isSafeInteger(value) : Math.abs(value) === Number.POSITIVE_INFINITY
}

/** Whether `JSON.parse` would make another number of one in it. */
export const losesNumbers = (text: string): boolean =>
  [...text.matchAll(TOKEN)].some(([token]) => !token.startsWith('"') && isLost(token))

/** JSON that somebody typed. @throws SyntaxError what is none; RangeError it holds a number that would be kept as another */
export function typedJson(text: string): unknown {
  const value = JSON.parse(text) as unknown
  if (losesNumbers(text)) throw new RangeError('A number in it cannot be kept exactly; write it as a string.')
  return value
}

/** Numbers that would be kept as others are objects, which `JSON.stringify` writes as they were. @throws SyntaxError what is none */
export const exactJson = (text: string): unknown => JSON.parse(text, keeping(isLost))

/** Whether it is such a number. */
export const isExactNumber = (value: unknown): boolean => isRawJSON?.(value) ?? false

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** JSON with line breaks and nothing else changed. What is not JSON comes back as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(
      JSON.parse(
        text,
        keeping(() => true),
      ),
      null,
      2,
    )
  } catch {
    return text
  }
}
