import { Fault } from '../lib/fault.ts'
import type { FromChild, SentError, ToChild } from './frames.ts'
import { endWithParent } from './parent.ts'

export type Handler = (payload: never, progress: (progress: unknown) => void) => unknown
export type Handlers = Record<string, Handler>

/**
 * The child's side: waits for `init`, makes the handlers, says `ready`, then answers requests until the parent is gone.
 * A child never outlives its parent: when the channel closes, it exits, and in the middle of work the kernel ends it.
 * @param last what is done first when the parent has gone; then the kernel does not end the child
 */
export function serveParent(
  make: (init: never) => Handlers | Promise<Handlers>,
  last?: () => Promise<void>,
): void {
  if (!last) endWithParent()
  let handlers: Handlers = {}
  const send = (message: FromChild) => process.send!(message)
  process.on('disconnect', async () => {
    await last?.()
    process.exit(0)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {}) // the parent decides when we end
  process.on('message', async (message: ToChild) => {
    if (message.type === 'init') {
      try {
        handlers = await make(message.init as never)
        send({ type: 'ready' })
      } catch (error) {
        send({ type: 'refused', error: asSent(error) })
      }
      return
    }
    const { id, method, payload } = message
    try {
      const handler = handlers[method]
      if (!handler) throw new Error(`no method ${method}`)
      const value = await handler(payload as never, progress => send({ type: 'progress', id, progress }))
      send({ type: 'answer', id, value })
    } catch (error) {
      send({ type: 'failed', id, error: asSent(error) })
    }
  })
}

function asSent(error: unknown): SentError {
  if (error instanceof Fault)
    return { fault: { status: error.status, code: error.code, message: error.message, members: error.members } }
  return { stack: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}
