import type { StoredColumn } from '../../../catalog/column.ts'
import type { ColumnPlan } from '../../ingest/probe.ts'
import type { SourceColumn } from '../../ingest/source.ts'

/** A column as the view of its dataset has it: DuckDB's own type where our type has one, else text as the embedded store keeps it. */
interface ViewColumn {
  stored: StoredColumn & { native: string }
  /** SQL in the relation of the files */
  select: string
}

const MOMENTS = /^TIMESTAMP(_S|_MS)?$/
const NAN = "CAST('NaN' AS DOUBLE)"

export function viewColumn(column: SourceColumn, plan: ColumnPlan): ViewColumn {
  const { native, select } = viewed(column, plan)
  return { stored: { ...plan.stored, native }, select }
}

function viewed(
  { value, from, type = '' }: SourceColumn,
  { stored, select, decimal }: ColumnPlan,
): { native: string; select: string } {
  const own = from === 'native'
  switch (stored.type) {
    case 'integer':
      return {
        native: 'BIGINT',
        select: own && !type.includes('HUGE') && type !== 'UBIGINT' ? value : cast(select, 'BIGINT'),
      }
    case 'float':
      return { native: 'DOUBLE', select: `nullif(${select}, ${NAN})` }
    case 'decimal':
      return { native: `DECIMAL(${stored.precision}, ${stored.scale})`, select: decimal! }
    case 'boolean':
      return { native: 'BOOLEAN', select: own ? value : cast(select, 'BOOLEAN') }
    case 'blob':
      return { native: 'BLOB', select }
    case 'date':
      return { native: 'DATE', select: own ? value : cast(select, 'DATE') }
    case 'timestamp':
      return own && MOMENTS.test(type)
        ? { native: 'TIMESTAMP', select: cast(value, 'TIMESTAMP') }
        : { native: 'VARCHAR', select }
    case 'timestamptz':
      return own ? { native: 'TIMESTAMP', select: `(${value} AT TIME ZONE 'UTC')` } : { native: 'VARCHAR', select }
    default:
      return { native: 'VARCHAR', select }
  }
}

const cast = (value: string, type: string) => `CAST(${value} AS ${type})`
