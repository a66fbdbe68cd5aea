/** Where a deployment's log is, and how it is read while it is written. */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs'

/** Bytes of one file of a log. */
export const MOST_OF_A_LOG = 10 * 1024 * 1024
const OLDER = 2
const BLOCK = 64 * 1024
const LOOK_EVERY_MS = 200
const LF = 10

/** A log's files, the newest first. */
export const keptLogs = (path: string): string[] => [
  path,
  ...Array.from({ length: OLDER }, (_, i) => `${path}.${i + 1}`),
]

/** The last lines of a log, each with its end. */
export function lastLines(path: string, count: number): Buffer<ArrayBuffer> {
  const parts: Buffer[] = []
  let missing = count
  for (const file of keptLogs(path)) {
    const fd = openLog(file)
    if (fd === undefined) break
    const { bytes, lines } = tailOf(fd, missing)
    closeSync(fd)
    parts.unshift(bytes)
    missing -= lines
    if (missing <= 0) break
  }
  return Buffer.concat(parts)
}

/**
 * The last lines of a log, then what is added to it, also in the file that takes its place.
 * @param done aborted when nobody reads any more
 */
export async function* followed(path: string, count: number, done: AbortSignal): AsyncGenerator<Buffer<ArrayBuffer>> {
  let fd = openLog(path)
  let at = fd === undefined ? 0 : fstatSync(fd).size
  try {
    yield lastLines(path, count)
    while (!done.aborted) {
      if (fd !== undefined) {
        const added = readFrom(fd, at, BLOCK)
        at += added.length
        if (added.length > 0) {
          yield added
          continue
        }
        if (replaced(fd, path)) {
          closeSync(fd)
          fd = undefined
          continue
        }
      } else if (existsSync(path)) {
        fd = openLog(path)
        at = 0
        if (fd !== undefined) continue
      }
      await Bun.sleep(LOOK_EVERY_MS)
    }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** A link is none: what a program puts in the place of its log is not read. */
function openLog(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

function replaced(fd: number, path: string): boolean {
  try {
    return lstatSync(path).ino !== fstatSync(fd).ino
  } catch {
    return true
  }
}

function readFrom(fd: number, at: number, most: number): Buffer<ArrayBuffer> {
  const block = Buffer.alloc(most)
  return block.subarray(0, readSync(fd, block, 0, most, at))
}

/** The last lines of one file, and how many they are: read from its end, so that a long one costs no more than a short one. */
function tailOf(fd: number, count: number): { bytes: Buffer; lines: number } {
  const blocks: Buffer[] = []
  let lines = 0
  for (let at = fstatSync(fd).size; at > 0; ) {
    const size = Math.min(BLOCK, at)
    at -= size
    const block = readFrom(fd, at, size)
    for (let end = block.lastIndexOf(LF); end >= 0; end = end === 0 ? -1 : block.lastIndexOf(LF, end - 1)) {
      if (lines === count) {
        blocks.unshift(block.subarray(end + 1))
        return { bytes: Buffer.concat(blocks), lines }
      }
      lines++
    }
    blocks.unshift(block)
  }
  return { bytes: Buffer.concat(blocks), lines }
}
