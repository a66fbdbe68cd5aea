import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** The cgroup of this process: v2 says it in one line, `0::/path`; inside a container that is the root. */
const cgroup = () =>
  `/sys/fs/cgroup${/^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? ''}`.replace(/\/$/, '')

/** CPUs that this process may use, in whole ones, at least 1: the cgroup's quota (v2, v1) where it is below the affinity. */
export function usableCpus(): number {
  const [quota, period] = (read(`${cgroup()}/cpu.max`) ?? read('/sys/fs/cgroup/cpu.max') ?? '').split(' ').map(Number)
  const v1 = [read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'), read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')].map(Number)
  const limits = [quota! / period!, v1[0]! > 0 ? v1[0]! / v1[1]! : Number.NaN].filter(n => n > 0)
  return Math.max(1, Math.floor(Math.min(availableParallelism(), ...limits)))
}

/** Bytes of memory that this process may use: the cgroup's limit where it is below the machine's. */
export function usableMemory(): number {
  const limits = [`${cgroup()}/memory.max`, '/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']
    .map(path => Number(read(path)))
    .filter(n => n > 0)
  return Math.min(totalmem(), ...limits)
}
