/**
 * Payloads with a head: its length (4 bytes, little endian, and 4 of nothing), the head (JSON), and what it tells of, which
 * begins at a multiple of 8.
 */
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A head as it begins a payload: what follows begins at a multiple of 8. */
export function headOf(head: unknown): Uint8Array[] {
  const text = encoder.encode(JSON.stringify(head))
  return [new Uint8Array(Uint32Array.of(text.length, 0).buffer), text, ...padding(text.length)]
}

/** @returns the head, and where what follows begins */
export function readHead<T>(payload: Uint8Array<ArrayBuffer>): { head: T; at: number } {
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true)
  const head = JSON.parse(decoder.decode(payload.subarray(8, 8 + length))) as T
  return { head, at: 8 + aligned(length) }
}

/** The parts of a payload that follow one another from a place on; they are views of it. */
export function cut(
  payload: Uint8Array<ArrayBuffer>,
  from: number,
  lengths: readonly number[],
): Uint8Array<ArrayBuffer>[] {
  let at = from
  return lengths.map(length => {
    const part = payload.subarray(at, at + length)
    at += length
    return part
  })
}

/** Up to the next multiple of 8. */
export const aligned = (length: number) => (length + 7) & ~7

const NOTHING = new Uint8Array(8)
/** What has to follow so many bytes for the next ones to begin at a multiple of 8. */
export const padding = (length: number) => (length & 7 ? [NOTHING.subarray(length & 7)] : [])
