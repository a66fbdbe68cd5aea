import { cpuTimeOf } from '../lib/machine.ts'

/** How often a process is looked at, and how many looks in a row may find that it has had no CPU. */
const LOOK_MS = 1000
const MOST_WITHOUT = 3
/** Whether the system says what CPU a process has had. */
const TELLS = cpuTimeOf(process.pid) !== undefined

/**
 * Watches a process that has something to do: it is stuck when it has had more CPU than that may take, or none at all for some
 * seconds. How long it takes says nothing where a machine is busy with others.
 * @param cpuMs of all its threads, from the first look on; where the system does not tell, milliseconds
 * @param stuck is called once. @param spent whether it has had all of that
 * @returns ends the watch
 */
export function whenStuck(pid: number, cpuMs: number, stuck: (spent: boolean) => void): () => void {
  let first: number | undefined
  let last = 0
  let without = 0
  const look = () => {
    // of one that has ended nothing is told any more: it has no more than it had
    const now = cpuTimeOf(pid) ?? (TELLS ? last : performance.now())
    first ??= now
    without = now > last ? 0 : without + 1
    last = now
    const spent = now - first >= cpuMs
    if (spent || without >= MOST_WITHOUT) stuck(spent)
    else timer = setTimeout(look, LOOK_MS)
  }
  let timer = setTimeout(look, LOOK_MS)
  return () => clearTimeout(timer)
}
