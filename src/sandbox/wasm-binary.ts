/** The binary format of WebAssembly, as far as rewriting a module needs it. Core specification, release 2: section 5. */

export const SECTION = { custom: 0, type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const
export const TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const
export const OP = {
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  branch: 0x0c,
  branchTable: 0x0e,
  call: 0x10,
  drop: 0x1a,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableSet: 0x26,
  i32Store: 0x36,
  i32Store8: 0x3a,
  i64Store32: 0x3e,
  i32Const: 0x41,
  i32LessThan: 0x48,
  i32LessThanUnsigned: 0x49,
  i32GreaterThanUnsigned: 0x4b,
  i32Add: 0x6a,
  i32Subtract: 0x6b,
  i32And: 0x71,
  i32ShiftRightUnsigned: 0x76,
  bulk: 0xfc,
  memoryInit: 0xfc08,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  tableInit: 0xfc0c,
  tableCopy: 0xfc0e,
  tableGrow: 0xfc0f,
  tableFill: 0xfc11,
} as const
/** A block that takes nothing and gives nothing. */
export const EMPTY = 0x40

const CUT_OFF = 'the engine is cut off'

/** What it reads throws an Error where there is no more. */
export class Reader {
  at = 0
  readonly source: Uint8Array

  constructor(source: Uint8Array) {
    this.source = source
  }

  byte(): number {
    if (this.at >= this.source.length) throw new Error(CUT_OFF)
    return this.source[this.at++]!
  }

  take(length: number): Uint8Array {
    this.at += length
    if (this.at > this.source.length) throw new Error(CUT_OFF)
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

  /** A vector. */
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.unsigned() }, item)
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()))
  }

  /**
   * Goes past one instruction and what belongs to it. @returns its opcode, that of bulk memory with its prefix
   * @throws Error it is not known here
   */
  instruction(): number {
    const op = this.byte()
    // blocks, branches, calls, variables, references, constants; no tail calls (0x12, 0x13), which go round without a loop
    if (op <= 0x04 && op >= 0x02) this.#skip()
    else if (op === OP.branch || op === 0x0d || op === OP.call) this.#skip()
    else if (op >= 0x20 && op <= 0x26) this.#skip()
    else if (op === 0x41 || op === 0x42 || op === 0xd0 || op === 0xd2) this.#skip()
    else if (op === OP.branchTable) this.#skip(this.unsigned() + 1)
    else if (op === 0x11) this.#skip(2)
    else if (op === 0x1c) this.#skip(this.unsigned())
    else if (op >= 0x28 && op <= 0x3e) this.#skip(2)
    else if (op === 0x3f || op === 0x40) this.#skip()
    else if (op === 0x43) this.at += 4
    else if (op === 0x44) this.at += 8
    else if (op === OP.bulk) return (OP.bulk << 8) | this.#bulk()
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

/** It has as much room as it needs. */
export class Writer {
  #buffer: Uint8Array<ArrayBuffer>
  #at = 0

  /** @param capacity bytes that it probably needs */
  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity)
  }

  byte(...values: number[]): void {
    this.#makeRoom(values.length)
    for (const value of values) this.#buffer[this.#at++] = value
  }

  bytes(values: Uint8Array): void {
    this.#makeRoom(values.length)
    this.#buffer.set(values, this.#at)
    this.#at += values.length
  }

  #makeRoom(length: number): void {
    if (this.#at + length <= this.#buffer.length) return
    const larger = new Uint8Array(Math.max(this.#at + length, this.#buffer.length * 2))
    larger.set(this.#buffer)
    this.#buffer = larger
  }

  unsigned(value: number): void {
    for (; value >= 0x80; value = Math.floor(value / 128)) this.byte((value & 0x7f) | 0x80)
    this.byte(value)
  }

  /** A number from 0 on, where one with a sign is expected. */
  signed(value: number): void {
    for (; value >= 0x40; value = Math.floor(value / 128)) this.byte((value & 0x7f) | 0x80)
    this.byte(value)
  }

  /** An instruction with an index: of a local, a global or a function. */
  indexed(op: number, index: number): void {
    this.byte(op)
    this.unsigned(index)
  }

  /** Puts an i32 from 0 on on the stack. */
  constant(value: number): void {
    this.byte(OP.i32Const)
    this.signed(value)
  }

  /** What `write` writes, its size before it: five bytes, as it is known only afterwards. */
  sized(write: () => void): void {
    const place = this.#at
    this.byte(0, 0, 0, 0, 0)
    write()
    let size = this.#at - place - 5
    for (let i = 0; i < 5; i++, size = Math.floor(size / 128))
      this.#buffer[place + i] = (size & 0x7f) | (i < 4 ? 0x80 : 0)
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(0, this.#at)
  }
}
