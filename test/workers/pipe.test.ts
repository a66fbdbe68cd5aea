import { describe, expect, test } from 'bun:test'
import { type Frame, FrameReader, frameOf } from '../../src/workers/pipe.ts'

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (from + i) & 255)

describe('frames', () => {
  test('come out as they went in, wherever the stream is cut', () => {
    const sent = [
      frameOf(1, 'request', [bytes(5), bytes(0), bytes(3, 9)]),
      frameOf(4_294_967_295, 'answer', []),
      frameOf(7, 'failed', [bytes(100_000)]),
    ]
    const stream = Buffer.concat(sent)
    for (const piece of [1, 3, 15, 16, 17, 4096, stream.length]) {
      const got: Frame[] = []
      const reader = new FrameReader(frame => got.push(frame))
      for (let at = 0; at < stream.length; at += piece) reader.take(stream.subarray(at, at + piece))
      expect(got.map(({ id, kind, payload }) => [id, kind, payload.length])).toEqual([
        [1, 'request', 8],
        [4_294_967_295, 'answer', 0],
        [7, 'failed', 100_000],
      ])
      expect(got[0]!.payload).toEqual(new Uint8Array([0, 1, 2, 3, 4, 9, 10, 11]))
      expect(got[2]!.payload).toEqual(bytes(100_000))
    }
  })
  test('keep their bytes when the buffer that they were read from is used again', () => {
    const got: Frame[] = []
    const reader = new FrameReader(frame => got.push(frame))
    const shared = Buffer.from(frameOf(1, 'answer', [bytes(10)]))
    reader.take(shared)
    shared.fill(0)
    expect(got[0]!.payload).toEqual(bytes(10))
    expect(got[0]!.payload.byteOffset % 8).toBe(0)
  })
})
