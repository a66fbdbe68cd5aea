/**
 * Which blocks of the engine's memory were written to: marked by the code that is put into the engine, and here for what is
 * written from this side. The map is at the beginning of memory, where the lowest end of the engine's stack would be. The marks
 * are made after the writing, so that no code, however it came to write there, clears the marks of the map itself.
 */
import { EMPTY, OP, Reader, TYPE, type Writer } from './wasm-binary.ts'

/**
 * The map: a byte for each block of 1 KB, other than 0 once something was written that began in it; blocks further on share
 * the bytes, in turn. Of what is written over the end of a block, the next may lack a mark for up to 7 bytes.
 */
export const MARKS = { shift: 10, bytes: 4096 } as const

const BLOCK = 1 << MARKS.shift
const PLACE = MARKS.bytes - 1
/** What is written in the last bytes of a block may reach into the next one, which has no mark of it. */
const OVER_THE_END = 7

/** A piece of memory as it was. */
export interface Part {
  at: number
  bytes: Buffer
}

/**
 * Puts back what has been written to since these parts were there.
 * @returns false: the marks may have been written over (or what shares their marks was, in memory beyond 4 MB)
 */
export function putBack(memory: Uint8Array, parts: readonly Part[]): boolean {
  for (let place = 0; place < MARKS.bytes >> MARKS.shift; place++) if (memory[place] !== 0) return false
  for (const { at, bytes } of parts) {
    const end = (at + bytes.length + BLOCK - 1) >>> MARKS.shift
    for (let block = at >>> MARKS.shift; block < end; block++) {
      if (memory[block & PLACE] === 0) continue
      const from = block << MARKS.shift
      while (++block < end && memory[block & PLACE] !== 0);
      bytes.copy(memory, Math.max(from, at), Math.max(0, from - at), (block << MARKS.shift) + OVER_THE_END - at)
    }
  }
  return true
}

export function unmark(memory: Uint8Array): void {
  memory.fill(0, 0, MARKS.bytes)
}

/** For what is written from this side. */
export function mark(memory: Uint8Array, at: number, length: number): void {
  const end = (at + length + BLOCK - 1) >>> MARKS.shift
  for (let block = at >>> MARKS.shift; block < end; block++) memory[block & PLACE] = 1
}

// --- the code that is put into the engine

/** Locals that are added to a function, by what they are for. */
export class Locals {
  readonly types: number[] = []
  readonly #first: number
  readonly #places = new Map<string, number>()

  constructor(first: number) {
    this.#first = first
  }

  of(purpose: string, type: number = TYPE.i32): number {
    let place = this.#places.get(purpose)
    if (place === undefined) {
      place = this.#first + this.types.length
      this.types.push(type)
      this.#places.set(purpose, place)
    }
    return place
  }
}

/** The types of what i32.store to i64.store32 store. */
const STORED = [TYPE.i32, TYPE.i64, TYPE.f32, TYPE.f64, TYPE.i32, TYPE.i32, TYPE.i64, TYPE.i64, TYPE.i64]

/** The instruction, and a mark for it after it: who writes over the map itself leaves a mark of that. */
export function markedStore(out: Writer, locals: Locals, op: number, instruction: Uint8Array): void {
  const type = STORED[op - OP.i32Store]!
  const address = locals.of('address')
  const value = locals.of(`value ${type}`, type)
  const immediates = new Reader(instruction)
  immediates.byte()
  immediates.unsigned()
  const offset = immediates.unsigned()
  out.indexed(OP.localSet, value)
  out.indexed(OP.localTee, address)
  out.indexed(OP.localGet, value)
  out.bytes(instruction)
  markAt(out, () => {
    out.indexed(OP.localGet, address)
    if (offset === 0) return
    out.constant(offset)
    out.byte(OP.i32Add)
  })
}

/** `marks[address >> 10 & 4095] = 1` @param address puts it on the stack */
function markAt(out: Writer, address: () => void): void {
  markPlace(out, address)
  out.constant(1)
  out.byte(OP.i32Store8, 0, 0)
}

/** Puts `address >> 10 & 4095` on the stack. */
function markPlace(out: Writer, address: () => void): void {
  address()
  out.constant(MARKS.shift)
  out.byte(OP.i32ShiftRightUnsigned)
  out.constant(MARKS.bytes - 1)
  out.byte(OP.i32And)
}

/** The instruction, what `before` puts there (it is given the local of the length), and marks for all that was written. */
export function markedMove(
  out: Writer,
  locals: Locals,
  instruction: Uint8Array,
  before: (length: number) => void,
): void {
  const [to, what, length] = [locals.of('to'), locals.of('what'), locals.of('length')]
  out.indexed(OP.localSet, length)
  out.indexed(OP.localSet, what)
  out.indexed(OP.localSet, to)

  before(length)

  out.indexed(OP.localGet, to)
  out.indexed(OP.localGet, what)
  out.indexed(OP.localGet, length)
  out.bytes(instruction)

  markAt(out, () => out.indexed(OP.localGet, to))
  markAt(out, () => {
    out.indexed(OP.localGet, to)
    out.indexed(OP.localGet, length)
    out.constant(1)
    out.byte(OP.i32Subtract, OP.i32Add)
  })
  out.indexed(OP.localGet, length)
  out.constant(1 << MARKS.shift)
  out.byte(OP.i32GreaterThanUnsigned, OP.if, EMPTY)
  markBetween(out, locals, to, length)
  out.byte(OP.end)
}

/** Marks from the first block on all but the last; where they go over the end of the map, all of it. */
function markBetween(out: Writer, locals: Locals, to: number, length: number): void {
  const [first, count] = [locals.of('first'), locals.of('count')]
  markPlace(out, () => out.indexed(OP.localGet, to))
  out.indexed(OP.localSet, first)
  out.indexed(OP.localGet, length)
  out.constant(MARKS.shift)
  out.byte(OP.i32ShiftRightUnsigned)
  out.constant(1)
  out.byte(OP.i32Add)
  out.indexed(OP.localTee, count)
  out.indexed(OP.localGet, first)
  out.byte(OP.i32Add)
  out.constant(MARKS.bytes)
  out.byte(OP.i32GreaterThanUnsigned, OP.if, EMPTY)
  out.constant(0)
  out.indexed(OP.localSet, first)
  out.constant(MARKS.bytes)
  out.indexed(OP.localSet, count)
  out.byte(OP.end)
  out.indexed(OP.localGet, first)
  out.constant(1)
  out.indexed(OP.localGet, count)
  out.byte(OP.bulk, OP.memoryFill & 0xff, 0)
}
