/**
 * A jump by a table, which the engine does for every bytecode, as a tree of comparisons. A processor that foresees no jump whose
 * target is data (none does while it is kept from speculating on such jumps, which is usual in virtual machines) waits for each;
 * comparisons are foreseen everywhere.
 *
 * Labels that take values are not provided for, as the engine has none: such a module does not validate, and is not run.
 */
import { EMPTY, OP, Reader, type Writer } from './wasm-binary.ts'

/** Values from this one on, up to where the next range begins, go to this label. */
interface Range {
  from: number
  label: number
}

/** @param instruction a `br_table`. @param value a local of type i32 that is free. Core specification, release 2: 5.4.1 */
export function branchTree(out: Writer, value: number, instruction: Uint8Array): void {
  const immediates = new Reader(instruction)
  immediates.byte()
  const labels = immediates.list(() => immediates.unsigned())
  labels.push(immediates.unsigned())
  const ranges: Range[] = []
  labels.forEach((label, from) => {
    if (ranges.at(-1)?.label !== label) ranges.push({ from, label })
  })
  out.indexed(OP.localSet, value)
  writeTree(out, value, ranges, 0)
}

/** @param depth how many blocks are open around it that the labels do not count */
function writeTree(out: Writer, value: number, ranges: readonly Range[], depth: number): void {
  if (ranges.length === 1) {
    out.indexed(OP.branch, ranges[0]!.label + depth)
    return
  }
  const middle = ranges.length >> 1
  out.indexed(OP.localGet, value)
  out.constant(ranges[middle]!.from)
  out.byte(OP.i32LessThanUnsigned, OP.if, EMPTY)
  writeTree(out, value, ranges.slice(0, middle), depth + 1)
  out.byte(OP.end)
  writeTree(out, value, ranges.slice(middle), depth)
}
