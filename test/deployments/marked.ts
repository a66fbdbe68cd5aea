import { readdirSync, readFileSync } from 'node:fs'
import { waitFor } from '../harness.ts'

/** Processes that have a mark in their environment, wherever they are in the tree; those that have only to be reaped do not count. */
export function marked(mark: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        const zombie = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
        return !zombie && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark)
      } catch {
        return false
      }
    })
}

/** @throws Error some of them are there still after a minute */
export async function noneMarked(mark: string): Promise<void> {
  await waitFor(() => marked(mark).length === 0 || undefined).catch(() => {
    throw new Error(
      `orphans: ${marked(mark).map(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))}`,
    )
  })
}
