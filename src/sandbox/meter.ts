/**
 * Rewrites a WebAssembly module so that it cannot run for long without asking, and so that it tells what it has written to.
 *
 * Every loop, and every bulk move of memory, takes from a counter of fuel, and where that is used up an imported function is
 * called, which may throw. What is native in the engine (a search in a long string, a sort, a multiplication of large integers)
 * is interrupted by it as JavaScript is.
 *
 * Every instruction that writes to memory marks what it writes to (`marks.ts`). Jumps by a table become comparisons (`branches.ts`).
 */
import { branchTree } from './branches.ts'
import { Locals, markedMove, markedStore } from './marks.ts'
import { EMPTY, OP, Reader, SECTION, TYPE, Writer } from './wasm-binary.ts'

/** Turns of a loop, or 64 bytes moved, between two questions. */
const FUEL = 4096

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
  let types: number[] = []
  let functions: number[] = []
  while (source.at < bytes.length) {
    const id = source.byte()
    const size = source.unsigned()
    const end = source.at + size
    const start = source.at
    if (id === SECTION.import) {
      const imports = readImports(source, interrupt)
      interrupts = imports.interrupts
      globals = imports.globals
    } else if (id === SECTION.type) types = readTypes(source)
    else if (id === SECTION.function) functions = source.list(() => types[source.unsigned()]!)
    else if (id === SECTION.global) globals += readGlobals(source)
    source.at = start
    if (id === SECTION.custom) source.at = end
    else {
      out.byte(id)
      out.sized(() => {
        if (id === SECTION.global) addFuel(source, out, end)
        else if (id === SECTION.export) keepExports(source, out, exports)
        else if (id === SECTION.code) rewriteCode(source, out, functions, { fuel: globals, interrupts })
        else out.bytes(source.take(size))
      })
    }
    if (source.at !== end) throw new Error(`section ${id} of the engine is not as it is known here`)
  }
  return out.done()
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

/** @returns how many parameters functions of each type take */
function readTypes(source: Reader): number[] {
  return source.list(() => {
    if (source.byte() !== 0x60) throw new Error('the engine has a type that is not known here')
    const parameters = source.list(() => source.byte()).length
    source.list(() => source.byte())
    return parameters
  })
}

/** @returns how many. @throws Error one besides the stack pointer can change: who puts memory back would not put it back */
function readGlobals(source: Reader): number {
  const mutable = source.list(() => {
    source.byte()
    const isMutable = source.byte() === 1
    while (source.instruction() !== OP.end);
    return isMutable
  })
  if (mutable.filter(Boolean).length > 1)
    throw new Error('the engine keeps more outside of its memory than is known here')
  return mutable.length
}

/** One global more, at the end. */
function addFuel(source: Reader, out: Writer, end: number): void {
  out.unsigned(source.unsigned() + 1)
  out.bytes(source.take(end - source.at))
  out.byte(TYPE.i32, 1)
  out.constant(FUEL)
  out.byte(OP.end)
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

/** An instruction that something is put next to. */
interface Place {
  op: number
  from: number
  to: number
}

/** @param parameters of each function */
function rewriteCode(
  source: Reader,
  out: Writer,
  parameters: number[],
  { fuel, interrupts }: { fuel: number; interrupts: number },
): void {
  const functions = source.unsigned()
  out.unsigned(functions)
  for (let i = 0; i < functions; i++) {
    const end = source.unsigned() + source.at
    out.sized(() => {
      let locals = parameters[i]!
      const groups = source.at
      const count = source.unsigned()
      const groupsFrom = source.at
      for (let left = count; left > 0; left--) {
        locals += source.unsigned()
        source.byte()
      }
      const groupsTo = source.at
      const places = placesIn(source, end)
      if (source.at !== end) throw new Error('a function of the engine is not as it is known here')
      const own = new Locals(locals)
      const body = new Writer((end - groups) * 2)
      let copied = groupsTo
      for (const { op, from, to } of places) {
        body.bytes(source.source.subarray(copied, from))
        const instruction = source.source.subarray(from, to)
        copied = to
        if (op === OP.loop) {
          body.bytes(instruction)
          takeFuel(body, fuel, interrupts)
        } else if (op === OP.branchTable) branchTree(body, own.of('branch'), instruction)
        else if (op === OP.memoryCopy || op === OP.memoryFill)
          markedMove(body, own, instruction, length => takeFuelOf(body, fuel, length))
        else markedStore(body, own, op, instruction)
      }
      body.bytes(source.source.subarray(copied, end))
      out.unsigned(count + own.types.length)
      out.bytes(source.source.subarray(groupsFrom, groupsTo))
      for (const type of own.types) out.byte(1, type)
      out.bytes(body.done())
    })
  }
}

/** They write what has no marks. */
const UNMARKED: ReadonlySet<number> = new Set([
  OP.memoryInit,
  OP.tableSet,
  OP.tableInit,
  OP.tableCopy,
  OP.tableGrow,
  OP.tableFill,
])

function placesIn(source: Reader, end: number): Place[] {
  const places: Place[] = []
  while (source.at < end) {
    const from = source.at
    const op = source.instruction()
    if (UNMARKED.has(op)) throw new Error('the engine changes its memory or a table in a way that is not known here')
    const writes = (op >= OP.i32Store && op <= OP.i64Store32) || op === OP.memoryCopy || op === OP.memoryFill
    if (writes || op === OP.loop || op === OP.branchTable) places.push({ op, from, to: source.at })
  }
  return places
}

/** `if (--fuel < 0) { interrupt(); fuel = FUEL }` */
function takeFuel(out: Writer, fuel: number, interrupts: number): void {
  out.indexed(OP.globalGet, fuel)
  out.constant(1)
  out.byte(OP.i32Subtract)
  out.indexed(OP.globalSet, fuel)
  out.indexed(OP.globalGet, fuel)
  out.constant(0)
  out.byte(OP.i32LessThan, OP.if, EMPTY)
  out.indexed(OP.call, interrupts)
  out.byte(OP.drop)
  out.constant(FUEL)
  out.indexed(OP.globalSet, fuel)
  out.byte(OP.end)
}

/** `fuel -= length >> 6` */
function takeFuelOf(out: Writer, fuel: number, length: number): void {
  out.indexed(OP.globalGet, fuel)
  out.indexed(OP.localGet, length)
  out.constant(6)
  out.byte(OP.i32ShiftRightUnsigned, OP.i32Subtract)
  out.indexed(OP.globalSet, fuel)
}
