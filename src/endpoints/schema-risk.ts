/** Beyond so many steps a pattern is not tried here: what takes one a nanosecond. */
const MOST_STEPS = 10_000_000
const UNBOUNDED = /[*+]|\{\d+,\}/g
const UNBOUNDED_GROUP = /\)(?:[*+]|\{\d+,\d*\})/

/**
 * How long a text may be for the patterns of a schema to be tried in the process that everybody needs. An engine that goes back over
 * a text takes steps as many as its length to the power of how many parts of the pattern may take any share of it.
 */
export function longestText(schema: unknown): number {
  let longest = Number.POSITIVE_INFINITY
  for (const pattern of patternsOf(schema)) {
    const plain = pattern.replace(/\\./gs, 'x').replace(/\[[^\]]*\]/g, 'x')
    const parts = plain.match(UNBOUNDED)?.length ?? 0
    if (parts === 0) continue
    if (parts > 1 && UNBOUNDED_GROUP.test(plain)) return 0
    const power = parts + (plain.startsWith('^') ? 0 : 1)
    longest = Math.min(longest, MOST_STEPS ** (1 / power))
  }
  return longest
}

function* patternsOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return
  for (const [keyword, part] of Object.entries(schema)) {
    if (keyword === 'pattern' && typeof part === 'string') yield part
    if (keyword === 'patternProperties' && typeof part === 'object' && part !== null) yield* Object.keys(part)
    yield* patternsOf(part)
  }
}
