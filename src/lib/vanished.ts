import { dlopen } from 'bun:ffi'
import { readdirSync } from 'node:fs'

/** After so long without a word the other side's system is asked whether it is there; then again, so many times in vain at most. */
export const SILENT_SECONDS = 60
const AGAIN_SECONDS = 15
const IN_VAIN = 4

// Linux's numbers
const SOL_SOCKET = 1
const SO_KEEPALIVE = 9
const SO_ACCEPTCONN = 30
const IPPROTO_TCP = 6
const TCP_KEEPIDLE = 4
const TCP_KEEPINTVL = 5
const TCP_KEEPCNT = 6
const INT_BYTES = 4

/**
 * Has the system find out which callers have vanished without a word (a network that is gone, a machine that was switched off),
 * on every socket that this process listens on: what is accepted there inherits it. An answer that is silent for as long as it
 * likes would keep their connections for ever, and Bun has no word for this. Linux with glibc; elsewhere nothing is done.
 */
export function noticeVanished(): void {
  if (process.platform !== 'linux') return
  try {
    const { symbols: libc } = dlopen('libc.so.6', {
      getsockopt: { args: ['int', 'int', 'int', 'ptr', 'ptr'], returns: 'int' },
      setsockopt: { args: ['int', 'int', 'int', 'ptr', 'u32'], returns: 'int' },
    })
    const listens = (fd: number): boolean => {
      const value = new Int32Array(1)
      const known = libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, new Uint32Array([INT_BYTES]))
      return known === 0 && value[0] === 1
    }
    for (const fd of readdirSync('/proc/self/fd').map(Number).filter(listens))
      for (const [level, option, value] of [
        [IPPROTO_TCP, TCP_KEEPIDLE, SILENT_SECONDS],
        [IPPROTO_TCP, TCP_KEEPINTVL, AGAIN_SECONDS],
        [IPPROTO_TCP, TCP_KEEPCNT, IN_VAIN],
        [SOL_SOCKET, SO_KEEPALIVE, 1],
      ] as const)
        libc.setsockopt(fd, level, option, new Int32Array([value]), INT_BYTES)
  } catch {}
}
