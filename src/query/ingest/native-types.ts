import type { DuckDBValue } from '@duckdb/node-api'
import type { ColumnType, StoredColumn } from '../../catalog/column.ts'
import { encodeDecimalSql } from '../../lib/decimal.ts'
import { isNested, nestedJson } from './nested-json.ts'
import type { ColumnPlan, Misfit, Probe } from './probe.ts'
import type { SourceColumn } from './source.ts'
import { isWide, plan } from './text-probe.ts'
import { isoText, plainJson } from './text-types.ts'

const INTEGER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const INT32 = { min: -(2n ** 31n), max: 2n ** 31n - 1n }

/**
 * What to ask of a column that has a type of its own (Parquet) to know how it is stored. With `declared`: undefined
 * unless the column is of that type anyway.
 */
export function nativeProbe(column: SourceColumn, declared?: ColumnType): Probe | undefined {
  const [type, probe] = probeOf(column.name, column.value, column.type ?? 'VARCHAR')
  if (declared === undefined) return probe
  if (declared !== type) return undefined
  const settle = (answers: DuckDBValue[]) => {
    const settled = probe.settle(answers)
    const isOther = 'stored' in settled && settled.stored.type !== declared
    return isOther
      ? { where: `${column.value} > ${INT64.max} OR ${column.value} < ${INT64.min}`, what: 'not an integer' }
      : settled
  }
  return { ...probe, settle }
}

function probeOf(name: string, x: string, type: string): [ColumnType, Probe] {
  const simple = (to: ColumnType, select: string): [ColumnType, Probe] => [
    to,
    { ask: [nulls(x)], settle: ([n]) => plan({ name, type: to, nullable: some(n) }, select) },
  ]
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type)
  if (decimal) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])]
    const settle = ([n]: DuckDBValue[]) => ({
      ...plan({ name, type: 'decimal', nullable: some(n), precision, scale }, encodeDecimalSql(x, precision)),
      decimal: x,
    })
    return ['decimal', { ask: [nulls(x)], settle }]
  }
  if (INTEGER.test(type))
    return ['integer', { ask: [nulls(x), `min(${x})`, `max(${x})`], settle: answers => integerPlan(name, x, answers) }]
  if (type === 'JSON') return simple('json', plainJson(x))
  if (isNested(type)) return simple('json', nestedJson(x, type))
  switch (type) {
    case 'FLOAT':
    case 'DOUBLE': {
      const settle = ([n, nan]: DuckDBValue[]) =>
        plan({ name, type: 'float', nullable: some(n) || some(nan) }, `CAST(${x} AS DOUBLE)`)
      return ['float', { ask: [nulls(x), `count(*) FILTER (WHERE isnan(${x}))`], settle }]
    }
    case 'BOOLEAN':
      return simple('boolean', `CAST(${x} AS INTEGER)`)
    case 'BLOB':
      return simple('blob', x)
    case 'DATE':
      return ranged(name, 'date', x, isoText(x))
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
    case 'TIMESTAMP_NS':
      return ranged(name, 'timestamp', x, isoText(x))
    case 'TIMESTAMP WITH TIME ZONE': {
      // beyond the years that it can be told in, that is an error
      const utc = `TRY(${x} AT TIME ZONE 'UTC')`
      return ranged(name, 'timestamptz', utc, isoText(utc), x)
    }
    case 'TIME':
    case 'TIME_NS':
      return simple('time', `CAST(${x} AS VARCHAR)`)
    default: // VARCHAR, ENUM, UUID, INTERVAL, TIME WITH TIME ZONE, BIT and what is still to come
      return simple('text', `CAST(${x} AS VARCHAR)`)
  }
}

/** An integer column by its values: 64 bits where they fit, else a decimal of as many digits as they need. */
function integerPlan(name: string, x: string, [n, min, max]: DuckDBValue[]): ColumnPlan {
  const [low, high] = [BigInt((min as bigint | number | null) ?? 0), BigInt((max as bigint | number | null) ?? 0)]
  const within = (range: { min: bigint; max: bigint }) => low >= range.min && high <= range.max
  if (!within(INT64)) {
    const precision = Math.max(...[low, high].map(end => String(end).replace('-', '').length))
    const stored: StoredColumn = { name, type: 'decimal', nullable: some(n), precision, scale: 0 }
    return { ...plan(stored, encodeDecimalSql(x, precision)), decimal: `CAST(${x} AS DECIMAL(${precision}, 0))` }
  }
  const stored: StoredColumn = { name, type: 'integer', nullable: some(n) }
  if (isWide(low, high)) stored.wide = true
  return plan(stored, `CAST(${x} AS ${within(INT32) ? 'INTEGER' : stored.wide ? 'BIGINT' : 'DOUBLE'})`)
}

/** Dates and timestamps sort as text from year 0 to 9999 only; what lies outside, infinities too, cannot be kept. */
function ranged(name: string, type: ColumnType, x: string, select: string, given = x): [ColumnType, Probe] {
  const outside = `(${given} IS NOT NULL AND coalesce(year(${x}) NOT BETWEEN 0 AND 9999, true))`
  const settle = ([n, bad]: DuckDBValue[]): ColumnPlan | Misfit =>
    some(bad)
      ? { where: outside, what: `a ${type} outside the years 0000 to 9999` }
      : plan({ name, type, nullable: some(n) }, select)
  return [type, { ask: [nulls(x), `count(*) FILTER (WHERE ${outside})`], settle }]
}

const nulls = (x: string) => `count(*) - count(${x})`
const some = (count: DuckDBValue | undefined) => Number(count) > 0
