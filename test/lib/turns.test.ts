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

test('who needs turns of two things has its turn though there is never one of both, and what is long taken keeps nobody from the other', async () => {
  const turns = new NamedTurns(2)
  const ends: Record<string, (() => void)[]> = { a: [], b: [] }
  const hold = (name: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    return turns.run([name], () => {
      ends[name]!.push(resolve)
      return promise
    })
  }
  const end = async (name: string) => {
    ends[name]!.shift()!()
    await Bun.sleep(0)
  }
  const all = ['a', 'a', 'b', 'b'].map(hold)
  const leaving = new AbortController()
  let joined = 0
  const join = async () => void joined++
  const gone = turns.run(['b', 'a'], join, leaving.signal).catch(error => error)
  all.push(turns.run(['a', 'b'], join), ...['a', 'a', 'b', 'b'].map(hold))
  await end('b') // who is first has it, and waits for the other
  expect(ends).toEqual({ a: [expect.anything(), expect.anything()], b: [expect.anything()] })
  leaving.abort('left')
  expect(await gone).toBe('left')
  expect(joined).toBe(0)
  await end('a')
  expect(joined).toBe(1)
  while (ends.a!.length + ends.b!.length > 0) for (const name of ['a', 'b']) if (ends[name]!.length > 0) await end(name)
  await Promise.all(all)

  const locked = ['b', 'b'].map(hold)
  const waits = turns.run(['a', 'b'], join)
  const others = ['a', 'a', 'a', 'a'].map(hold)
  for (const _ of others) await end('a')
  await Promise.all(others)
  expect(joined).toBe(1)
  await end('b')
  await waits
  await end('b')
  await Promise.all(locked)
})
