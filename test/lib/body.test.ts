import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { checkAnnouncedLength, checkJsonType, parseJson, readBytes as readBytesBy } from '../../src/lib/body.ts'
import { Fault } from '../../src/lib/fault.ts'
import { usableMemory } from '../../src/lib/machine.ts'
import { Receiving, SMALL_BODY } from '../../src/lib/receiving.ts'
import { cpuOf } from '../harness.ts'

const LIMIT = 1000
const readBytes = (request: Request, limit: number, inMs = 60_000) => readBytesBy(request, limit, Date.now() + inMs)
const request = (body: Uint8Array | ReadableStream, headers: Record<string, string> = {}) =>
  new Request('http://x/', { method: 'POST', body: body as BodyInit, headers })
const stream = (chunks: Uint8Array[]) => {
  const left = [...chunks]
  let taken = 0
  return {
    taken: () => taken,
    body: new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = left.shift()
        if (!next) return controller.close()
        taken++
        controller.enqueue(next)
      },
    }),
  }
}
/** `status code`; the message holds nothing of the body. */
async function refused(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    expect(error.message).not.toContain('SECRET')
    return `${error.status} ${error.code}`
  }
  throw new Error('it was taken')
}
const zeros = (n: number) => new Uint8Array(n)

describe('the limit', () => {
  test('is held against what is announced', async () => {
    expect(() => checkAnnouncedLength(new Headers({ 'content-length': '1000' }), LIMIT)).not.toThrow()
    expect(() => checkAnnouncedLength(new Headers(), LIMIT)).not.toThrow()
    for (const length of ['1001', '99999999999999999999', '1e9'])
      expect(await refused(() => checkAnnouncedLength(new Headers({ 'content-length': length }), LIMIT))).toBe(
        '413 body_too_large',
      )
  })
  test('and against what comes, to the byte', async () => {
    expect(await readBytes(request(zeros(1000)), LIMIT)).toHaveLength(1000)
    expect(await refused(() => readBytes(request(zeros(1001)), LIMIT))).toBe('413 body_too_large')
    expect(await readBytes(new Request('http://x/', { method: 'POST' }), LIMIT)).toHaveLength(0)
  })
  test('a stream is given up as soon as it is over', async () => {
    const endless = stream(Array.from({ length: 100 }, () => zeros(300)))
    expect(await refused(() => readBytes(request(endless.body), LIMIT))).toBe('413 body_too_large')
    expect(endless.taken()).toBeLessThan(10)
    expect(await readBytes(request(stream([zeros(400), zeros(600)]).body), LIMIT)).toHaveLength(1000)
  })
  test('a body that comes a byte at a time lets others be served', async () => {
    const letters = Array.from({ length: 200_000 }, (_, i) => Uint8Array.of(97 + (i % 26)))
    const whole = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const letter of letters) controller.enqueue(letter)
        controller.close()
      },
    })
    let served = 0
    const others = setInterval(() => served++, 0)
    const bytes = await readBytes(request(whole), 1_000_000)
    clearInterval(others)
    expect(served).toBeGreaterThan(0)
    expect(Buffer.concat(letters).equals(bytes)).toBe(true)
  })
  test('holds for what comes out of gzip: a bomb is 413, in little time and memory', async () => {
    const bomb = gzipSync(zeros(200_000_000))
    expect(bomb.length).toBeLessThan(250_000)
    const before = process.memoryUsage.rss()
    const taken = await cpuOf(async () => {
      expect(await refused(() => readBytes(request(bomb, { 'content-encoding': 'gzip' }), 1_000_000))).toBe(
        '413 body_too_large',
      )
    })
    expect(taken).toBeLessThan(500)
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000)
    const layered = gzipSync(gzipSync(zeros(900)))
    expect(await readBytes(request(layered, { 'content-encoding': 'gzip' }), LIMIT)).toEqual(
      new Uint8Array(gzipSync(zeros(900))) as never,
    )
  })
})

describe('what does not come', () => {
  const endless = () => new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
  const announced = (bytes: number) => request(endless(), { 'content-length': String(bytes) })

  test('is not waited for beyond the deadline, however it is sent', async () => {
    expect(await refused(() => readBytes(announced(10), LIMIT, 1))).toBe('408 body_timeout')
    expect(await refused(() => readBytes(request(endless()), LIMIT, 1))).toBe('408 body_timeout')
    const drop = () => Bun.sleep(1).then(() => zeros(1))
    const dripping = new ReadableStream<Uint8Array>({
      pull: async controller => controller.enqueue(await drop()),
    })
    expect(await refused(() => readBytes(request(dripping), 1_000_000, 50))).toBe('408 body_timeout')
  })

  test('has others wait where it is large, and large ones only', async () => {
    const most = 2 ** 40
    const end = Promise.withResolvers<void>()
    const pull = (controller: ReadableStreamDefaultController) => end.promise.then(() => controller.close())
    const first = readBytes(request(new ReadableStream({ pull }), { 'content-length': String(most) }), most)
    const small = request(zeros(1000), { 'content-length': '1000' })
    expect(await readBytes(small, most)).toHaveLength(1000)
    expect(await refused(() => readBytes(announced(100_000), most, 1))).toBe('503 unavailable')
    const chunked = request(stream([zeros(100_000), zeros(5)]).body)
    expect(await refused(() => readBytes(chunked, most, 1))).toBe('503 unavailable')
    const patient = [1, 2].map(() => readBytes(request(zeros(100_000), { 'content-length': '100000' }), most))
    const chunks = readBytes(request(stream([zeros(100_000), zeros(5)]).body), most)
    end.resolve()
    await first
    expect((await Promise.all([...patient, chunks])).map(bytes => bytes.length)).toEqual([100_000, 100_000, 100_005])
    const late = readBytes(announced(most), most, 1)
    const next = readBytes(request(zeros(100_000), { 'content-length': '100000' }), most)
    expect(await refused(() => late)).toBe('408 body_timeout')
    expect(await next).toHaveLength(100_000)
  })

  test('has others wait for no more than has come of it where no length is said, but for the largest one', async () => {
    const limit = 16 * 1024 * 1024
    const callers = new AbortController()
    const ended = Array.from({ length: 100 }, () => {
      const pieces = [zeros(70_000)]
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const piece = pieces.pop()
          if (!piece) return new Promise(() => {})
          controller.enqueue(piece)
        },
      })
      const stalled = new Request('http://x/', { method: 'POST', body, signal: callers.signal })
      return refused(() => readBytes(stalled, limit))
    })
    expect(await readBytes(request(zeros(1_000_000), { 'content-length': '1000000' }), limit, 5000)).toHaveLength(1e6)
    expect(await readBytes(request(stream([zeros(1_000_000)]).body), limit, 5000)).toHaveLength(1e6)
    callers.abort()
    expect(new Set(await Promise.all(ended))).toEqual(new Set(['400 malformed_body']))
  })

  test('never has all of them wait for one another, nor take more together than there is room for', async () => {
    const room = Math.min(256 * 1024 * 1024, Math.floor(usableMemory() / 8))
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48271) % 0x7fffffff
      return seed % below
    }
    let held = 0
    let most = 0
    const one = async (claim: number, size: number, endsIn: 'order' | 'failure') => {
      const receiving = new Receiving(request(zeros(0)), Date.now() + 30_000)
      let had = 0
      await receiving.run(async () => {
        for (let come = 0; come < size; ) {
          come = Math.min(size, come + 1 + random(claim / 8))
          await receiving.room(come, claim)
          const counted = come > SMALL_BODY ? come : 0
          held += counted - had
          had = counted
          // a body that is larger than all that there is room for is alone
          expect(held <= room || held === had).toBe(true)
          most = Math.max(most, held)
          await Promise.resolve()
        }
        held -= had
        if (endsIn === 'failure') throw new Error('cut off')
      })
    }
    const claims = [room / 16, room / 16, room / 16, room / 5, 100_000, room / 2, room, room * 2].map(Math.floor)
    const bodies = Array.from({ length: 400 }, (_, i) => {
      const claim = claims[random(i % 20 === 0 ? claims.length : 4)]!
      const end = random(10) === 0 ? 'failure' : 'order'
      return one(claim, random(3) === 0 ? random(claim) : claim, end).then(
        () => 'order',
        error => (error.message === 'cut off' ? 'failure' : String(error)),
      )
    })
    expect(new Set(await Promise.all(bodies))).toEqual(new Set(['order', 'failure']))
    expect(held).toBe(0)
    expect(most).toBeGreaterThan(room / 2)
  })
})

describe('encodings', () => {
  test('gzip in any case, by its other name too, identity, and none', async () => {
    const text = Buffer.from('{"a":1}')
    for (const encoding of ['gzip', 'GZIP', ' gzip ', 'x-gzip', 'X-GZIP'])
      expect(
        Buffer.from(await readBytes(request(gzipSync(text), { 'content-encoding': encoding }), LIMIT)).toString(),
      ).toBe('{"a":1}')
    for (const encoding of ['identity', ''])
      expect(Buffer.from(await readBytes(request(text, { 'content-encoding': encoding }), LIMIT)).toString()).toBe(
        '{"a":1}',
      )
  })
  test('others are 415', async () => {
    for (const encoding of ['br', 'zstd', 'gzip, gzip', 'x', '__proto__'])
      expect(await refused(() => readBytes(request(zeros(1), { 'content-encoding': encoding }), LIMIT))).toBe(
        '415 unsupported_encoding',
      )
  })
  test('broken gzip is 400', async () => {
    const whole = gzipSync(Buffer.from('SECRET'.repeat(20)))
    for (const broken of [Buffer.from('SECRET'), whole.subarray(0, 20), Buffer.from([0x1f, 0x8b]), new Uint8Array()])
      expect(await refused(() => readBytes(request(broken, { 'content-encoding': 'gzip' }), LIMIT))).toBe(
        '400 malformed_body',
      )
  })
})

describe('JSON', () => {
  test('is UTF-8; anything else is 400 that repeats nothing', async () => {
    expect(parseJson(Buffer.from('{"a":"é😀"}'))).toEqual({ a: 'é😀' })
    for (const text of ['', '{', 'SECRET', '{"SECRET":}', 'undefined', '[1,]'])
      expect(await refused(() => parseJson(Buffer.from(text)))).toBe('400 malformed_body')
    for (const bytes of [[0xff], [0x22, 0xc3, 0x28, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]])
      expect(await refused(() => parseJson(new Uint8Array(bytes)))).toBe('400 malformed_body')
  })
  test('numbers that Python writes and JSON does not have are named, and what to write for them', () => {
    const said = (text: string | Uint8Array) => {
      try {
        return parseJson(Buffer.from(text as string)) as never
      } catch (error) {
        return (error as Fault).message
      }
    }
    const plain = 'The body is not valid JSON in UTF-8.'
    for (const text of [
      '{"a": NaN}',
      '[1,NaN]',
      '[-Infinity]',
      '{"rows":[{"x":1},{"x":\n Infinity}]}',
      'xxxxxxxxx:NaN',
    ])
      expect(said(text), text).toBe('The body is not valid JSON in UTF-8: it has no NaN and no Infinity, only null.')
    for (const text of ['', '{', '{"a": "NaN"', '["Infinity"', '[1,NaNs]', '{"NaN":}', 'NaN'])
      expect(said(text), text).toBe(plain)
    expect(said(Buffer.concat([Buffer.from('{"a":'), Buffer.from([0xff])]))).toBe(plain)
  })

  test('nested beyond reason does not take the process with it', () => {
    for (const text of [
      '['.repeat(5_000_000),
      `${'['.repeat(200_000)}12345678901234567890${']'.repeat(200_000)}`,
      '{"a":'.repeat(1_000_000),
    ])
      try {
        parseJson(Buffer.from(text))
      } catch (error) {
        expect((error as Fault).status).toBe(400)
      }
    expect(parseJson(Buffer.from('[1]'))).toEqual([1])
  })
  test('has a type that is JSON, or none', async () => {
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON',
      'application/vnd.x.y+json',
      'application/problem+json;a=b',
    ])
      expect(() => checkJsonType(new Headers({ 'content-type': type }))).not.toThrow()
    expect(() => checkJsonType(new Headers())).not.toThrow()
    for (const type of [
      'text/plain',
      'application/jsonp',
      'application/json-seq',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=application/json',
      'application/xml',
      `application/${'a'.repeat(100_000)}`,
    ])
      expect(await refused(() => checkJsonType(new Headers({ 'content-type': type })))).toBe(
        '415 unsupported_media_type',
      )
  })
})
