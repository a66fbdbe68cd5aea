import { afterEach, expect, spyOn, test } from 'bun:test'
import { Fault } from '../../src/lib/fault.ts'
import { usableMemory } from '../../src/lib/machine.ts'
import { sent } from '../../src/lib/sending.ts'

const room = Math.min(512 * 1024 * 1024, Math.floor(usableMemory() / 8))
const QUARTER = Math.floor(room / 4)
const begun: ReadableStream<Uint8Array>[] = []
const begin = (bytes = QUARTER) => {
  const stream = sent(Buffer.alloc(bytes)) as ReadableStream<Uint8Array>
  begun.push(stream)
  return stream
}
const refused = () => {
  try {
    begin()
  } catch (error) {
    return error instanceof Fault && error.status
  }
  return false
}
async function lengthOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const piece of stream) bytes += piece.length
  return bytes
}

afterEach(async () => {
  for (const stream of begun.splice(0)) if (!stream.locked) await stream.cancel().catch(() => {})
})

test('a small answer is sent as it is, a large one whole, texts too', async () => {
  const small = Buffer.alloc(1024 * 1024)
  expect(sent(small)).toBe(small as never)
  expect(sent('a')).toBe('a')
  const text = 'é😀'.repeat(400_000)
  expect(await new Response(sent(text)).text()).toBe(text)
})

test('large ones that are not read take as much as there is room for, and give it back when they are read or given up', async () => {
  const [first, second] = [1, 2, 3, 4].map(() => begin())
  expect(refused()).toBe(503)
  expect(sent('a')).toBe('a')
  expect(await lengthOf(first!)).toBe(QUARTER)
  begin()
  expect(refused()).toBe(503)
  await second!.cancel()
  begin()
  expect(refused()).toBe(503)
})

test('of a large one HEAD takes no room, and nobody who has had its time is cut off for it', async () => {
  const head = () => sent(Buffer.alloc(QUARTER), 'HEAD')
  for (let i = 0; i < 8; i++) expect(head()).toBeInstanceOf(ReadableStream)
  const readers = [1, 2, 3, 4].map(() => begin().getReader())
  expect(refused()).toBe(503)
  const real = performance.now.bind(performance)
  const clock = spyOn(performance, 'now').mockImplementation(() => real() + 60_000)
  try {
    expect(head()).toBeInstanceOf(ReadableStream)
    for (const reader of readers) expect((await reader.read()).value?.length).toBeGreaterThan(0)
  } finally {
    clock.mockRestore()
    for (const reader of readers) await reader.cancel()
  }
})

test('one that is larger than all the room is sent alone', async () => {
  const whole = begin(room + 1)
  expect(refused()).toBe(503)
  await whole.cancel()
  begin()
})

test('who has had its time makes room where another needs it, the slowest first; with nobody else it goes on', async () => {
  const real = performance.now.bind(performance)
  const clock = spyOn(performance, 'now')
  try {
    const readers = [1, 2, 3].map(() => begin().getReader())
    const [fast, slow, slower] = readers
    for (let i = 0; i < 3; i++) await fast!.read()
    await slow!.read()
    clock.mockImplementation(() => real() + 60_000)
    const young = begin()
    expect((await slower!.read()).value?.length).toBeGreaterThan(0)
    await fast!.read()
    await slow!.read()
    begin()
    expect(await slower!.read().catch(() => 'cut')).toBe('cut')
    expect((await slow!.read()).value?.length).toBeGreaterThan(0)
    begin()
    expect(await slow!.read().catch(() => 'cut')).toBe('cut')
    expect((await fast!.read()).value?.length).toBeGreaterThan(0)
    begin()
    expect(await fast!.read().catch(() => 'cut')).toBe('cut')
    expect(refused()).toBe(503)
    expect(await lengthOf(young)).toBe(QUARTER)
    clock.mockImplementation(() => real() + 120_000)
    for (const stream of begun.slice(-3)) await stream.cancel()
  } finally {
    clock.mockRestore()
  }
})
