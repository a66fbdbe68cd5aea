/** Where a deployment's log is, and how it is read while it is written. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'

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
  const files = openFiles(path)
  try {
    const { index, at } = tailOf(files, count)
    return Buffer.concat(files.slice(index).flatMap((file, i) => [...blocksOf(file, i === 0 ? at : 0)]))
  } finally {
    for (const { fd } of files) closeSync(fd)
  }
}

/** A place in a log: which of its files, and a byte there. It stays the same when that file is given another name. */
export interface Place {
  /** when its first line was written, in milliseconds; 0: it has none yet */
  began: number
  at: number
}

export interface Piece {
  /** whole lines, each with its end */
  bytes: Buffer<ArrayBuffer>
  /** where the next begins */
  next: Place
  /** lines are missing before it: too many, or kept no more */
  gap: boolean
}

/**
 * What a log holds and what is added to it, also in the file that takes its place. The first piece comes at once, and may
 * have no bytes.
 * @param from where to go on; without it, and where there is more since, it begins with the last `lines`
 * @param done aborted when nobody reads any more
 */
export async function* followed(
  path: string,
  { lines, from }: { lines: number; from?: Place },
  done: AbortSignal,
): AsyncGenerator<Piece> {
  let files = openFiles(path)
  try {
    const tail = tailOf(files, lines)
    const known = from && placed(files, from)
    const goesOn = known && (known.index > tail.index || (known.index === tail.index && known.at >= tail.at))
    const start = goesOn ? known : tail
    for (const { fd } of files.splice(0, start.index)) closeSync(fd)
    let { at } = start
    let began = files[0] ? beganAt(files[0]) : 0
    yield { bytes: Buffer.alloc(0), next: { began, at }, gap: from !== undefined && !goesOn }
    let gap = false
    while (!done.aborted) {
      const [file, ...newer] = files
      const read = file && wholeLines(file, at)
      if (read?.length) {
        at += read.length
        began ||= beganAt(file!)
        yield { bytes: read, next: { began, at }, gap }
        gap = false
        continue
      }
      if (newer.length > 0) {
        closeSync(file!.fd)
        files = newer
        at = 0
        began = beganAt(newer[0]!)
        continue
      }
      files = file ? [file, ...openFiles(path, file)] : openFiles(path)
      if (files.length > (file ? 1 : 0)) {
        // whoever reads slowly may find what comes after it gone
        gap = file !== undefined && !isKept(path, file)
        continue
      }
      await Bun.sleep(LOOK_EVERY_MS)
    }
  } finally {
    for (const { fd } of files) closeSync(fd)
  }
}

interface OpenFile {
  fd: number
  ino: number
}

/** The files of a log, the oldest first; with `newerThan` those that came after that one. */
function openFiles(path: string, newerThan?: OpenFile): OpenFile[] {
  const files: OpenFile[] = []
  for (const name of keptLogs(path)) {
    const file = open(name)
    if (!file) break
    // it was given another name while this looked
    const isKnown = file.ino === newerThan?.ino || files.some(({ ino }) => ino === file.ino)
    if (!isKnown) files.unshift(file)
    else closeSync(file.fd)
    if (file.ino === newerThan?.ino) break
  }
  return files
}

const isKept = (path: string, { ino }: OpenFile): boolean =>
  keptLogs(path).some(name => statSync(name, { throwIfNoEntry: false })?.ino === ino)

/** A link is none: what a program puts in the place of its log is not read. */
function open(path: string): OpenFile | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    return { fd, ino: fstatSync(fd).ino }
  } catch {
    return undefined
  }
}

/** `2026-11-26T01:02:03.004Z` */
const TIME_BYTES = 24

const beganAt = ({ fd }: OpenFile): number => Date.parse(readFrom(fd, 0, TIME_BYTES).toString('latin1')) || 0

/** undefined: it is not kept any more. A log that had no line yet is followed from its beginning. */
function placed(files: OpenFile[], { began, at }: Place): { index: number; at: number } | undefined {
  if (began === 0) return { index: 0, at: 0 }
  const index = files.findIndex(file => beganAt(file) === began)
  return index >= 0 && at <= fstatSync(files[index]!.fd).size ? { index, at } : undefined
}

function readFrom(fd: number, at: number, most: number): Buffer<ArrayBuffer> {
  const block = Buffer.alloc(most)
  return block.subarray(0, readSync(fd, block, 0, most, at))
}

/** A block's worth of lines; what is after the last end of a line waits for it, unless it fills the block. */
function wholeLines({ fd }: OpenFile, at: number): Buffer<ArrayBuffer> {
  const block = readFrom(fd, at, BLOCK)
  const end = block.lastIndexOf(LF) + 1
  return end === 0 && block.length === BLOCK ? block : block.subarray(0, end)
}

function* blocksOf({ fd }: OpenFile, from: number): Generator<Buffer<ArrayBuffer>> {
  for (let at = from; ; ) {
    const block = readFrom(fd, at, BLOCK)
    if (block.length === 0) return
    at += block.length
    yield block
  }
}

/** Where the last `count` lines begin: read from the end, so that a long log costs no more than a short one. */
function tailOf(files: OpenFile[], count: number): { index: number; at: number } {
  let lines = 0
  for (let index = files.length - 1; index >= 0; index--) {
    const { fd } = files[index]!
    for (let at = fstatSync(fd).size; at > 0; ) {
      const size = Math.min(BLOCK, at)
      at -= size
      const block = readFrom(fd, at, size)
      for (let end = block.lastIndexOf(LF); end >= 0; end = end === 0 ? -1 : block.lastIndexOf(LF, end - 1)) {
        if (lines === count) return { index, at: at + end + 1 }
        lines++
      }
    }
  }
  return { index: 0, at: 0 }
}
