/** The entry of `callgate worker function`: runs handlers, each call in a machine of its own; and checks sources. */
import { serveParent } from '../workers/serve.ts'
import { checkHandler } from './check.ts'
import type { Frame, Outcome, Turns } from './frames.ts'
import { Guests } from './guests.ts'

/** A frame that has taken so long says what it has before it goes on. */
const PATIENCE_MS = 3

serveParent(async () => {
  const guests = await Guests.open()
  return {
    run({ code, steps }: Frame, progress: (turns: Turns) => void): Turns {
      for (const [handler, source] of code) guests.learn(handler, source)
      let outcomes: Outcome[] = []
      const turns = (): Turns => ({ outcomes, resident: process.memoryUsage.rss(), parkedBytes: guests.parkedBytes })
      let said = performance.now()
      for (const step of steps) {
        if (outcomes.length > 0 && performance.now() - said > PATIENCE_MS) {
          progress(turns())
          outcomes = []
          said = performance.now()
        }
        const outcome = guests.take(step)
        if (outcome) outcomes.push(outcome)
      }
      return turns()
    },
    check: ({ source }: { source: string }) => checkHandler(guests, source),
  }
})
