import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * What this process's cgroup, and each that is around it, says in a file. Of v2 there is one, of v1 one for each controller. Inside a
 * container the path may be the host's, and only the root is there.
 */
function said(root: string, controller: 'cpu' | 'memory', file: string): string[] {
  const folders = new Set(['/sys/fs/cgroup', `/sys/fs/cgroup/${controller}`])
  for (const [, controllers = '', path = ''] of (read(join(root, '/proc/self/cgroup')) ?? '').matchAll(
    /^\d+:([^:]*):(\/.*)$/gm,
  )) {
    if (controllers !== '' && !controllers.split(',').includes(controller)) continue
    const base = controllers === '' ? '/sys/fs/cgroup' : `/sys/fs/cgroup/${controller}`
    for (let at = path; at !== '/'; at = dirname(at)) folders.add(join(base, at))
  }
  return [...folders].map(folder => read(join(root, folder, file)) ?? '').filter(Boolean)
}

/**
 * CPUs that this process may use, in whole ones, at least 1: the cgroup's quota (v2, v1) where it is below the affinity.
 * @param root where /proc and /sys are looked for
 */
export function usableCpus(root = '/'): number {
  const quotas = said(root, 'cpu', 'cpu.max').map(text => text.split(' ').map(Number))
  const v1 = said(root, 'cpu', 'cpu.cfs_quota_us').map(Number)
  const periods = said(root, 'cpu', 'cpu.cfs_period_us').map(Number)
  const limits = [...quotas, ...v1.map((quota, i) => [quota, periods[i]!])]
    .map(([quota, period]) => quota! / period!)
    .filter(n => n > 0)
  return Math.max(1, Math.floor(Math.min(availableParallelism(), ...limits)))
}

/**
 * Bytes of memory that this process may use: the cgroup's limit where it is below the machine's.
 * @param root where /proc and /sys are looked for
 */
export function usableMemory(root = '/'): number {
  const limits = ['memory.max', 'memory.high', 'memory.limit_in_bytes']
    .flatMap(file => said(root, 'memory', file))
    .map(Number)
    .filter(n => n > 0)
  return Math.min(totalmem(), ...limits)
}

/** Files and connections that this process may have open at once. undefined: the system does not tell (Linux does), or it is any number. */
export function mostFiles(): number | undefined {
  const [, most] = /^Max open files +(\d+)/m.exec(read('/proc/self/limits') ?? '') ?? []
  return most === undefined ? undefined : Number(most)
}

/** Milliseconds of CPU that a process has had, all of its threads together, to a hundredth of a second. undefined: the system does not tell (Linux does). */
export function cpuTimeOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  const [user, system] =
    stat
      ?.slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number) ?? []
  return user === undefined || system === undefined ? undefined : (user + system) * 10
}

/** Milliseconds of CPU that this thread has had. To ask costs half a microsecond. */
export function cpuOfThread(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
