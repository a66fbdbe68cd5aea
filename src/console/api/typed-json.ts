/** A string, or what may be a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
const INTEGER = /^-?\d+$/

/** Whether `JSON.parse` would make another number of one in it: an integer beyond 2^53, or what is beyond a double. */
const losesNumbers = (text: string): boolean =>
  [...text.matchAll(TOKEN)].some(([token]) => {
    if (token.startsWith('"')) return false
    const value = Number(token)
    return INTEGER.test(token) ? !Number.isSafeInteger(value) : Math.abs(value) === Number.POSITIVE_INFINITY
  })

/** JSON that somebody typed. @throws SyntaxError what is none; RangeError it holds a number that would be kept as another */
export function typedJson(text: string): unknown {
  const value = JSON.parse(text) as unknown
  if (losesNumbers(text)) throw new RangeError('A number in it cannot be kept exactly; write it as a string.')
  return value
}
