import { basename } from 'node:path'
import { Fault } from '../../lib/fault.ts'

interface Where {
  /** What `row` counts: lines of the file from 1 (the header is line 1), or records from 1. */
  unit?: 'line' | 'row'
  row?: number
  column?: string | string[]
}

/** A file that cannot be taken in: 422 that says where and why in the user's terms, never with a value of the data. */
export function wrong(what: string, where: Where = {}, cause?: unknown): Fault {
  const columns = where.column === undefined ? [] : [where.column].flat()
  const place = [
    where.row === undefined ? '' : `${where.unit ?? 'row'} ${where.row}`,
    columns.length === 0 ? '' : `${columns.length === 1 ? 'column' : 'columns'} ${columns.map(shown).join(', ')}`,
  ]
    .filter(Boolean)
    .join(', ')
  return new Fault(422, 'import_failed', place ? `${place}: ${what}` : what, {
    cause,
    members: {
      ...(where.row === undefined ? {} : { row: where.row }),
      ...(columns.length === 0 ? {} : { column: columns.join(', ') }),
    },
  })
}

/** Says in which of several files it is. */
export const inFile = (what: string, path: string, all: string[]): string =>
  all.length > 1 ? `${shown(basename(path))}: ${what}` : what

/** A column's name in a message: no control characters, not endless. */
export const shown = (name: string) => (name.length > 100 ? `${clean(name.slice(0, 100))}...` : clean(name))
const clean = (text: string) => text.replace(/\p{Cc}/gu, ' ')

/** SQLite's own limit, met here with a message. */
const MAX_COLUMNS = 2000

/**
 * Refuses names that SQLite cannot hold side by side: empty, with a NUL, or the same but for ASCII case.
 * @throws Fault 422
 */
export function checkNames(names: string[], where: Where, of = 'the header'): void {
  if (names.length > MAX_COLUMNS) throw wrong(`${names.length} columns, and a table can have ${MAX_COLUMNS}`, where)
  const seen = new Map<string, string>()
  names.forEach((name, i) => {
    if (name.trim() === '') throw wrong(`column ${i + 1} of ${of} has no name`, where)
    if (name.includes('\0')) throw wrong(`the name of column ${i + 1} of ${of} has a NUL character`, where)
    const folded = name.replace(/[A-Z]/g, letter => letter.toLowerCase())
    const earlier = seen.get(folded)
    if (earlier === name) throw wrong(`${of} names the column ${shown(name)} twice`, where)
    if (earlier !== undefined)
      throw wrong(`${of} has the columns ${shown(earlier)} and ${shown(name)}, which differ in case only`, where)
    seen.set(folded, name)
  })
}
