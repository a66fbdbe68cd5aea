/** What is scored together: the tensors of several requests, joined along their rows and taken apart again. */
import { concatRows, sliceRows, type Tensors } from './tensors.ts'

/** What must be equal for tensors to be joined: inputs, types, trailing shape and outputs. */
export function groupOf(feeds: Tensors, outputs: readonly string[] | undefined): string {
  let key = ''
  for (const name in feeds) {
    const { type, dims } = feeds[name]!
    key += `|${name}:${type}`
    for (let i = 1; i < dims.length; i++) key += `,${dims[i]}`
  }
  return outputs ? `${key}>${JSON.stringify(outputs)}` : key
}

/** @param members of one group */
export function join(members: readonly Tensors[]): Tensors {
  if (members.length === 1) return members[0]!
  const joined: Tensors = {}
  for (const name in members[0]) joined[name] = concatRows(members.map(member => member[name]!))
  return joined
}

/** Whether every output has as many rows as went in, so that each can be given back to whom it belongs. */
export function splits(outputs: Tensors, rows: number): boolean {
  for (const name in outputs) if (outputs[name]!.dims[0] !== rows) return false
  return true
}

/** Rows [from, to) of every tensor. */
export function part(tensors: Tensors, from: number, to: number): Tensors {
  const rows: Tensors = {}
  for (const name in tensors) rows[name] = sliceRows(tensors[name]!, from, to)
  return rows
}
