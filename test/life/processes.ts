/** The processes below a Callgate, as the system sees them; a pid that is used again by another process is another one. */
import { readdirSync, readFileSync } from 'node:fs'
import { waitFor } from '../harness.ts'

export interface Running {
  pid: number
  parent: number
  /** in clock ticks since the machine started: with the pid, it names a process for good */
  started: string
  state: string
  command: string
}

/** undefined: there is no such process any more. */
export function processOf(pid: number): Running | undefined {
  try {
    // the name in parentheses may hold anything, so what follows its last one is read
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, parent: Number(fields[1]), started: fields[19]!, state: fields[0]!, command }
  } catch {
    return undefined
  }
}

/** Milliseconds of CPU time that a process's first thread has had: others that the machine is busy with are not in it. */
export const cpuOfMain = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6

/** The workers of a Callgate: its children and theirs. */
export function workersOf(pid: number, kind = ''): Running[] {
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => processOf(Number(name)) ?? [])
  const below = (parent: number): Running[] => all.filter(p => p.parent === parent).flatMap(p => [p, ...below(p.pid)])
  return below(pid).filter(p => p.state !== 'Z' && p.command.includes(`worker ${kind}`))
}

/** Whether the process runs still; one that only waits to be reaped has ended. */
const isRunning = ({ pid, started }: Running): boolean => {
  const now = processOf(pid)
  return now !== undefined && now.started === started && now.state !== 'Z'
}

/** Ends a process that may have ended by itself meanwhile. */
export function sigkill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // there is no such process any more
}

/** @throws Error when one of them runs still after a minute */
export async function ended(processes: Running[]): Promise<void> {
  await waitFor(() => processes.every(p => !isRunning(p)) || undefined).catch(() => {
    const left = processes.filter(isRunning).map(p => p.command.split(' ').slice(-2).join(' '))
    throw new Error(`these processes outlived their parent: ${left.join(', ')}`)
  })
}
