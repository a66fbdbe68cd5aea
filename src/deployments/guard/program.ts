/** What the main process asks of the guard, which starts the programs of deployments and sees to it that none outlives Callgate. */

/** A program that is to run. */
export interface Program {
  /** names it among those that run */
  id: number
  command: string[]
  cwd: string
  env: Record<string, string>
  uid?: number
  gid?: number
  memoryBytes?: number
  /** how many CPUs it may run on; the first is chosen by `id`, so that programs are spread */
  cpus?: number
  /** the temporary folder that its environment names, by which what it started is found */
  temporaryFolder: string
  logPath: string
  /** where its lines come from, in the log */
  label: string
}

/** What is told of a program while it runs: its process, then that this has ended; what it left is ended before the answer. */
export type Event = { pid: number } | { ended: true }

/** How a program ended, in words: `exit status 3`, `SIGKILL`. */
export interface Exit {
  how: string
}

export interface Ending {
  id: number
  /** milliseconds from SIGTERM to SIGKILL */
  graceMs: number
}

/** A line of Callgate's own in a deployment's log. */
export interface Remark {
  logPath: string
  label: string
  text: string
}
