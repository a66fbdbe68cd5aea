/** Ports for programs: below those that the system gives to outgoing connections, where a connection could meet itself. */
const FIRST = 20_000
const LAST = 32_000
const TRIES = 200

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

/** Whether somebody listens there. */
export async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {}, connectError() {} } })
    const itself = socket.localPort === port
    socket.end()
    return !itself
  } catch {
    return false
  }
}
