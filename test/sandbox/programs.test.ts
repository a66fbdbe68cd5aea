/** Programs made at random do with the marks and the fuel in them what they do without, and what they wrote is put back. */
import { expect, test } from 'bun:test'
import { MARKS, type Part, putBack, unmark } from '../../src/sandbox/marks.ts'
import { metered } from '../../src/sandbox/meter.ts'

const PROGRAMS = 150
const PAGES = 3
const SIZE = PAGES * 65_536
/** Beyond the map, which programs do not read. */
const FLOOR = 2 * MARKS.bytes
const BLOCK = 1 << MARKS.shift
const [I32, I64, F32, F64] = [0x7f, 0x7e, 0x7d, 0x7c]
/** By type, and what is stored of them. */
const STORES = [
  [0x36, I32],
  [0x37, I64],
  [0x38, F32],
  [0x39, F64],
  [0x3a, I32],
  [0x3b, I32],
  [0x3c, I64],
  [0x3d, I64],
  [0x3e, I64],
] as const
/** Locals: three of each type, and one more for each loop that may be in another. */
const LOCALS = [I32, I32, I32, I64, I64, I64, F32, F64]
const MOST_LOOPS = 2
const FUNCTIONS = 4

const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...unsigned(Math.floor(value / 128))]
const signed = (value: number): number[] =>
  value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(Math.floor(value / 128))]
const section = (id: number, bytes: number[]) => [id, ...unsigned(bytes.length), ...bytes]
const text = (value: string) => [value.length, ...Buffer.from(value)]

/** One program for each seed. */
class Program {
  #seed: number
  #function = 0
  #loops = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  below(most: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#seed / 2 ** 32) * most)
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  #constant(type: number): number[] {
    const bytes = new DataView(new ArrayBuffer(8))
    bytes.setFloat64(0, this.below(1000) / 8, true)
    if (type === F64) return [0x44, ...new Uint8Array(bytes.buffer)]
    bytes.setFloat32(0, this.below(1000) / 8, true)
    if (type === F32) return [0x43, ...new Uint8Array(bytes.buffer, 0, 4)]
    return [type === I32 ? 0x41 : 0x42, ...signed(this.#pick([0, 1, -1, this.below(2 ** 31), -this.below(2 ** 31)]))]
  }

  /** Near the end of a block as often as not, and at times beyond all memory. */
  #address(depth: number): number[] {
    const near = BLOCK * (FLOOR / BLOCK + 1 + this.below((SIZE - 2 * FLOOR) / BLOCK)) - this.below(9)
    if (this.below(2) === 0) return [0x41, ...signed(near)]
    const wild = this.below(20) === 0 ? 0x7ff_ffff : 0x1_ffff
    return [...this.#value(I32, depth - 1), 0x41, ...signed(wild), 0x71, 0x41, ...signed(FLOOR), 0x6a]
  }

  #value(type: number, depth: number): number[] {
    const local = this.#pick([...LOCALS.keys()].filter(i => LOCALS[i] === type))
    const whole = type === I32 || type === I64
    const kind = depth <= 0 ? this.below(2) : this.below(whole ? 9 : 5)
    const one = () => this.#value(type, depth - 1)
    if (kind === 0) return [0x20, local]
    if (kind === 1) return this.#constant(type)
    if (kind === 2) return [...one(), 0x22, local]
    if (kind === 3) return [...this.#value(I32, depth - 1), 0x04, type, ...one(), 0x05, ...one(), 0x0b]
    if (kind === 4) return [0x03, type, ...this.#statements(depth - 1), ...one(), 0x0b]
    if (kind === 5)
      return [...this.#address(depth), type === I32 ? this.#pick([0x28, 0x2d, 0x2e]) : 0x29, 0, this.below(9)]
    if (kind === 6 && type === I64 && this.#loops === 0 && this.#function + 1 < FUNCTIONS)
      return [0x10, this.#function + 2]
    return [
      ...one(),
      ...one(),
      this.#pick(type === I32 ? [0x6a, 0x6b, 0x6c, 0x73, 0x76] : [0x7c, 0x7d, 0x7e, 0x85, 0x88]),
    ]
  }

  #statements(depth: number): number[] {
    return Array.from({ length: this.below(4) }, () => this.#statement(depth)).flat()
  }

  #statement(depth: number): number[] {
    const kind = depth <= 0 ? 0 : this.below(9)
    const length = [0x41, ...signed(this.#pick([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, this.below(40_000)]))]
    if (kind === 4) return [...this.#address(depth), ...this.#address(depth), ...length, 0xfc, 10, 0, 0]
    if (kind === 5) return [...this.#address(depth), ...this.#value(I32, depth - 1), ...length, 0xfc, 11, 0]
    // what is never reached is of any type
    if (kind === 6) return [0x02, 0x40, 0x0c, 0, ...this.#statements(depth - 1), 0x36, 0, 0, 0xfc, 11, 0, 0x0b]
    if (kind === 8) return this.#jump()
    if (kind === 7 && this.#loops < MOST_LOOPS) {
      const counter = LOCALS.length + this.#loops++
      const times = this.#pick([1, 5, 3000])
      const body = this.#statements(depth - 1)
      this.#loops--
      const next = [0x20, counter, 0x41, 1, 0x6b, 0x22, counter, 0x0d, 0]
      return [0x41, ...signed(times), 0x21, counter, 0x03, 0x40, ...body, ...next, 0x0b]
    }
    const [op, type] = this.#pick(STORES)
    const offset = unsigned(this.#pick([0, this.below(9), this.below(5000)]))
    return [...this.#address(depth), ...this.#value(type, depth - 1), op, 0, ...offset]
  }

  /** A jump by a table to the end of one of some blocks; as often as not with a value that is in the table. */
  #jump(): number[] {
    const blocks = 1 + this.below(4)
    const labels = Array.from({ length: this.below(40) }, () => this.below(blocks))
    const value = [...this.#value(I32, 0), ...(this.below(2) === 0 ? [0x41, ...signed(31), 0x71] : [])]
    return [
      ...Array.from({ length: blocks }, () => [0x02, 0x40]).flat(),
      ...[...value, 0x0e, labels.length, ...labels, this.below(blocks)],
      ...Array.from({ length: blocks }, () => [0x0b, ...this.#statement(0)]).flat(),
    ]
  }

  /** `(module (import "env" "tick" (func (result i32))) (memory (export "memory") 3) (func (export "run") (result i64) ...) ...)` */
  bytes(): Uint8Array<ArrayBuffer> {
    const locals = [...LOCALS, ...Array.from({ length: MOST_LOOPS }, () => I32)]
    const bodies = Array.from({ length: FUNCTIONS }, (_, i) => {
      this.#function = i
      const code = [locals.length, ...locals.flatMap(type => [1, type])]
      for (let n = 0; n < 4; n++) code.push(...this.#statements(3))
      code.push(...this.#value(I64, 3), 0x0b)
      return [...unsigned(code.length), ...code]
    })
    return new Uint8Array([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, [2, 0x60, 0, 1, I32, 0x60, 0, 1, I64]),
      ...section(2, [1, ...text('env'), ...text('tick'), 0, 0]),
      ...section(3, [FUNCTIONS, ...Array.from({ length: FUNCTIONS }, () => 1)]),
      ...section(5, [1, 0, PAGES]),
      ...section(6, [1, I32, 1, 0x41, 0, 0x0b]),
      ...section(7, [2, ...text('memory'), 2, 0, ...text('run'), 0, 1]),
      ...section(10, [FUNCTIONS, ...bodies.flat()]),
    ])
  }
}

/** @returns its result, or how it failed; `stopped` by the tick of this number */
function run(bytes: Uint8Array<ArrayBuffer>, image: Uint8Array, ticks = Number.POSITIVE_INFINITY) {
  let left = ticks
  const tick = () => {
    if (left-- <= 0) throw new Error('stopped')
    return 0
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { tick } })
  const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer)
  memory.set(image)
  try {
    return { memory, ended: String((exports.run as () => bigint)()) }
  } catch (error) {
    return { memory, ended: (error as Error).message.replace(/ \(evaluating.*/s, '') }
  }
}

const isAt = (memory: Uint8Array, from: number, should: Uint8Array) =>
  Buffer.compare(memory.subarray(from), should.subarray(from)) === 0

test('programs made at random end as they do without marks and fuel, and what they wrote is put back', () => {
  const image = new Uint8Array(SIZE)
  for (let i = MARKS.bytes; i < SIZE; i++) image[i] = (i * 31 + (i >> 9)) & 255
  const half = SIZE / 2 + 12
  const parts: Part[] = [
    { at: MARKS.bytes, bytes: Buffer.from(image.subarray(MARKS.bytes, half)) },
    { at: half, bytes: Buffer.from(image.subarray(half)) },
  ]
  const seen = { wrote: 0, trapped: 0, stopped: 0 }
  for (let seed = 0; seed < PROGRAMS; seed++) {
    const plain = new Program(seed).bytes()
    const marked = metered(plain, { interrupt: 'tick', exports: new Set(['memory', 'run']) })
    const [a, b] = [run(plain, image), run(marked, image)]
    expect({ seed, ended: b.ended, same: isAt(b.memory, MARKS.bytes, a.memory) }).toEqual({
      seed,
      ended: a.ended,
      same: true,
    })
    if (!isAt(a.memory, MARKS.bytes, image)) seen.wrote++
    if (!/^-?\d+$/.test(a.ended)) seen.trapped++
    // also where it is stopped before its end
    const c = run(marked, image, seed % 3)
    if (c.ended === 'stopped') seen.stopped++
    for (const { memory } of [b, c]) {
      expect({ seed, told: putBack(memory, parts), back: isAt(memory, MARKS.bytes, image) }).toEqual({
        seed,
        told: true,
        back: true,
      })
      unmark(memory)
      expect(memory.subarray(0, MARKS.bytes).every(byte => byte === 0)).toBe(true)
    }
  }
  // they are such as to say something
  for (const many of Object.values(seen)) expect(many).toBeGreaterThan(PROGRAMS / 10)
})
