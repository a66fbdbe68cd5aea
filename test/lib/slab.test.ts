import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { Slab } from '../../src/lib/slab.ts'

test('what is put in is found by its id, is taken once, and no id is used again', () => {
  const slab = new Slab<string>()
  const a = slab.put('a')
  const b = slab.put('b')
  expect([slab.get(a), slab.get(b), slab.size]).toEqual(['a', 'b', 2])
  expect(slab.take(a)).toBe('a')
  expect([slab.get(a), slab.take(a), slab.size]).toEqual([undefined, undefined, 1])
  const later = Array.from({ length: 10_000 }, (_, i) => {
    const id = slab.put(`${i}`)
    slab.take(id)
    return id
  })
  expect(new Set([a, b, ...later]).size).toBe(10_002)
  expect(slab.get(a)).toBeUndefined() // its place has been used by others since
  expect([slab.get(b), slab.size]).toEqual(['b', 1])
})

test('as many are kept as there are, among them some that stay while others come and go', () => {
  const slab = new Slab<number>()
  const kept = new Map<number, number>()
  for (let i = 0; i < 50_000; i++) {
    const id = slab.put(i)
    if (i % 97 === 0) kept.set(id, i)
    else if (i > 5) slab.take(id)
    else kept.set(id, i)
  }
  expect(slab.size).toBe(kept.size)
  for (const [id, item] of kept) expect(slab.get(id)).toBe(item)
  expect(slab.all().toSorted((x, y) => x - y)).toEqual([...kept.values()].toSorted((x, y) => x - y))
  expect(slab.takeAll()).toHaveLength(kept.size)
  expect([slab.size, slab.all(), slab.get([...kept.keys()][0]!)]).toEqual([0, [], undefined])
})

test('an id is not given while one that stays has its place, even when the ids begin anew', () => {
  const slab = new Slab<number>(0xffff_ffff - 70)
  const stays = slab.put(-1)
  const ids = Array.from({ length: 200 }, (_, i) => {
    const id = slab.put(i)
    slab.take(id)
    return id
  })
  expect(ids.every(id => id >= 1 && id <= 0xffff_ffff)).toBe(true)
  expect(new Set([stays, ...ids]).size).toBe(201)
  expect(slab.get(stays)).toBe(-1)
})

test('what was taken is garbage for every collection, not only for a full one', async () => {
  const churn = `
    import { Slab } from ${JSON.stringify(join(import.meta.dir, '../../src/lib/slab.ts'))}
    const slab = new Slab()
    const ids = []
    for (let i = 0; i < 3_000_000; i++) {
      ids.push(slab.put({ i, of: [i] }))
      if (ids.length > 32) slab.take(ids.shift())
    }`
  const child = Bun.spawn([process.execPath, '-e', churn], {
    env: { PATH: process.env.PATH, BUN_JSC_logGC: '1' },
    stderr: 'pipe',
  })
  const log = await new Response(child.stderr).text()
  expect(await child.exited).toBe(0)
  const collections = log.split('START').filter(text => text.includes('=> EdenCollection'))
  const visitedKb = collections.map(text => Number([...text.matchAll(/\bv=(\d+)kb/g)].at(-1)![1]))
  expect(visitedKb.length).toBeGreaterThan(5)
  // of a Map or a Set in its place, some thousands
  expect(visitedKb.filter(kb => kb > 1000)).toEqual([])
})
