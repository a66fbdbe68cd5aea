/** Where a deployment's log is, and how it is read while it is written. */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

/** Bytes of one file of a log. */
export const MOST_OF_A_LOG = 10 * 1024 * 1024
const OLDER = 2
const BLOCK = 64 * 1024
const LOOK_EVERY_MS = 200

/** A log's files, the newest first. */
export const keptLogs = (path: string): string[] => [
  path,
  ...Array.from({ length: OLDER }, (_, i) => `${path}.${i + 1}`),
]

/** The last lines of a log, each with its end. */
export function lastLines(path: string, count: number): string {
  let text = ''
  for (const file of keptLogs(path)) {
    if (!existsSync(file)) break
    text = tailOf(file, count - linesOf(text)) + text
    if (linesOf(text) >= count) break
  }
  return text
}

/**
 * The last lines of a log, then what is added to it, also in the file that takes its place.
 * @param done aborted when nobody reads any more
 */
export async function* followed(path: string, count: number, done: AbortSignal): AsyncGenerator<string> {
  let fd = open(path)
  let at = fd === undefined ? 0 : fstatSync(fd).size
  try {
    yield lastLines(path, count)
    while (!done.aborted) {
      if (fd !== undefined) {
        const added = readFrom(fd, at, BLOCK)
        at += added.length
        if (added.length > 0) {
          yield added.toString()
          continue
        }
        if (replaced(fd, path)) {
          closeSync(fd)
          fd = undefined
          continue
        }
      } else if (existsSync(path)) {
        fd = open(path)
        at = 0
        continue
      }
      await Bun.sleep(LOOK_EVERY_MS)
    }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

function replaced(fd: number, path: string): boolean {
  try {
    return statSync(path).ino !== fstatSync(fd).ino
  } catch {
    return true
  }
}

function readFrom(fd: number, at: number, most: number): Buffer {
  const block = Buffer.alloc(most)
  return block.subarray(0, readSync(fd, block, 0, most, at))
}

const linesOf = (text: string) => {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

/** The last lines of one file: read from its end, so that a long one costs no more than a short one. */
function tailOf(file: string, count: number): string {
  const fd = openSync(file, 'r')
  try {
    let at = fstatSync(fd).size
    let bytes: Buffer = Buffer.alloc(0)
    while (at > 0 && count > 0 && linesOf(bytes.toString('latin1')) <= count) {
      const size = Math.min(BLOCK, at)
      at -= size
      bytes = Buffer.concat([readFrom(fd, at, size), bytes])
    }
    const lines = bytes.toString().split('\n')
    return lines.slice(Math.max(0, lines.length - 1 - count)).join('\n')
  } finally {
    closeSync(fd)
  }
}
