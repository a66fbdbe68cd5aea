import { expect, test } from 'bun:test'
import { metered } from '../../src/sandbox/meter.ts'

/** `(module (import "env" "other" (func)) (import "env" "tick" (func (result i32))) (memory (export "memory") 2) (func (export "run") ...) (func (export "hidden")))` */
function module(body: number[]): Uint8Array {
  const text = (value: string) => [value.length, ...Buffer.from(value)]
  const section = (id: number, bytes: number[]) => [id, ...leb(bytes.length), ...bytes]
  const code = (bytes: number[]) => [...leb(bytes.length + 2), 0, ...bytes, 0x0b]
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 0, 0, 0x60, 0, 1, 0x7f]),
    ...section(2, [2, ...text('env'), ...text('other'), 0, 0, ...text('env'), ...text('tick'), 0, 1]),
    ...section(3, [2, 0, 0]),
    ...section(5, [1, 0, 2]),
    ...section(6, [1, 0x7f, 1, 0x41, 7, 0x0b]),
    ...section(7, [3, ...text('memory'), 2, 0, ...text('run'), 0, 2, ...text('hidden'), 0, 3]),
    ...section(10, [2, ...code(body), ...code([])]),
  ])
}
const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)])

class Enough extends Error {}

function run(bytes: Uint8Array, ticks: number): { ticks: number; exports: string[] } {
  let left = ticks
  const compiled = new WebAssembly.Module(metered(bytes, { interrupt: 'tick', exports: new Set(['memory', 'run']) }))
  const { exports } = new WebAssembly.Instance(compiled, {
    env: {
      other: () => {
        throw new Error('the wrong one was called')
      },
      tick: () => {
        if (--left === 0) throw new Enough()
        return 0
      },
    },
  })
  try {
    ;(exports.run as () => void)()
  } catch (error) {
    if (!(error instanceof Enough)) throw error
  }
  return { ticks: ticks - left, exports: Object.keys(exports).sort() }
}

test('an endless loop asks again and again, and ends where the question throws', () => {
  const endless = [0x03, 0x40, 0x0c, 0, 0x0b]
  expect(run(module(endless), 5)).toEqual({ ticks: 5, exports: ['memory', 'run'] })
})

test('a loop inside a loop asks, and one that ends by itself hardly', () => {
  const nested = [0x03, 0x40, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0c, 0, 0x0b]
  expect(run(module(nested), 3).ticks).toBe(3)
  const once = [0x03, 0x40, 0x0b]
  expect(run(module(once), 3).ticks).toBe(0)
})

test('moving memory takes fuel for what it moves', () => {
  // loop { memory.fill(0, 0, 65536); br 0 }: 4096 turns would move a quarter of a gigabyte before the first question
  const fill = [0x03, 0x40, 0x41, 0, 0x41, 0, 0x41, 0x80, 0x80, 0x04, 0xfc, 11, 0, 0x0c, 0, 0x0b]
  let turns = 0
  const started = performance.now()
  turns = run(module(fill), 100).ticks
  expect(turns).toBe(100)
  expect(performance.now() - started).toBeLessThan(2000)
})

test('what is not known is refused, as is an engine that lacks what is needed of it', () => {
  expect(() => run(module([0xfd, 0x0c]), 1)).toThrow('not known here')
  expect(() => metered(module([]), { interrupt: 'missing', exports: new Set() })).toThrow('does not import missing')
  expect(() => metered(module([]), { interrupt: 'tick', exports: new Set(['gone']) })).toThrow('does not export')
})
