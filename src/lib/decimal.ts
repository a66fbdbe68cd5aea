/**
 * Decimals in SQLite, which has none: up to 18 digits as an INTEGER scaled by 10^scale, beyond that as TEXT of one width
 * whose byte order is the numeric order: `n` and the nines' complement of the digits for a negative number, `p` and the
 * digits for the others (`n` sorts before `p`; the complement turns the order of negative numbers round).
 */
export const INTEGER_DIGITS = 18

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/
const ALL_ZEROS = /^0*$/

/** Whether decimals of this precision are stored as scaled integers. */
export const storedAsInteger = (precision: number) => precision <= INTEGER_DIGITS

/**
 * A decimal in plain notation (`-12.50`, `+3`, `.5`; no exponent) as it is stored.
 * @throws RangeError what is not a decimal, or needs more digits than `precision` and `scale` leave
 */
export function encodeDecimal(text: string, precision: number, scale: number): bigint | string {
  const match = DECIMAL.exec(text)
  const whole = match?.[2] ?? ''
  const fraction = match?.[3] ?? ''
  if (!match || whole.length + fraction.length === 0) throw new RangeError('not a decimal')
  if (!ALL_ZEROS.test(fraction.slice(scale)))
    throw new RangeError(`more than ${scale} ${scale === 1 ? 'digit' : 'digits'} behind the point`)
  const digits = (whole + fraction.slice(0, scale).padEnd(scale, '0')).replace(/^0+/, '')
  if (digits.length > precision) throw new RangeError(`more than ${precision - scale} digits before the point`)
  const negative = match[1] === '-' && digits !== ''
  if (storedAsInteger(precision)) return negative ? -BigInt(digits) : BigInt(digits)
  const padded = digits.padStart(precision, '0')
  return negative ? `n${complement(padded)}` : `p${padded}`
}

/** What `encodeDecimal` stored, in plain notation with exactly `scale` digits behind the point. */
export function decodeDecimal(stored: bigint | number | string, precision: number, scale: number): string {
  let digits: string
  let negative: boolean
  if (storedAsInteger(precision)) {
    const text = String(stored)
    negative = text.startsWith('-')
    digits = negative ? text.slice(1) : text
  } else {
    const text = String(stored)
    negative = text.startsWith('n')
    digits = (negative ? complement(text.slice(1)) : text.slice(1)).replace(/^0+/, '')
  }
  digits = digits.padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${negative ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ''}`
}

/** SQL (DuckDB) for the same encoding of `decimal`, an expression whose type is DECIMAL with `scale` or an integer. */
export function encodeDecimalSql(decimal: string, precision: number): string {
  const digits = `replace(CAST(${decimal} AS VARCHAR), '.', '')`
  if (storedAsInteger(precision)) return `CAST(${digits} AS BIGINT)`
  const padded = `lpad(ltrim(${digits}, '-'), ${precision}, '0')`
  return `CASE WHEN ${decimal} < 0 THEN 'n' || translate(${padded}, '0123456789', '9876543210') ELSE 'p' || ${padded} END`
}

const complement = (digits: string) => digits.replace(/\d/g, d => String(9 - Number(d)))
