import { parseBody } from '../../../lib/body.ts'
import { type Prepared, prepareChange, type Write } from '../apply.ts'
import type { WriteView } from '../view.ts'
import { type DatabaseRows, databaseRows } from './rows.ts'

/** Reads a write's body against the view, before any transaction. @throws Fault 400, 403, 422 */
export function readForDatabase(write: Write, view: WriteView): Prepared<DatabaseRows> {
  const body = write.op === 'delete' ? undefined : parseBody(write.body)
  return write.op === 'insert' ? { op: 'insert', rows: databaseRows(view, body) } : prepareChange(write, view, body)
}
