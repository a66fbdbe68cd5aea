import type { DuckDBValue } from '@duckdb/node-api'
import { type ColumnType, MAX_DIGITS, type StoredColumn } from '../../catalog/column.ts'
import { encodeDecimalSql, storedAsInteger } from '../../lib/decimal.ts'
import type { ColumnPlan, Misfit, Probe } from './probe.ts'
import type { SourceColumn } from './source.ts'
import {
  digitsBefore,
  digitsBehind,
  isPlainNumber,
  LOOKS,
  plainOfJson,
  storedFromKnown,
  storedFromText,
  typeOfLooks,
} from './text-types.ts'

type Declared = Pick<StoredColumn, 'type' | 'precision' | 'scale'>

/** What to ask of a column of text (or of JSON values as written) to settle its type, inferred or declared. */
export function textProbe(column: SourceColumn, declared?: Declared): Probe {
  const json = column.from === 'json'
  const text = json ? `(${column.value} ->> '$')` : column.value
  if (declared !== undefined) return declaredProbe(column, declared, text)
  return {
    looks: column,
    ask: [],
    settle: ([answer]) => {
      const looks = Number(answer ?? LOOKS.null)
      const nullable = (looks & LOOKS.null) !== 0
      const type = typeOfLooks(looks, json)
      if (type === 'digits')
        return {
          ask: [digitsBefore(text), digitsBehind(text)],
          settle: ([before, behind]) => {
            const scale = Number(behind ?? 0)
            const precision = Math.max(1, Number(before ?? 0) + scale)
            return precision > MAX_DIGITS
              ? plan({ name: column.name, type: 'float', nullable }, `CAST(${text} AS DOUBLE)`)
              : decimalPlan({ name: column.name, nullable, precision, scale }, text)
          },
        }
      const stored: StoredColumn = { name: column.name, type, nullable }
      if (type === 'integer' && looks & LOOKS.wide) stored.wide = true
      if (type === 'json') return plan(stored, nullJson(column.value))
      return plan(stored, storedFromKnown(stored, text))
    },
  }
}

const nullJson = (value: string) => `nullif(CAST(${value} AS VARCHAR), 'null')`

function declaredProbe(column: SourceColumn, declared: Declared, text: string): Probe {
  const { type } = declared
  if (type === 'json' && column.from === 'json') {
    const value = nullJson(column.value)
    return {
      ask: [`count(*) - count(${value})`],
      settle: ([nulls]) => plan({ name: column.name, type, nullable: Number(nulls) > 0 }, value),
    }
  }
  // An empty text is no number, date or boolean (but a blob of no bytes): where one of those is declared, it stands for no value.
  const value = type === 'text' || type === 'blob' ? text : `nullif(${text}, '')`
  const nulls = `count(*) - count(${value})`
  if (type === 'decimal') return declaredDecimal(column, declared, value, nulls)
  // (a number that has lost digits is none)
  const read = type === 'integer' && column.from === 'json' ? `nullif(${plainOfJson(column.value)}, '')` : value
  const converted = storedFromText({ type }, read)
  const ask = [nulls, `count(${value}) - count(${converted})`]
  if (type === 'integer') ask.push(`min(${converted})`, `max(${converted})`)
  if (type === 'float') ask.push(`count(*) FILTER (WHERE isnan(${converted}))`)
  return {
    ask,
    settle: answers => {
      if (Number(answers[1]) > 0) return misfit(value, converted, type)
      const stored: StoredColumn = { name: column.name, type, nullable: Number(answers[0]) > 0 }
      if (type === 'integer' && isWide(answers[2], answers[3])) stored.wide = true
      if (type === 'float' && Number(answers[2]) > 0) stored.nullable = true
      return plan(stored, storedFromText({ type, wide: stored.wide ?? false }, read))
    },
  }
}

function declaredDecimal(
  { name, from, value: given }: SourceColumn,
  declared: Declared,
  text: string,
  nulls: string,
): Probe {
  const json = from === 'json'
  const value = json ? `nullif(${plainOfJson(given)}, '')` : text
  const plain = `coalesce(${isPlainNumber(value)}, false)`
  const what = `not a decimal${json ? ', or a number of more digits than JSON is read with: write it as a text' : ''}`
  const number = `CASE WHEN ${plain} THEN ${value} END`
  return {
    ask: [nulls, `count(${text}) - count(${number})`, digitsBefore(number), digitsBehind(number)],
    settle: ([nullCount, misfits, before, behind]) => {
      if (Number(misfits) > 0) return { where: `${text} IS NOT NULL AND NOT ${plain}`, what }
      const nullable = Number(nullCount) > 0
      const [wholes, fractions] = [Number(before ?? 0), Number(behind ?? 0)]
      if (declared.precision !== undefined) {
        const { precision, scale = 0 } = declared
        if (wholes <= precision - scale && fractions <= scale)
          return decimalPlan({ name, nullable, precision, scale }, `trim(${value})`)
        return {
          where: `strlen(ltrim(split_part(trim(${value}), '.', 1), '+-0')) > ${precision - scale}
            OR strlen(rtrim(split_part(trim(${value}), '.', 2), '0')) > ${scale}`,
          what: `more digits than decimal(${precision},${scale}) has`,
        }
      }
      const scale = fractions
      const precision = Math.max(1, wholes + scale)
      const where = `strlen(ltrim(split_part(trim(${value}), '.', 1), '+-0')) + ${scale} > ${MAX_DIGITS}`
      if (precision > MAX_DIGITS)
        return { where, what: `more than ${MAX_DIGITS} digits, at the ${scale} behind the point that the column needs` }
      return decimalPlan({ name, nullable, precision, scale }, `trim(${value})`)
    },
  }
}

const misfit = (value: string, converted: string, type: ColumnType): Misfit => ({
  where: `${value} IS NOT NULL AND ${converted} IS NULL`,
  what: `not ${type === 'integer' ? 'an' : 'a'} ${type}`,
})

export const isWide = (...ends: (DuckDBValue | undefined)[]) =>
  ends.some(end => end != null && !Number.isSafeInteger(Number(end)))

function decimalPlan(
  column: { name: string; nullable: boolean; precision: number; scale: number },
  text: string,
): ColumnPlan {
  const value = `CAST(${text} AS DECIMAL(${column.precision}, ${column.scale}))`
  return { ...plan({ type: 'decimal', ...column }, encodeDecimalSql(value, column.precision)), decimal: value }
}

/** A settled column, with what SQLite calls its type. */
export function plan(stored: StoredColumn, select: string): ColumnPlan {
  return { stored, select, sqlite: sqliteType(stored) }
}

/** What SQLite calls the type of a column. */
export function sqliteType({ type, precision }: StoredColumn): ColumnPlan['sqlite'] {
  if (type === 'integer' || type === 'boolean') return 'INTEGER'
  if (type === 'decimal') return storedAsInteger(precision ?? 0) ? 'INTEGER' : 'TEXT'
  return type === 'float' ? 'REAL' : type === 'blob' ? 'BLOB' : 'TEXT'
}
