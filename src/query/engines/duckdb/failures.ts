import { Fault, machineTrouble, unavailable } from '../../../lib/fault.ts'
import { dataMissing, dataUnreadable } from '../../damage.ts'

/** @param how what became of the dataset's files */
export const dataChanged = ({ name }: { name: string }, how: string, cause?: unknown): Fault =>
  new Fault(
    503,
    'data_changed',
    `The files of ${name} ${how}.${how.startsWith('have') ? ' Refresh the dataset.' : ''}`,
    {
      cause,
      headers: { 'retry-after': '1' },
    },
  )

/** What DuckDB says of a statement of ours on files that have not changed. */
export function explained(error: unknown): unknown {
  if (error instanceof Fault) return error
  const { message = '' } = (error ?? {}) as { message?: string }
  if (/^Out of Range Error/.test(message))
    return new Fault(422, 'sum_overflow', 'A sum in this answer is beyond 38 digits; ask for fewer rows.', {
      cause: error,
    })
  if (/^Out of Memory Error/.test(message))
    return unavailable('This query needs more memory, or more room on the disk, than a query may have.', 60, error)
  if (/^IO Error.*Too many open files/s.test(message))
    return machineTrouble(Object.assign(new Error(message), { code: 'EMFILE' }))
  if (/^IO Error.*(No such file|No files found|Cannot open file)/s.test(message)) return dataMissing(error)
  if (/^(IO|Invalid Input|Conversion|Invalid|Serialization|TransactionContext)\b.*Error/.test(message))
    // the words of these hold values, and the log is to have none
    return dataUnreadable(/^(Conversion|Invalid)/.test(message) ? message.slice(0, message.indexOf(' Error')) : error)
  return error
}
