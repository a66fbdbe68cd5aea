import { readFileSync, writeFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { Slab } from '../lib/slab.ts'
import { asSent, type FromChild, revive, type ToChild } from './frames.ts'
import { endWithParent } from './parent.ts'
import { answerFrame, type Frame, openPipe, type Parts, PIPE_FD, type Pipe } from './pipe.ts'

type Handler = (payload: never, progress: (progress: unknown) => void) => unknown
/** By method; `exchange` answers what comes as bytes, which no method names. */
type Handlers = Record<string, Handler> & {
  exchange?: (payload: Uint8Array<ArrayBuffer>) => Parts | Promise<Parts>
}

/** Asks the parent, in bytes. @throws what the parent threw */
type Ask = (parts: Parts) => Promise<Uint8Array<ArrayBuffer>>

/**
 * The child's side: waits for `init`, makes the handlers, says `ready`, then answers requests until the parent is gone.
 * A child never outlives its parent: when the channel closes, it exits, and in the middle of work the kernel ends it.
 * @param last what is done first when the parent has gone; then the kernel does not end the child
 */
export function serveParent(
  make: (init: never, ask: Ask) => Handlers | Promise<Handlers>,
  last?: () => Promise<void>,
): void {
  if (!last) endWithParent()
  endBeforeParent()
  let handlers: Handlers = {}
  let pipe: Pipe
  const asking = new Slab<PromiseWithResolvers<Uint8Array<ArrayBuffer>>>()
  const ask: Ask = parts => {
    const asked = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
    pipe.send(asking.put(asked), 'request', parts)
    return asked.promise
  }
  function receive({ id, kind, payload }: Frame): void {
    if (kind === 'request') return void answerFrame(pipe, id, () => handlers.exchange!(payload))
    const asked = asking.take(id)
    if (kind === 'answer') asked?.resolve(payload)
    else asked?.reject(revive(JSON.parse(new TextDecoder().decode(payload))))
  }
  const send = (message: FromChild) => process.send!(message)
  process.on('disconnect', async () => {
    await last?.()
    process.exit(0)
  })
  // a terminal sends them to the parent and its children alike, and the parent decides when we end
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('message', async (message: ToChild) => {
    if (message.type === 'init') {
      try {
        handlers = await make(message.init as never, ask)
        if (handlers.exchange) pipe = await openPipe(PIPE_FD, receive)
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

/** As if it took three tenths of the memory more. */
const SOONER = 300

/**
 * Where memory runs out the kernel ends the process that has most of it, by this account. That is often the server itself, of which
 * nothing is left then; of a child its calls are 503, and it is started again. What it starts has the same account. Linux.
 */
function endBeforeParent(): void {
  const path = '/proc/self/oom_score_adj'
  try {
    writeFileSync(path, String(Math.min(1000, Number(readFileSync(path, 'latin1')) + SOONER)))
  } catch {}
}

/** A tenth of the share that others have, where they want it too. */
const NICER = 10

/** To be called by a child whose work may take long: where processors are short, what somebody waits for elsewhere goes first. */
export function giveWay(): void {
  try {
    setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + NICER))
  } catch {} // a system that does not let it: it has the same share as the others
}
