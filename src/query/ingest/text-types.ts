import { type ColumnType, MAX_DIGITS, type StoredColumn } from '../../catalog/column.ts'
import { encodeDecimalSql } from '../../lib/decimal.ts'
import { literal } from '../../lib/sql.ts'

/**
 * What the values of a text column look like, as bits, so that one pass with BIT_OR over the column tells which of them
 * occur. An integer has no leading zeros and no plus sign (01234 and +5 are codes, and text).
 */
export const LOOKS = {
  integer: 1,
  /** an integer beyond +-(2^53 - 1), in 64 bits; or a number with a point whose whole part is that large */
  wide: 2,
  /** an integer beyond 64 bits, up to MAX_DIGITS digits */
  huge: 4,
  point: 8,
  exponent: 16,
  boolean: 32,
  date: 64,
  timestamp: 128,
  timestamptz: 256,
  text: 512,
  null: 1024,
  /** of JSON only: an object, a list, or a number that no type of ours holds */
  json: 2048,
} as const

const DATE = '[0-9]{4}-[0-9]{2}-[0-9]{2}'
const CLOCK = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?'
const ZONE = '(Z|[+-](0[0-9]|1[0-8])(:?[0-5][0-9])?)'
const INTEGER = '0|-?[1-9][0-9]*'
const POINT = '-?((0|[1-9][0-9]*)\\.[0-9]*|\\.[0-9]+)'
const EXPONENT = '-?((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)[eE][+-]?[0-9]+|-0'
const DECLARED_DECIMAL = '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)'

const matches = (x: string, pattern: string) => `regexp_full_match(${x}, '${pattern}')`
const SAFE = '9007199254740991'

/** SQL: the bit of LOOKS for one value of `x`, a VARCHAR. */
export function looksOfText(x: string): string {
  return `CASE WHEN ${x} IS NULL THEN ${LOOKS.null} ${numberArms(x, LOOKS.text)}
    WHEN lower(${x}) IN ('true', 'false') THEN ${LOOKS.boolean} ${timeArms(x)} ELSE ${LOOKS.text} END`
}

/** The same for `json`, a JSON value as it is written: only strings can be times, and strings are never numbers. */
export function looksOfJson(json: string): string {
  const x = `CAST(${json} AS VARCHAR)`
  return `CASE WHEN ${json} IS NULL OR ${x} = 'null' THEN ${LOOKS.null} ${numberArms(x, LOOKS.json)}
    WHEN ${x} IN ('true', 'false') THEN ${LOOKS.boolean} WHEN ltrim(lower(${x}), '-') IN ('inf', 'infinity') THEN ${LOOKS.exponent}
    WHEN ltrim(lower(${x}), '-') = 'nan' THEN ${LOOKS.exponent | LOOKS.null}
    WHEN ${x}[1] <> '"' THEN ${LOOKS.json} ${timeArms(`(${json} ->> '$')`)} ELSE ${LOOKS.text} END`
}

const numberArms = (x: string, tooLong: number) => `
  WHEN ${matches(x, INTEGER)} THEN CASE WHEN strlen(${x}) <= 15 THEN ${LOOKS.integer}
    WHEN TRY_CAST(${x} AS BIGINT) BETWEEN -${SAFE} AND ${SAFE} THEN ${LOOKS.integer}
    WHEN TRY_CAST(${x} AS BIGINT) IS NOT NULL THEN ${LOOKS.wide}
    WHEN strlen(ltrim(${x}, '-')) <= ${MAX_DIGITS} THEN ${LOOKS.huge} ELSE ${tooLong} END
  WHEN ${matches(x, POINT)} THEN CASE WHEN abs(TRY_CAST(${x} AS DOUBLE)) < ${SAFE} THEN ${LOOKS.point}
    WHEN isfinite(TRY_CAST(${x} AS DOUBLE)) THEN ${LOOKS.point | LOOKS.wide} ELSE ${tooLong} END
  WHEN ${matches(x, EXPONENT)} THEN CASE WHEN isfinite(TRY_CAST(${x} AS DOUBLE)) THEN ${LOOKS.exponent} ELSE ${tooLong} END`

const timeArms = (x: string) => `
  WHEN ${matches(x, DATE)} THEN CASE WHEN TRY_CAST(${x} AS DATE) IS NOT NULL THEN ${LOOKS.date} ELSE ${LOOKS.text} END
  WHEN ${matches(x, `${DATE}[T ]${CLOCK}`)} THEN
    CASE WHEN ${moment(x)} IS NOT NULL THEN ${LOOKS.timestamp} ELSE ${LOOKS.text} END
  WHEN ${matches(x, `${DATE}[T ]${CLOCK}${ZONE}`)} THEN
    CASE WHEN ${inYears(utc(x))} THEN ${LOOKS.timestamptz} ELSE ${LOOKS.text} END`

/** The type of a column whose values have these looks; `digits`: a decimal whose precision is still to be measured. */
export function typeOfLooks(looks: number, json: boolean): ColumnType | 'digits' {
  const seen = looks & ~LOOKS.null
  const only = (allowed: number) => (seen & ~allowed) === 0
  const { integer, wide, huge, point, exponent, boolean, date, timestamp, timestamptz } = LOOKS
  if (seen === 0) return 'text'
  if (only(integer | wide)) return 'integer'
  if (only(integer | point) || (only(integer | wide | huge | point | exponent) && seen & exponent)) return 'float'
  if (only(integer | wide | huge | point)) return 'digits'
  if (only(boolean)) return 'boolean'
  if (only(date)) return 'date'
  if (only(date | timestamp)) return 'timestamp'
  if (only(timestamptz)) return 'timestamptz'
  return !json || only(date | timestamp | timestamptz | LOOKS.text) ? 'text' : 'json'
}

/** SQL for two numbers: how many digits stand before and behind the point at most, in a VARCHAR of plain numbers. */
export const digitsBefore = (x: string) => `max(strlen(ltrim(split_part(trim(${x}), '.', 1), '+-0')))`
export const digitsBehind = (x: string) => `max(strlen(rtrim(split_part(trim(${x}), '.', 2), '0')))`

/**
 * SQL: a text as it is stored in a column of this type, NULL where it cannot be (as well as for NULL). This is for
 * declared types, and takes more than is inferred: leading zeros, a plus sign, spaces around, 0 and 1 for booleans, NaN.
 */
export function storedFromText(column: Pick<StoredColumn, 'type' | 'precision' | 'scale' | 'wide'>, x: string): string {
  const trimmed = `trim(${x})`
  switch (column.type) {
    case 'integer': {
      const whole = `TRY_CAST(regexp_replace(${trimmed}, '\\.0*$', '') AS BIGINT)`
      return when(matches(trimmed, '[+-]?[0-9]+(\\.0*)?'), column.wide === false ? `CAST(${whole} AS DOUBLE)` : whole)
    }
    case 'float': {
      const number = matches(trimmed, `${DECLARED_DECIMAL}([eE][+-]?[0-9]+)?`)
      const special = `lower(${trimmed}) IN ('nan', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity')`
      const value = `TRY_CAST(${trimmed} AS DOUBLE)`
      return `CASE WHEN ${number} THEN CASE WHEN isfinite(${value}) THEN ${value} END WHEN ${special} THEN ${value} END`
    }
    case 'decimal': {
      const value = `TRY_CAST(${trimmed} AS DECIMAL(${column.precision ?? MAX_DIGITS}, ${column.scale ?? 0}))`
      return when(matches(trimmed, DECLARED_DECIMAL), encodeDecimalSql(value, column.precision ?? MAX_DIGITS))
    }
    case 'boolean':
      return `CASE WHEN lower(${trimmed}) IN ('true', 't', 'yes', 'y', '1') THEN 1
        WHEN lower(${trimmed}) IN ('false', 'f', 'no', 'n', '0') THEN 0 END`
    case 'date':
      return when(`${matches(trimmed, DATE)} AND TRY_CAST(${trimmed} AS DATE) IS NOT NULL`, trimmed)
    case 'timestamp':
      return when(matches(trimmed, `${DATE}([T ]${CLOCK})?`), momentText(trimmed, moment(trimmed)))
    case 'timestamptz':
      return when(matches(trimmed, `${DATE}([T ]${CLOCK}${ZONE}?)?`), momentText(trimmed, utc(trimmed)))
    case 'time': {
      const clock = `rpad(regexp_replace(${trimmed}, '\\.[0-9]*', ''), 8, ':00')`
      return when(matches(trimmed, CLOCK), `${clock} || ${fraction(trimmed)}`)
    }
    case 'blob':
      return `TRY(from_base64(${x}))`
    case 'json':
      return `TRY(${plainJson(x)})`
    case 'text':
      return x
  }
}

/** The same where all values are known to look like the type: nothing is checked again, which halves the work. */
export function storedFromKnown(column: Pick<StoredColumn, 'type' | 'wide'>, x: string): string {
  switch (column.type) {
    case 'integer':
      return column.wide ? `CAST(${x} AS BIGINT)` : `CAST(CAST(${x} AS BIGINT) AS DOUBLE)`
    case 'float':
      return `CAST(${x} AS DOUBLE)`
    case 'boolean':
      return `CAST(lower(${x}) = 'true' AS INTEGER)`
    case 'date':
      return x
    default:
      return storedFromText(column, x)
  }
}

/** Whether a declared decimal can be one at all: digits and a point. */
export const isPlainNumber = (x: string) => matches(`trim(${x})`, DECLARED_DECIMAL)

/**
 * SQL: the text of a JSON value in plain notation, as a decimal is read. DuckDB has numbers with a point as floats: small ones
 * come with an exponent (5e-10), and the digits of large ones are no longer what was written: NULL stands for those.
 */
export function plainOfJson(json: string): string {
  const x = `(${json} ->> '$')`
  return `CASE WHEN CAST(${json} AS VARCHAR)[1] = '"' THEN ${x} ${smallArm(x)}
    WHEN contains(${x}, '.') AND abs(TRY_CAST(${x} AS DOUBLE)) > ${SAFE} THEN NULL ELSE ${x} END`
}

/** SQL: the text of a float in plain notation. */
export const plainOfFloat = (x: string) => `CASE ${smallArm(x)} ELSE ${x} END`

function smallArm(x: string): string {
  const digits = `regexp_replace(split_part(${x}, 'e', 1), '[-.]', '', 'g')`
  const zeros = `repeat('0', TRY_CAST(split_part(${x}, 'e-', 2) AS INTEGER) - 1)`
  return `WHEN ${matches(x, '-?[0-9](\\.[0-9]+)?e-[0-9]+')} THEN if(${x}[1] = '-', '-0.', '0.') || ${zeros} || ${digits}`
}

/** SQL: JSON that is in a text, as DuckDB writes it: what it reads besides (commas at the end of lists) is no JSON. */
export const plainJson = (x: string) => `CAST(json(${x}) AS VARCHAR)`

const when = (condition: string, value: string) => `CASE WHEN ${condition} THEN ${value} END`

// DuckDB's moments hold microseconds; the fraction is carried over as text, so that nanoseconds stay.
const whole = (x: string) => `regexp_replace(${x}, '\\.[0-9]+', '')`
const moment = (x: string) => `TRY_CAST(${whole(x)} AS TIMESTAMP)`
/** DuckDB reads a zone behind seconds only. */
const utc = (x: string) =>
  `(TRY_CAST(regexp_replace(${whole(x)}, '^(.{16})([Z+-])', '\\1:00\\2') AS TIMESTAMPTZ) AT TIME ZONE 'UTC')`
const inYears = (value: string) => `year(${value}) BETWEEN 0 AND 9999`

const momentText = (x: string, value: string) => when(inYears(value), `${isoText(value)} || ${fraction(x)}`)

/** SQL: a date or timestamp in ISO 8601. DuckDB calls the year 0 the first before Christ. */
export function isoText(x: string): string {
  const text = `replace(CAST(${x} AS VARCHAR), ' ', 'T')`
  return `(CASE WHEN year(${x}) = 0 THEN '0000' || substr(replace(${text}, 'T(BC)', ''), 5) ELSE ${text} END)`
}

function fraction(x: string): string {
  const digits = `rtrim(regexp_extract(${x}, '\\.([0-9]+)', 1), '0')`
  return `CASE WHEN NOT contains(${x}, '.') OR ${digits} = '' THEN '' ELSE ${literal('.')} || ${digits} END`
}
