/**
 * Rewrites a WebAssembly module so that it cannot run for long without asking: every loop, and every bulk move of memory, takes
 * from a counter of fuel, and where that is used up an imported function is called, which may throw. What is native in the
 * engine (a search in a long string, a sort, a multiplication of large integers) is interrupted by it as JavaScript is.
 * WebAssembly core specification, release 2: section 5 (binary format).
 */

/** Turns of a loop, or 64 bytes moved, between two questions. */
const FUEL = 4096
const SECTION = { import: 2, global: 6, export: 7, code: 10, custom: 0 } as const
const I32 = 0x7f

export interface Metering {
  /** the import (of module `env`) that is called when the fuel is used up: it takes nothing and gives an i32, which is dropped */
  interrupt: string
  /** the exports that are kept */
  exports: ReadonlySet<string>
}

/** @throws Error an instruction or section that is not known here: better no engine than one that does not end */
export function metered(bytes: Uint8Array, { interrupt, exports }: Metering): Uint8Array<ArrayBuffer> {
  const source = new Reader(bytes)
  const out = new Writer(bytes.length * 2)
  out.bytes(source.take(8))
  let interrupts = -1
  let globals = 0
  while (source.at < bytes.length) {
    const id = source.byte()
    const size = source.unsigned()
    const end = source.at + size
    const start = source.at
    if (id === SECTION.import) {
      const imports = readImports(source, interrupt)
      interrupts = imports.interrupts
      globals = imports.globals
      source.at = start
    }
    if (id === SECTION.global) globals += peek(source)
    if (id === SECTION.custom) source.at = end
    else {
      out.byte(id)
      out.sized(() => {
        if (id === SECTION.global) addGlobals(source, out, end)
        else if (id === SECTION.export) keepExports(source, out, exports)
        else if (id === SECTION.code) meterCode(source, out, globals, interrupts)
        else out.bytes(source.take(size))
      })
    }
    if (source.at !== end) throw new Error(`section ${id} of the engine is not as it is known here`)
  }
  return out.done()
}

function peek(source: Reader): number {
  const { at } = source
  const value = source.unsigned()
  source.at = at
  return value
}

function readImports(source: Reader, interrupt: string): { interrupts: number; globals: number } {
  let functions = 0
  let globals = 0
  let interrupts = -1
  for (let left = source.unsigned(); left > 0; left--) {
    const module = source.name()
    const name = source.name()
    const kind = source.byte()
    if (kind === 0) {
      source.unsigned()
      if (module === 'env' && name === interrupt) interrupts = functions
      functions++
    } else if (kind === 1 || kind === 2) {
      if (kind === 1) source.byte()
      const bounded = source.byte() & 1
      source.unsigned()
      if (bounded) source.unsigned()
    } else if (kind === 3) {
      source.take(2)
      globals++
    } else throw new Error('the engine imports something of a kind that is not known here')
  }
  if (interrupts < 0) throw new Error(`the engine does not import ${interrupt}`)
  return { interrupts, globals }
}

/** Two more at the end: the fuel, and a place for a length. */
function addGlobals(source: Reader, out: Writer, end: number): void {
  out.unsigned(source.unsigned() + 2)
  out.bytes(source.take(end - source.at))
  for (const value of [FUEL, 0]) {
    out.byte(I32, 1, 0x41)
    out.signed(value)
    out.byte(0x0b)
  }
}

function keepExports(source: Reader, out: Writer, kept: ReadonlySet<string>): void {
  const parts: Uint8Array[] = []
  for (let left = source.unsigned(); left > 0; left--) {
    const start = source.at
    const name = source.name()
    source.byte()
    source.unsigned()
    if (kept.has(name)) parts.push(source.source.subarray(start, source.at))
  }
  if (parts.length < kept.size) throw new Error('the engine does not export all that is needed of it')
  out.unsigned(parts.length)
  for (const part of parts) out.bytes(part)
}

function meterCode(source: Reader, out: Writer, globals: number, interrupts: number): void {
  const fuel = globals
  const length = globals + 1
  /** `if (--fuel < 0) { interrupt(); fuel = FUEL }` */
  const turn = new Writer(64)
  turn.global(GET, fuel)
  turn.byte(0x41, 1, 0x6b)
  turn.global(SET, fuel)
  turn.global(GET, fuel)
  turn.byte(0x41, 0, 0x48, 0x04, 0x40, 0x10)
  turn.unsigned(interrupts)
  turn.byte(0x1a, 0x41)
  turn.signed(FUEL)
  turn.global(SET, fuel)
  turn.byte(0x0b)
  /** `fuel -= length >> 6`, the length being on the stack and staying there */
  const move = new Writer(64)
  move.global(SET, length)
  move.global(GET, fuel)
  move.global(GET, length)
  move.byte(0x41, 6, 0x76, 0x6b)
  move.global(SET, fuel)
  move.global(GET, length)
  const [atLoop, atMove] = [turn.done(), move.done()]

  const functions = source.unsigned()
  out.unsigned(functions)
  for (let i = 0; i < functions; i++) {
    const end = source.unsigned() + source.at
    out.sized(() => {
      let copied = source.at
      for (let locals = source.unsigned(); locals > 0; locals--) {
        source.unsigned()
        source.byte()
      }
      while (source.at < end) {
        const at = source.at
        const op = source.instruction()
        if (op === LOOP) {
          out.bytes(source.source.subarray(copied, source.at))
          out.bytes(atLoop)
          copied = source.at
        } else if (op === COPY || op === FILL) {
          out.bytes(source.source.subarray(copied, at))
          out.bytes(atMove)
          copied = at
        }
      }
      if (source.at !== end) throw new Error('a function of the engine is not as it is known here')
      out.bytes(source.source.subarray(copied, end))
    })
  }
}

const LOOP = 0x03
const GET = 0x23
const SET = 0x24
const BULK = 0xfc
const COPY = 0xfc0a
const FILL = 0xfc0b

class Reader {
  at = 0
  readonly source: Uint8Array

  constructor(source: Uint8Array) {
    this.source = source
  }

  byte(): number {
    return this.source[this.at++]!
  }

  take(length: number): Uint8Array {
    this.at += length
    return this.source.subarray(this.at - length, this.at)
  }

  /** LEB128, at most 32 bits. */
  unsigned(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  /** Any LEB128, whatever it means. */
  #skip(times = 1): void {
    for (; times > 0; times--) while (this.byte() >= 0x80);
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()))
  }

  /** Goes past one instruction and what belongs to it. @returns its opcode, that of bulk memory with its prefix */
  instruction(): number {
    const op = this.byte()
    // blocks, branches, calls, variables, references, constants
    if (op <= 0x04 && op >= 0x02) this.#skip()
    else if (op === 0x0c || op === 0x0d || op === 0x10 || op === 0x12) this.#skip()
    else if (op >= 0x20 && op <= 0x26) this.#skip()
    else if (op === 0x41 || op === 0x42 || op === 0xd0 || op === 0xd2) this.#skip()
    else if (op === 0x0e) this.#skip(this.unsigned() + 1)
    else if (op === 0x11 || op === 0x13) this.#skip(2)
    else if (op === 0x1c) this.#skip(this.unsigned())
    else if (op >= 0x28 && op <= 0x3e) this.#skip(2)
    else if (op === 0x3f || op === 0x40) this.#skip()
    else if (op === 0x43) this.at += 4
    else if (op === 0x44) this.at += 8
    else if (op === BULK) return (BULK << 8) | this.#bulk()
    else if (!isPlain(op)) throw new Error(`the engine has an instruction (${op}) that is not known here`)
    return op
  }

  #bulk(): number {
    const op = this.unsigned()
    const immediates = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1][op]
    if (immediates === undefined) throw new Error('the engine has a bulk instruction that is not known here')
    this.#skip(immediates)
    return op
  }
}

/** Instructions that are one byte: control, parametric, numeric. */
const isPlain = (op: number) =>
  op <= 0x01 ||
  op === 0x05 ||
  op === 0x0b ||
  op === 0x0f ||
  op === 0x1a ||
  op === 0x1b ||
  op === 0xd1 ||
  (op >= 0x45 && op <= 0xc4)

class Writer {
  #buffer: Uint8Array<ArrayBuffer>
  #at = 0

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity)
  }

  byte(...values: number[]): void {
    for (const value of values) this.#buffer[this.#at++] = value
  }

  bytes(values: Uint8Array): void {
    this.#buffer.set(values, this.#at)
    this.#at += values.length
  }

  unsigned(value: number): void {
    for (; value >= 0x80; value = Math.floor(value / 128)) this.byte((value & 0x7f) | 0x80)
    this.byte(value)
  }

  /** A number from 0 on, where one with a sign is expected. */
  signed(value: number): void {
    for (; value >= 0x40; value >>= 7) this.byte((value & 0x7f) | 0x80)
    this.byte(value)
  }

  global(op: number, index: number): void {
    this.byte(op)
    this.unsigned(index)
  }

  /** What `write` writes, its size before it: five bytes, as it is known only afterwards. */
  sized(write: () => void): void {
    const place = this.#at
    this.#at += 5
    write()
    let size = this.#at - place - 5
    for (let i = 0; i < 5; i++, size = Math.floor(size / 128))
      this.#buffer[place + i] = (size & 0x7f) | (i < 4 ? 0x80 : 0)
  }

  done(): Uint8Array<ArrayBuffer> {
    if (this.#at > this.#buffer.length) throw new Error('the engine has grown more than was thought')
    return this.#buffer.slice(0, this.#at)
  }
}
