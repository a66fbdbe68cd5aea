export interface Progress {
  rows: number
  /** 0 to 1, where it is known */
  fraction?: number
  phase: string
}

export type OnProgress = (progress: Progress) => void

export interface ProgressReporter {
  update: OnProgress
  done(): void
  ended(how: 'failed' | 'stopped'): void
}

interface Out {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

const REDRAW_MS = 100
const LINE_MS = 3000
const BAR = 24

/**
 * Progress of one long step: on a terminal one line with a bar that is redrawn in place, elsewhere plain lines
 * (one at the start, at most one every three seconds, one at the end), so that a log stays readable.
 */
export function progressReporter(label: string, stream: Out = process.stderr): ProgressReporter {
  const terminal = stream.isTTY === true
  const started = performance.now()
  let last = terminal ? -Infinity : started
  let rows = 0
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
  const end = (text: string) => void stream.write(terminal ? `\r\x1b[2K${text}\n` : `${text}\n`)
  if (!terminal) stream.write(`${label}: started\n`)
  return {
    update(progress) {
      rows = progress.rows
      const now = performance.now()
      if (now - last < (terminal ? REDRAW_MS : LINE_MS)) return
      last = now
      const percent = progress.fraction === undefined ? '' : `${Math.floor(clamp(progress.fraction) * 100)}%`
      const counted = `${progress.phase}, ${count(rows)}, ${seconds()}`
      if (!terminal) return void stream.write(`${label}: ${percent ? `${percent}, ` : ''}${counted}\n`)
      const bar = progress.fraction === undefined ? '' : `${draw(progress.fraction)} ${percent.padStart(4)}  `
      stream.write(`\r\x1b[2K${`${label}  ${bar}${counted}`.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`)
    },
    done: () => end(`${label}: ${count(rows)} in ${seconds()}`),
    ended: how => end(`${label}: ${how} after ${seconds()}`),
  }
}

const clamp = (fraction: number) => Math.min(1, Math.max(0, fraction))
const count = (rows: number) => `${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}`
function draw(fraction: number): string {
  const full = Math.round(clamp(fraction) * BAR)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR - full)}]`
}
