import { Fault } from '../../lib/fault.ts'
import { shown } from '../../lib/text.ts'

const MAX_FINDINGS = 100

export interface Finding {
  /** counted from 0, of rows that came as a list */
  row?: number
  /** a column's name */
  field?: string
  message: string
}

/** What is wrong with the rows of a body, gathered. Names are repeated, values never. */
export class Findings {
  #bulk: boolean
  #closed: Finding[] = []
  #outside: Finding[] = []
  #wrong: Finding[] = []

  /** @param bulk whether the rows came as a list */
  constructor(bulk: boolean) {
    this.#bulk = bulk
  }

  wrong(row: number, field: string | undefined, message: string): void {
    this.#add(this.#wrong, row, field, message)
  }

  outside(row: number, field: string): void {
    this.#add(this.#outside, row, field, "The row would be outside of this key's row scope.")
  }

  closed(row: number, field: string): void {
    this.#add(this.#closed, row, field, 'This key may not write this column.')
  }

  #add(list: Finding[], row: number, field: string | undefined, message: string): void {
    if (list.length >= MAX_FINDINGS) return
    list.push({ ...(this.#bulk ? { row } : {}), ...(field === undefined ? {} : { field: shown(field) }), message })
  }

  /**
   * What may not be written goes before what cannot be, and that before where it may not be.
   * @throws Fault 403 `column_out_of_reach`, 422 `unacceptable_rows`, 403 `out_of_scope`, with `errors: [{row, field, message}]`
   */
  settle(): void {
    if (this.#closed.length) throw refused(403, 'column_out_of_reach', this.#closed)
    if (this.#wrong.length) throw refused(422, 'unacceptable_rows', this.#wrong)
    if (this.#outside.length) throw refused(403, 'out_of_scope', this.#outside)
  }
}

/** A refusal of rows, the first of them in its text. */
export function refused(status: number, code: string, errors: Finding[]): Fault {
  const [{ row, field, message }] = errors as [Finding]
  const place = [row === undefined ? '' : `row ${row}`, field ?? ''].filter(Boolean).join(', ')
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : ''
  return new Fault(status, code, `${place ? `${place}: ` : ''}${message}${more}`, { members: { errors } })
}
