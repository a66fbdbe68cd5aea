/** The cache of answers by itself: its bounds, and work that several callers wait for. */
import { describe, expect, setSystemTime, test } from 'bun:test'
import { Fault } from '../../src/lib/fault.ts'
import { AnswerCache, type KeptAnswer } from '../../src/query/cache.ts'
import { refusal } from './table-fixture.ts'

const page = { limit: 1, offset: 0, has_more: false }
const answer = (text: string): KeptAnswer => ({ body: Buffer.from(text), etag: `"${text.length}"`, page })
const soon = () => performance.now() + 5000
const HOUR = 3_600_000

/** Work that the test ends itself. */
function work() {
  const outcome = Promise.withResolvers<KeptAnswer | undefined>()
  const seen: AbortSignal[] = []
  return {
    ...outcome,
    seen,
    make: (signal: AbortSignal) => {
      seen.push(signal)
      return outcome.promise
    },
  }
}

describe('what is kept', () => {
  test('is bounded in bytes, keys included; the least recently used goes first', () => {
    const cache = new AnswerCache(64 * 1024)
    const text = 'x'.repeat(2000)
    for (let i = 0; i < 20; i++) cache.put(`key ${i}`, answer(text), HOUR)
    expect(cache.get('key 0')).toBeDefined()
    for (let i = 20; i < 200; i++) {
      cache.put(`key ${i}`, answer(text), HOUR)
      cache.get('key 0')
      expect(cache.bytes).toBeLessThanOrEqual(64 * 1024)
    }
    expect(cache.get('key 0')).toBeDefined()
    expect(cache.get('key 1')).toBeUndefined()
    expect(cache.get('key 199')!.answer.body).toEqual(Buffer.from(text))
    cache.put('k'.repeat(40_000), answer('short'), HOUR)
    expect(cache.bytes).toBeLessThanOrEqual(64 * 1024)
  })

  test('is no answer of more than a sixteenth of it, and nothing where there is no room at all', () => {
    const cache = new AnswerCache(64 * 1024)
    cache.put('fits', answer('x'.repeat(4096)), HOUR)
    cache.put('too large', answer('x'.repeat(4097)), HOUR)
    expect([cache.get('fits') !== undefined, cache.get('too large')]).toEqual([true, undefined])
    const none = new AnswerCache(0)
    none.put('a', answer(''), HOUR)
    expect([none.get('a'), none.bytes]).toEqual([undefined, 0])
  })

  test('lasts as long as it was kept for, and has the age that it has, when the clock is set back', () => {
    const cache = new AnswerCache(64 * 1024)
    cache.put('short', answer('one'), 1)
    cache.put('long', answer('two'), HOUR)
    const kept = performance.now()
    setSystemTime(Date.now() - 24 * HOUR)
    try {
      while (performance.now() <= kept + 1);
      expect(cache.get('short')).toBeUndefined()
      expect(cache.get('long')!.age).toBeGreaterThan(0)
    } finally {
      setSystemTime()
    }
  })

  test('takes the place of what was kept under the key before, and is forgotten when its time is over', () => {
    const cache = new AnswerCache(64 * 1024)
    cache.put('a', answer('one'), HOUR)
    const { bytes } = cache
    cache.put('a', answer('two'), HOUR)
    expect([cache.bytes, cache.get('a')!.answer.etag]).toEqual([bytes, '"3"'])
    cache.put('a', answer('three'), 0)
    expect(cache.get('a')).toBeUndefined()
    expect(cache.bytes).toBe(0)
  })
})

describe('callers that want the same at the same time', () => {
  test('wait for one work, whose outcome is kept', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, resolve, seen } = work()
    const callers = Array.from({ length: 5 }, () => cache.share('k', HOUR, soon(), undefined, make))
    resolve(answer('once'))
    const wanted = answer('once')
    expect(await Promise.all(callers)).toEqual([wanted, wanted, wanted, wanted, wanted])
    expect([seen.length, cache.get('k')!.answer]).toEqual([1, wanted])
  })

  test('all get its error, which is not kept', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, reject, seen } = work()
    const callers = Array.from({ length: 3 }, () => cache.share('k', HOUR, soon(), undefined, make))
    reject(new Fault(503, 'unavailable', 'not now'))
    for (const caller of callers) expect((await refusal(() => caller)).status).toBe(503)
    expect([seen.length, cache.get('k')]).toEqual([1, undefined])
    expect(await cache.share('k', HOUR, soon(), undefined, async () => answer('now'))).toEqual(answer('now'))
  })

  test('leave it to the others when they go, the one that began it too; it is ended when the last has gone', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, resolve, seen } = work()
    const [first, second] = [new AbortController(), new AbortController()]
    const one = cache.share('k', HOUR, soon(), first, make)
    const two = cache.share('k', HOUR, soon(), second, make)
    first.abort()
    expect((await refusal(() => one)).status).toBe(499)
    expect(seen.map(signal => signal.aborted)).toEqual([false])
    resolve(answer('for two'))
    expect(await two).toEqual(answer('for two'))
    expect(seen.map(signal => signal.aborted)).toEqual([false])

    const other = work()
    const [third, fourth] = [new AbortController(), new AbortController()]
    const left = [third, fourth].map(caller => cache.share('other', HOUR, soon(), caller, other.make))
    for (const caller of [third, fourth]) caller.abort()
    for (const caller of left) expect((await refusal(() => caller)).status).toBe(499)
    expect(other.seen.map(signal => signal.aborted)).toEqual([true])
    const again = cache.share('other', HOUR, soon(), undefined, async () => answer('again'))
    expect(await again).toEqual(answer('again'))
    other.resolve(answer('late'))
  })

  test('who has gone before it asks gets nothing, and begins nothing that lasts', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, seen } = work()
    const gone = await refusal(() => cache.share('k', HOUR, soon(), { signal: AbortSignal.abort() }, make))
    expect([gone.status, seen.every(signal => signal.aborted)]).toEqual([499, true])
  })

  test('each keep their own deadline', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, resolve } = work()
    const patient = cache.share('k', HOUR, soon(), undefined, make)
    const hasty = cache.share('k', HOUR, performance.now() + 5, undefined, make)
    expect((await refusal(() => hasty)).status).toBe(504)
    resolve(answer('in time'))
    expect(await patient).toEqual(answer('in time'))
  })

  test('begin again when only the time of the one before was over', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, reject } = work()
    const first = cache.share('k', HOUR, soon(), undefined, make)
    let made = 0
    const later = Array.from({ length: 4 }, () =>
      cache.share('k', HOUR, soon(), undefined, async () => {
        made++
        return answer('second try')
      }),
    )
    reject(new Fault(504, 'deadline_passed', 'too late'))
    expect((await refusal(() => first)).status).toBe(504)
    for (const caller of later) expect(await caller).toEqual(answer('second try'))
    expect(made).toBe(1)
  })

  test('are told where it cannot be shared', async () => {
    const cache = new AnswerCache(64 * 1024)
    const { make, resolve } = work()
    const callers = Array.from({ length: 3 }, () => cache.share('k', HOUR, soon(), undefined, make))
    resolve(undefined)
    expect(await Promise.all(callers)).toEqual([undefined, undefined, undefined])
    expect(cache.get('k')).toBeUndefined()
  })
})
