import { expect, test } from 'bun:test'
import { within } from '../../src/lib/pause.ts'
import { waitFor } from '../harness.ts'

const TIMES = 50

test('what came in time is kept by nothing afterwards, and what comes late is not waited for', async () => {
  const came: WeakRef<object>[] = []
  const take = async () => {
    const given = { bytes: new Uint8Array(1000) }
    came.push(new WeakRef(given))
    expect((await within(Promise.resolve(given), 3_600_000))?.bytes.length).toBe(1000)
  }
  for (let i = 0; i < TIMES; i++) await take()
  // the stack may seem to hold some of them a little longer
  await waitFor(() => {
    Bun.gc(true)
    return came.filter(ref => ref.deref()).length < TIMES / 2 || undefined
  })
  expect(await within(new Promise(() => {}), 1)).toBeUndefined()
  expect(await within(Promise.reject(new Error('why')), 1000).catch(error => error.message)).toBe('why')
})
