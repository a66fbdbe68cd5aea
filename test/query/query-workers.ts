import { readdirSync, readFileSync } from 'node:fs'

/** The query workers of this process that live, by /proc; with `duckdb`, those that read files in place. */
export function queryWorkers(kind: 'query' | 'duckdb' = 'query'): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')
        return (
          parent[0] !== 'Z' &&
          Number(parent[1]) === process.pid &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`worker\0${kind}`)
        )
      } catch {
        return false
      }
    })
    .map(Number)
}

/**
 * Whether a worker is kept in one of a few tries: it has a moment to be done with what nobody waits for, and where a busy machine
 * does not give it that, it is ended.
 */
export async function isKept(attempt: () => Promise<{ before: number[]; after: number[] }>): Promise<boolean> {
  for (let i = 0; i < 20; i++) {
    const { before, after } = await attempt()
    if (before.length > 0 && before.every(pid => after.includes(pid))) return true
  }
  return false
}

/** How long a process has run, in hundredths of a second of its own. */
export const ticks = (pid: number) =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[11],
  )
