/**
 * How long calls took, as counts in fixed buckets: four to each doubling, from 32 µs to 9 minutes, so that whatever is read
 * from them is right to 9 % however many calls there were. Counts of any two times and places add up.
 */

const FIRST_MS = 0.032
const PER_DOUBLING = 4
export const BUCKETS = 1 + 24 * PER_DOUBLING

type Histogram = Uint32Array | Float64Array

/** @param ms may be below 0 or no number, where a clock was: then it is the first bucket's */
export function bucketOf(ms: number): number {
  if (!(ms >= FIRST_MS)) return 0
  const bucket = 1 + Math.floor(Math.log2(ms / FIRST_MS) * PER_DOUBLING)
  return bucket < BUCKETS ? bucket : BUCKETS - 1
}

/** The middle of a bucket, in milliseconds. */
const middleOf = (bucket: number): number =>
  bucket === 0 ? FIRST_MS / 2 : FIRST_MS * 2 ** ((bucket - 0.5) / PER_DOUBLING)

/** @param share 0.5 for the median. @returns milliseconds, to 3 digits; null where there is nothing */
export function quantile(histogram: Histogram, share: number): number | null {
  let total = 0
  for (const count of histogram) total += count
  if (total === 0) return null
  let left = Math.max(1, Math.ceil(total * share))
  const bucket = histogram.findIndex(count => {
    left -= count
    return left <= 0
  })
  return Number(middleOf(bucket).toPrecision(3))
}

/** As it is stored: for each bucket that is not empty its distance from the one before, and its count, in LEB128. */
export function encodeHistogram(histogram: Histogram): Uint8Array {
  const bytes: number[] = []
  let last = 0
  histogram.forEach((count, bucket) => {
    if (count === 0) return
    push(bytes, bucket - last)
    push(bytes, count)
    last = bucket
  })
  return Uint8Array.from(bytes)
}

function push(bytes: number[], value: number): void {
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
}

/** Adds what is stored. Bytes that are no histogram of ours add nothing beyond its buckets. */
export function addEncoded(bytes: Uint8Array, to: Float64Array): void {
  let at = 0
  const next = () => {
    let value = 0
    for (let unit = 1; at < bytes.length; unit *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * unit
      if (byte < 128) break
    }
    return value
  }
  for (let bucket = 0; at < bytes.length; ) {
    bucket += next()
    const count = next()
    if (bucket < BUCKETS) to[bucket]! += count
  }
}
