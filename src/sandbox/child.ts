/** The entry of `callgate worker function`: runs handlers, each call in a machine of its own; and checks sources. */
import { serveParent } from '../workers/serve.ts'
import { checkHandler } from './check.ts'
import type { Outcome } from './frames.ts'
import { Guests } from './guests.ts'
import { packTurns, unpackFrame } from './wire.ts'

/** A frame that has taken so long is answered as far as it is done: what is left is for whoever has time. */
const PATIENCE_MS = 3
const LOOK_MS = 1000

serveParent(async () => {
  const guests = await Guests.open()
  let resident = process.memoryUsage.rss()
  let looked = performance.now()
  return {
    exchange(bytes: Uint8Array) {
      const { code, steps } = unpackFrame(bytes)
      for (const [handler, source] of code) guests.learn(handler, source)
      guests.frame()
      const outcomes: Outcome[] = []
      const began = performance.now()
      let taken = 0
      while (taken < steps.length && (taken === 0 || performance.now() - began < PATIENCE_MS)) {
        const outcome = guests.take(steps[taken++]!)
        if (outcome) outcomes.push(outcome)
      }
      if (began - looked > LOOK_MS) {
        resident = process.memoryUsage.rss()
        looked = began
      }
      return packTurns({ outcomes, left: steps.length - taken, resident, parkedBytes: guests.parkedBytes })
    },
    check: ({ source }: { source: string }) => checkHandler(guests, source),
  }
})
