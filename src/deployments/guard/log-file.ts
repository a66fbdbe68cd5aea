import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { keptLogs, MOST_OF_A_LOG } from '../log.ts'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
const LONGEST_LINE = 8192
const LF = 10
/** characters that are gathered for one write */
const AT_ONCE = 64 * 1024

/**
 * A deployment's log: a line is its time, where it comes from and its text. A file that is full becomes `.1`, that one `.2`;
 * what was there before is gone.
 */
export class LogFile {
  #path: string
  #fd: number | undefined
  #bytes = 0

  constructor(path: string) {
    this.#path = path
  }

  line(source: string, text: string): void {
    this.lines(source, [text])
  }

  /** A disk that is full loses lines: the deployment goes on. */
  lines(source: string, texts: string[]): void {
    const head = `${new Date().toISOString()} ${source} `
    let gathered = ''
    try {
      for (const text of texts)
        for (let at = 0; at === 0 || at < text.length; at += LONGEST_LINE) {
          gathered += `${head}${text.slice(at, at + LONGEST_LINE)}\n`
          if (gathered.length < AT_ONCE) continue
          this.#append(gathered)
          gathered = ''
        }
      if (gathered !== '') this.#append(gathered)
    } catch {
      this.close()
    }
  }

  /** Until the next line. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#bytes = 0
  }

  /** Of lines that do not all fit, as many are kept as do: half a line would be the beginning of the next. */
  #append(lines: string): void {
    if (this.#bytes >= MOST_OF_A_LOG) this.#rotate()
    this.#fd ??= this.#open()
    const bytes = Buffer.from(lines)
    let written = writeSync(this.#fd, bytes)
    if (written < bytes.length) {
      written = bytes.subarray(0, written).lastIndexOf(LF) + 1
      ftruncateSync(this.#fd, this.#bytes + written)
    }
    this.#bytes += written
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    const fd = openSync(this.#path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600)
    this.#bytes = fstatSync(fd).size
    return fd
  }

  #rotate(): void {
    this.close()
    const kept = keptLogs(this.#path)
    rmSync(kept.at(-1)!, { force: true })
    for (let i = kept.length - 1; i > 0; i--) {
      try {
        renameSync(kept[i - 1]!, kept[i]!)
      } catch {}
    }
  }
}
