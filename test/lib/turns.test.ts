import { expect, test } from 'bun:test'
import { NamedTurns, Turns } from '../../src/lib/turns.ts'

test('no more works run at once than there are turns, and who waits is served in order', async () => {
  const turns = new Turns(2)
  const began: number[] = []
  const ends: (() => void)[] = []
  const all = [0, 1, 2, 3].map(i =>
    turns.run(async () => {
      began.push(i)
      await new Promise<void>(resolve => ends.push(resolve))
      if (i === 0) throw new Error('failed')
      return i
    }),
  )
  await Bun.sleep(1)
  expect(began).toEqual([0, 1])
  ends[0]!()
  await expect(all[0]!).rejects.toThrow('failed') // one that fails gives its turn on, too
  await Bun.sleep(1)
  expect(began).toEqual([0, 1, 2])
  ends[1]!()
  ends[2]!()
  await Bun.sleep(1)
  ends[3]!()
  expect(await Promise.all(all.slice(1))).toEqual([1, 2, 3])
})

test('who leaves while waiting takes no turn', async () => {
  const turns = new Turns(1)
  const end = Promise.withResolvers<void>()
  const first = turns.run(() => end.promise)
  const leaving = new AbortController()
  let ran = false
  const left = turns.run(async () => {
    ran = true
  }, leaving.signal)
  const third = turns.run(async () => 3)
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  end.resolve()
  await first
  expect(await third).toBe(3)
  expect(ran).toBe(false)
  await expect(turns.run(async () => 1, leaving.signal)).rejects.toThrow('gone')
})

test('works that need turns of several things have none while they wait for another, and are not in a circle', async () => {
  const turns = new NamedTurns(1)
  const began: string[] = []
  const ends = new Map<string, () => void>()
  const leaving = new AbortController()
  const work = (names: string[], signal?: AbortSignal) => {
    const name = names.join('')
    const { promise: over, resolve } = Promise.withResolvers<void>()
    ends.set(name, resolve)
    const run = async () => {
      began.push(name)
      await over
    }
    return turns.run(names, run, signal)
  }
  const left = () => work(['b', 'd'], leaving.signal).catch(error => error)
  const all = [work(['b']), work(['a', 'b']), work(['b', 'a', 'b']), left(), work(['a']), work([])]
  expect(began).toEqual(['b', 'a', ''])
  leaving.abort('left')
  expect(await all[3]).toBe('left')
  for (const name of ['b', 'a', 'ab', 'bab', '']) {
    ends.get(name)!()
    await Bun.sleep(0)
  }
  await Promise.all(all)
  expect(began).toEqual(['b', 'a', '', 'ab', 'bab'])
})
