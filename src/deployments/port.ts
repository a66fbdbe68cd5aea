import { closeSync, openSync } from 'node:fs'
import { within } from '../lib/pause.ts'

/** Ports for programs: below those that the system gives to outgoing connections, where a connection could meet itself. */
const FIRST = 20_000
const LAST = 32_000
const TRIES = 200
const LONGEST_CONNECT_MS = 1000

const taken = new Set<number>()

/** A port on 127.0.0.1 that nobody listens on now. @throws Error there is none */
export function takePort(): number {
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (taken.has(port)) continue
    try {
      Bun.listen({ hostname: '127.0.0.1', port, exclusive: true, socket: { data() {} } }).stop(true)
    } catch {
      continue
    }
    taken.add(port)
    return port
  }
  throw new Error('no port is free for a deployment')
}

export const freePort = (port: number): void => void taken.delete(port)

/**
 * Whether somebody listens there, and takes a connection in a moment: where too many wait for a busy server, the system tries
 * again after 1, 2, 4 seconds and so on, long after there is room.
 */
export async function isListening(port: number): Promise<boolean> {
  const connecting = Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {}, connectError() {} } }).then(
    socket => {
      const itself = socket.localPort === port
      socket.end()
      return !itself
    },
    () => false,
  )
  return (await within(connecting, LONGEST_CONNECT_MS)) ?? false
}

/** Whether this process may open anything: where it has no files left, a connection that fails says nothing of its server. */
export function hasFilesLeft(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return true
  } catch {
    return false
  }
}
