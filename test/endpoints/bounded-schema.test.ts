import { expect, test } from 'bun:test'
import { rested } from '../../src/endpoints/bounded-schema.ts'
import { cpuOfThread } from '../../src/lib/machine.ts'

/** A pattern that takes a while for a text. */
const taking = (wait: () => void) =>
  rested({
    test() {
      wait()
      return true
    },
  } as unknown as RegExp)

test('a pattern is too slow that has had too much CPU, and not one that waited for it on a busy machine', () => {
  const waits = taking(() => Bun.sleepSync(400))
  for (let times = 0; times < 2; times++) expect(waits.test('x')).toBe(true)
  const burns = taking(() => {
    for (const end = cpuOfThread() + 400; cpuOfThread() < end; );
  })
  for (let times = 0; times < 2; times++) expect(() => burns.test('x')).toThrow('pattern')
})
