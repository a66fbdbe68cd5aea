import { expect, test } from 'bun:test'
import { MARKS } from '../../src/sandbox/marks.ts'
import { metered } from '../../src/sandbox/meter.ts'
import { cpuOf } from '../harness.ts'

/** `(module (import "env" "other" (func)) (import "env" "tick" (func (result i32))) (memory (export "memory") 2) (func (export "run") ...) (func (export "hidden")))` */
function module(body: number[], globals = 1): Uint8Array {
  const text = (value: string) => [value.length, ...Buffer.from(value)]
  const section = (id: number, bytes: number[]) => [id, ...leb(bytes.length), ...bytes]
  const code = (bytes: number[]) => [...leb(bytes.length + 2), 0, ...bytes, 0x0b]
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 0, 0, 0x60, 0, 1, 0x7f]),
    ...section(2, [2, ...text('env'), ...text('other'), 0, 0, ...text('env'), ...text('tick'), 0, 1]),
    ...section(3, [2, 0, 0]),
    ...section(5, [1, 0, 2]),
    ...section(6, [globals, ...Array.from({ length: globals }, () => [0x7f, 1, 0x41, 7, 0x0b]).flat()]),
    ...section(7, [3, ...text('memory'), 2, 0, ...text('run'), 0, 2, ...text('hidden'), 0, 3]),
    ...section(10, [2, ...code(body), ...code([])]),
  ])
}
const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)])

class Enough extends Error {}

function run(bytes: Uint8Array, ticks: number): { ticks: number; exports: string[]; memory: Uint8Array } {
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
  const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer)
  return { ticks: ticks - left, exports: Object.keys(exports).sort(), memory }
}

test('an endless loop asks again and again, and ends where the question throws', () => {
  const endless = [0x03, 0x40, 0x0c, 0, 0x0b]
  const { ticks, exports } = run(module(endless), 5)
  expect([ticks, exports]).toEqual([5, ['memory', 'run']])
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
  const taken = cpuOf(() => {
    turns = run(module(fill), 100).ticks
  })
  expect(turns).toBe(100)
  expect(taken).toBeLessThan(2000)
})

test('what is not known is refused, as is an engine that lacks what is needed of it', () => {
  expect(() => run(module([0xfd, 0x0c]), 1)).toThrow('not known here')
  expect(() => metered(module([]), { interrupt: 'missing', exports: new Set() })).toThrow('does not import missing')
  expect(() => metered(module([]), { interrupt: 'tick', exports: new Set(['gone']) })).toThrow('does not export')
})

test('a tail call, which goes round without a loop, is refused', () => {
  for (const call of [
    [0x12, 2],
    [0x41, 0, 0x13, 0, 0],
  ])
    expect(() => metered(module(call), { interrupt: 'tick', exports: new Set() })).toThrow('not known here')
})

test('an engine that is cut off is refused, wherever that is', () => {
  const whole = module(fill(AT, 3000))
  expect(run(whole, 1).ticks).toBe(0)
  for (let length = 0; length < whole.length; length++) expect(() => run(whole.subarray(0, length), 1)).toThrow()
})

const constant = (value: number) => [0x41, ...signed(value)]
const signed = (value: number): number[] =>
  value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)]
const STORES: [name: string, op: number, value: number[], bytes: number][] = [
  ['i32.store', 0x36, [0x41, 0x7f], 4],
  ['i64.store', 0x37, [0x42, 0x7f], 8],
  ['f32.store', 0x38, [0x43, 1, 2, 3, 4], 4],
  ['f64.store', 0x39, [0x44, 1, 2, 3, 4, 5, 6, 7, 8], 8],
  ['i32.store8', 0x3a, [0x41, 0x7f], 1],
  ['i32.store16', 0x3b, [0x41, 0x7f], 2],
  ['i64.store8', 0x3c, [0x42, 0x7f], 1],
  ['i64.store16', 0x3d, [0x42, 0x7f], 2],
  ['i64.store32', 0x3e, [0x42, 0x7f], 4],
]
const BLOCK = 1 << MARKS.shift
const AT = 70_000
const marked = (memory: Uint8Array) =>
  [...memory.subarray(0, MARKS.bytes).entries()].filter(([, mark]) => mark).map(([i]) => i)
const fill = (at: number, length: number) => [...constant(at), ...constant(7), ...constant(length), 0xfc, 11, 0]

test.each(STORES)('%s marks the block that it writes to, its offset counted', (_, op, value, bytes) => {
  for (const [address, offset] of [
    [AT, 0],
    [AT, 3 * BLOCK],
    [BLOCK * 80 - 1, 1],
    [BLOCK * 80 - 2, 1],
  ] as const) {
    const { memory } = run(module([...constant(address), ...value, op, 0, ...leb(offset)]), 2)
    expect(marked(memory)).toEqual([(address + offset) >> MARKS.shift])
    expect(memory.slice(address + offset, address + offset + bytes).some(byte => byte !== 0)).toBe(true)
  }
})

test('moves mark every block that they write to, from the first byte to the last', () => {
  for (const [at, length] of [
    [AT, 1],
    [AT, BLOCK],
    [BLOCK * 80, BLOCK],
    [BLOCK * 80 - 1, 2],
    [BLOCK * 80 - 1, BLOCK + 2],
    [BLOCK * 80 - 1, 9 * BLOCK],
    [AT, 20 * BLOCK + 900],
  ] as const) {
    const wanted = Array.from(
      { length: ((at + length - 1) >> MARKS.shift) - (at >> MARKS.shift) + 1 },
      (_, i) => (at >> MARKS.shift) + i,
    )
    const filled = run(module(fill(at, length)), 2).memory
    expect(marked(filled)).toEqual(expect.arrayContaining(wanted))
    expect(marked(filled).length).toBeLessThanOrEqual(wanted.length + 1)
    const copied = run(
      module([...constant(at), ...constant(BLOCK * 20), ...constant(length), 0xfc, 10, 0, 0]),
      2,
    ).memory
    expect(marked(copied)).toEqual(expect.arrayContaining(wanted))
    expect(filled.slice(at, at + length).every(byte => byte === 7)).toBe(true)
    expect([filled[at - 1], filled[at + length]]).toEqual([0, 0])
  }
})

test('the marks themselves cannot be taken away without a mark of it', () => {
  const store = [...constant(AT), 0x41, 1, 0x36, 0, 0]
  const clear = [...constant(0), ...constant(0), ...constant(MARKS.bytes), 0xfc, 11, 0]
  expect(marked(run(module([...store, ...clear]), 2).memory)).toContain(0)
  const one = [...constant(AT >> MARKS.shift), 0x41, 0, 0x3a, 0, 0]
  expect(marked(run(module([...store, ...one]), 2).memory)).toEqual([0])
  const last = [...constant(0), 0x41, 0, 0x3a, 0, 0]
  expect(marked(run(module([...store, ...one, ...last]), 2).memory)).toContain(0)
})

test.each([
  ['one place', [0], 0],
  ['some places', [2, 0, 1], 1],
  ['many places, some of them alike', [0, 0, 3, 3, 1, 2, 3, 0, 0, 0, 1], 2],
  ['more than can be told apart by a byte', Array.from({ length: 300 }, (_, i) => i % 4), 3],
])('a jump by a table goes where it went, and where it went with what is not in the table: %s', (_, labels, other) => {
  const table = [0x0e, ...leb(labels.length), ...labels, other]
  const store = (value: number) => [...constant(AT), ...constant(value), 0x3a, 0, 0]
  for (const value of [...labels.keys(), labels.length, labels.length + 1, 2 ** 30, -1, -(2 ** 31)]) {
    const jump = [...constant(value), ...table]
    // block block block block block jump end 1 end 2 end 3 end 4 end: each place writes what it is, and leaves
    const places = [0, 1, 2, 3].flatMap(i => [0x0b, ...store(10 + i), 0x0c, ...leb(3 - i)])
    const { memory } = run(
      module([0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, ...jump, ...places, 0x0b]),
      2,
    )
    expect({ value, place: memory[AT]! - 10 }).toEqual({ value, place: labels[value] ?? other })
  }
})

test('a jump by a table that takes a value along is refused, and never goes elsewhere', () => {
  // block (result i32) block (result i32) 5, 0, br_table 0 1 end end drop
  const jump = [0x02, 0x7f, 0x02, 0x7f, ...constant(5), ...constant(0), 0x0e, 1, 0, 1, 0x0b, 0x0b, 0x1a]
  expect(WebAssembly.validate(new Uint8Array(module(jump)))).toBe(true)
  expect(() => run(module(jump), 1)).toThrow(WebAssembly.CompileError)
})

test('an engine that changes what has no marks is refused', () => {
  const moved = [0x41, 0, 0x41, 0, 0x41, 0]
  for (const instruction of [
    [0xfc, 8, 0, 0],
    [0xfc, 12, 0, 0],
    [0xfc, 14, 0, 0],
    [0xfc, 15, 0],
    [0xfc, 17, 0],
    [0x26, 0],
  ])
    expect(() => run(module([...moved, ...instruction]), 1)).toThrow('in a way that is not known here')
  expect(() => run(module([], 2), 1)).toThrow('more outside of its memory')
})
