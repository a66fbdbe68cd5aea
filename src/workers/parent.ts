import { dlopen } from 'bun:ffi'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/**
 * Has the kernel end this process when its parent ends, however that came: a child in the middle of a statement or an
 * inference that stops its event loop does not see its channel close. Linux with glibc; elsewhere the channel has to do.
 */
export function endWithParent(): void {
  if (process.platform !== 'linux') return
  try {
    const libc = dlopen('libc.so.6', {
      prctl: { args: ['int', 'uint64_t', 'uint64_t', 'uint64_t', 'uint64_t'], returns: 'int' },
    })
    libc.symbols.prctl(PR_SET_PDEATHSIG, BigInt(SIGKILL), 0n, 0n, 0n)
  } catch {}
}
