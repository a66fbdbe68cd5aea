/** What a database refuses, in our terms: by its SQLSTATE. Its own words hold values: nobody sees them. */
import { Fault, unavailable } from '../../../lib/fault.ts'
import { type Finding, refused } from '../findings.ts'

interface DatabaseError {
  /** the SQLSTATE */
  errno?: string
  schema?: string
  table?: string
  constraint?: string
  column?: string
  /** where in a statement the server found what is wrong with it */
  position?: string
  /** inside of what it happened: a function of the database's, say */
  where?: string
}

export const stateOf = (error: unknown): string => String((error as DatabaseError | undefined)?.errno ?? '')
/** The constraint or index that was not held, and whose it is, where the database says it. */
export const constraintOf = (error: unknown): Pick<DatabaseError, 'schema' | 'table' | 'constraint'> =>
  error as DatabaseError

/** Whether a value is none of its column's type, or too large for it: which one, the database does not say. */
const isBadValue = (error: unknown): boolean => /^22/.test(stateOf(error))
/**
 * Whether it may be a value that names a table, a role or the like, or is written in a language of its own: no statement of ours is
 * wrong. A default or a policy of the table's may be, too.
 */
export function mayBeBadValue(error: unknown): boolean {
  const { position, where } = error as DatabaseError
  return (
    isBadValue(error) || (/^(0A000|3F000|42(601|602|704|725|883|P01))$/.test(stateOf(error)) && !position && !where)
  )
}
/**
 * Whether a trigger or function of the table refuses: with what PL/pgSQL says when it is told nothing else, or with an SQLSTATE
 * of its author's own, of no class that the server has.
 */
const isRaised = (state: string): boolean => /^P0/.test(state) || (/^[0-9A-Z]{5}$/.test(state) && !SERVERS.test(state))
const SERVERS = /^(0[0-389ABFLPZ]|2[0-8BDF]|3[489BDF]|4[024]|5[34578]|72|F0|HV|XX)/
export const isTaken = (error: unknown): boolean => stateOf(error) === '23505'

/** What a trigger, a rule or a policy of the table does without a word: SQLSTATE 02000, no data. */
export class LeftOut extends Error {
  readonly errno = '02000'
}

/** Whether what it was has to be looked for. */
export const mayBeRefusal = (error: unknown): boolean => mayBeBadValue(error) || refusalOf(error, {}) !== undefined

function refusal(error: unknown, status: number, code: string, finding: Finding): Fault {
  const { message, members } = refused(status, code, [finding])
  return new Fault(status, code, message, { members, cause: error })
}

export const badValue = (error: unknown, about: Omit<Finding, 'message'>): Fault =>
  refusal(error, 422, 'unacceptable_rows', { ...about, message: 'The column does not accept this value.' })

/**
 * @param about the row's number, and a column where it is known and the caller sees it
 * @returns undefined: it is no refusal, but a failure
 */
export function refusalOf(error: unknown, about: Omit<Finding, 'message'>, deleting = false): Fault | undefined {
  const state = stateOf(error)
  const as = (status: number, code: string, message: string) => refusal(error, status, code, { ...about, message })
  if (isBadValue(error)) return badValue(error, about)
  if (isRaised(state)) return as(422, 'unacceptable_rows', 'The row does not meet a condition of the table.')
  switch (state) {
    case '23505':
    case '23P01':
      return as(409, 'row_conflicts', 'The row conflicts with another one.')
    case '23503':
      return deleting
        ? as(409, 'row_needed', 'Other rows refer to this one.')
        : as(422, 'unacceptable_rows', 'The row refers to a row that does not exist.')
    case '23502':
      return as(422, 'unacceptable_rows', 'A column that must not be NULL would be NULL.')
    case '54000':
      return as(422, 'unacceptable_rows', 'A value is too large for the table or one of its indexes.')
    case '23514':
    case '44000':
      return as(422, 'unacceptable_rows', 'The row does not meet a condition of the table.')
    case '02000':
      return as(422, 'unacceptable_rows', 'A trigger, rule or policy of the table ignored this.')
    case '428C9':
      return as(422, 'unacceptable_rows', 'The table assigns its keys itself: no row can be added under a chosen key.')
    case '42501':
    case '25006':
    case '55000':
    case '0A000':
      return as(403, 'database_refuses', 'The database does not let this table be written to by its connection.')
    case '40001':
    case '40P01':
      return unavailable('The database could not make the change because of other transactions; try again.', 1, error)
    default:
      return undefined
  }
}
