import type { Row } from './engine.ts'

export interface Batch<T = Row[]> {
  rows: T
  done: boolean
}

const MAX_ROWS = 1000
const MAX_BYTES = 256 * 1024

/** Rows in batches that are small enough to be at hand twice over, whatever the rows are; the last one says that it is. */
export function* batchesOf(rows: Iterable<Row>): Generator<Batch, Batch> {
  let batch: Row[] = []
  let bytes = 0
  for (const row of rows) {
    batch.push(row)
    bytes += sizeOf(row)
    if (batch.length < MAX_ROWS && bytes < MAX_BYTES) continue
    yield { rows: batch, done: false }
    batch = []
    bytes = 0
  }
  return { rows: batch, done: true }
}

/** About what a row takes, in bytes. */
function sizeOf(row: Row): number {
  let bytes = 0
  for (const name in row) {
    const value = row[name]
    bytes += typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 8
  }
  return bytes
}
