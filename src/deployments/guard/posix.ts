import { dlopen } from 'bun:ffi'

const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1
const O_CLOEXEC = 0o2000000
/** bytes of a set of CPUs */
const CPU_SET = 128

/** What Linux can do for a process and Bun has no word for. */
export interface Posix {
  /** Whatever this process's descendants leave behind becomes its child. */
  adoptOrphans(): void
  /** The CPUs that this thread may run on, and what it starts from now on. */
  pin(cpus: number[]): void
  /** The CPUs that this thread may run on. */
  cpus(): number[]
  /** A pipe: unlike the sockets that Bun makes, a program may open it again as /dev/stdout. */
  pipe(): { read: number; write: number }
  /** Takes the status of a child that has ended, and that Bun does not know. */
  reap(pid: number): void
}

/** undefined: not on this system. */
export function openPosix(): Posix | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const { symbols: libc } = dlopen('libc.so.6', {
      prctl: { args: ['int', 'u64', 'u64', 'u64', 'u64'], returns: 'int' },
      sched_setaffinity: { args: ['int', 'u64', 'ptr'], returns: 'int' },
      sched_getaffinity: { args: ['int', 'u64', 'ptr'], returns: 'int' },
      pipe2: { args: ['ptr', 'int'], returns: 'int' },
      waitpid: { args: ['int', 'ptr', 'int'], returns: 'int' },
    })
    return {
      adoptOrphans: () => void libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n),
      pin(cpus) {
        const mask = new Uint8Array(CPU_SET)
        for (const cpu of cpus) mask[cpu >> 3]! |= 1 << (cpu & 7)
        libc.sched_setaffinity(0, BigInt(mask.length), mask)
      },
      cpus() {
        const mask = new Uint8Array(CPU_SET)
        libc.sched_getaffinity(0, BigInt(mask.length), mask)
        return Array.from({ length: CPU_SET * 8 }, (_, cpu) => cpu).filter(cpu => mask[cpu >> 3]! & (1 << (cpu & 7)))
      },
      pipe() {
        const ends = new Int32Array(2)
        if (libc.pipe2(ends, O_CLOEXEC) !== 0) throw new Error('no pipe could be made')
        return { read: ends[0]!, write: ends[1]! }
      },
      reap: pid => void libc.waitpid(pid, new Int32Array(1), WNOHANG),
    }
  } catch {
    return undefined
  }
}
