import type { ElementType } from '../catalog/tensor.ts'
import { unprocessable } from '../lib/fault.ts'
import { allocate, type TensorData, volume } from './tensors.ts'

/** One value that cannot be used. Messages never hold the value. */
export interface RowError {
  /** Counted from 0; absent for `features`. */
  row?: number
  feature?: string
  message: string
}

export type Row = Record<string, unknown>
/** Stands in for a row that is no object, so that the others are still looked at. */
export const NO_ROW: Row = Object.freeze({})

/** What is wrong with the rows of one request is told up to so many. */
export const MAX_ERRORS = 100
/** Elements from which on it is looked first whether rows have as many: a row without any is three bytes of a body. */
const MANY_ELEMENTS = 100_000

/** Gathers what is wrong with the rows of one request, up to a bound. */
export class RowErrors {
  #errors: RowError[] = []
  #single: boolean

  constructor(single: boolean) {
    this.#single = single
  }

  add(row: number, feature: string | undefined, message: string): void {
    if (this.#errors.length >= MAX_ERRORS) return
    this.#errors.push({ ...(this.#single ? {} : { row }), ...(feature === undefined ? {} : { feature }), message })
  }

  /** @throws Fault 422 `unacceptable_rows` with `errors`, by row, when there are any */
  throwIfAny(): void {
    if (this.#errors.length === 0) return
    const errors = this.#errors.toSorted((a, b) => (a.row ?? 0) - (b.row ?? 0))
    const first = errors[0]!
    const where = [
      first.row === undefined ? '' : `row ${first.row}`,
      first.feature === undefined ? '' : `feature ${JSON.stringify(first.feature)}`,
    ].filter(Boolean)
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
    throw unprocessable(
      `The model cannot take this${where.length ? `: ${where.join(', ')}` : ''}: ${first.message}${more}`,
      { errors },
      'unacceptable_rows',
    )
  }
}

/** Rows up to where so many lack features that no more can be told: the others would only take room and time. */
export function worthReading(rows: readonly Row[], features: number): readonly Row[] {
  if (rows.length * features < MANY_ELEMENTS) return rows
  let lacking = 0
  for (let r = 0; r < rows.length; r++)
    if (Object.keys(rows[r]!).length < features && ++lacking === MAX_ERRORS) return rows.slice(0, r + 1)
  return rows
}

const INTEGER_RANGES: Partial<Record<ElementType, [bigint, bigint]>> = {
  int8: [-128n, 127n],
  int16: [-32768n, 32767n],
  int32: [-2147483648n, 2147483647n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65535n],
  uint32: [0n, 4294967295n],
  uint64: [0n, 2n ** 64n - 1n],
}
/** From where on the nearest value of the type is infinity. */
export const FLOATS_END: Partial<Record<ElementType, number>> = {
  float16: 65520,
  float32: 2 ** 128 - 2 ** 103,
  float64: Number.POSITIVE_INFINITY,
}
const EXPECTED: Partial<Record<ElementType, string>> = {
  bool: 'true or false is expected.',
  string: 'Text is expected.',
}

/** What the runtime would make another text of: it would cut it off, or put a question mark in. */
function unfit(text: string): string | undefined {
  if (text.includes('\0')) return 'Text without NUL characters is expected.'
  return text.isWellFormed() ? undefined : 'Text without lone surrogates is expected.'
}

/** Why a value cannot be an element of this type; undefined when it can. `null` is NaN where the type has one. */
function fault(type: ElementType, value: unknown): string | undefined {
  const range = INTEGER_RANGES[type]
  if (range) {
    if (typeof value === 'number' ? !Number.isInteger(value) : typeof value !== 'bigint')
      return 'An integer is expected.'
    const integer = BigInt(value as number | bigint)
    return integer < range[0] || integer > range[1] ? `The integer does not fit into ${type}.` : undefined
  }
  if (type === 'bool') return typeof value === 'boolean' ? undefined : EXPECTED.bool
  if (type === 'string') {
    if (typeof value !== 'string') return EXPECTED.string
    return unfit(value)
  }
  if (value === null) return undefined
  if (typeof value !== 'number' && typeof value !== 'bigint') return 'A number is expected.'
  return Math.abs(Number(value)) < (FLOATS_END[type] ?? Number.POSITIVE_INFINITY)
    ? undefined
    : 'The number is too large.'
}

/** A value that `fault` has passed, as it lies in the array. */
function element(type: ElementType, value: unknown): number | bigint | string {
  if (type === 'int64' || type === 'uint64') return BigInt(value as number | bigint)
  if (type === 'string') return value as string
  return value === null ? Number.NaN : Number(value)
}

/**
 * Writes one scalar feature of all rows into `data[offset + row * stride]`. `data` of float16 is a Float16Array.
 * This is the hot path: the loops read, test the type and store, and leave everything unusual to `unusual`.
 */
export function writeScalars(
  type: ElementType,
  name: string,
  rows: readonly Row[],
  data: TensorData | Float16Array,
  offset: number,
  stride: number,
  errors: RowErrors,
): void {
  let at = offset
  if (type === 'float32' || type === 'float64' || type === 'float16') {
    const target = data as Float64Array
    const end = FLOATS_END[type]!
    for (let r = 0; r < rows.length; r++, at += stride) {
      const value = rows[r]![name]
      if (typeof value === 'number' && value < end && value > -end) target[at] = value
      else unusual(type, name, rows[r]!, r, value, target, at, errors)
    }
  } else if (type === 'string') {
    const target = data as string[]
    for (let r = 0; r < rows.length; r++, at += stride) {
      const value = rows[r]![name]
      if (typeof value === 'string' && !unfit(value)) target[at] = value
      else unusual(type, name, rows[r]!, r, value, target, at, errors)
    }
  } else
    for (let r = 0; r < rows.length; r++, at += stride)
      unusual(type, name, rows[r]!, r, rows[r]![name], data, at, errors)
}

function unusual(
  type: ElementType,
  name: string,
  row: Row,
  index: number,
  value: unknown,
  data: TensorData | Float16Array,
  at: number,
  errors: RowErrors,
): void {
  if (row === NO_ROW) return
  if (!Object.hasOwn(row, name)) {
    errors.add(index, name, 'This feature is missing.')
    return
  }
  const wrong = fault(type, value)
  if (wrong) errors.add(index, name, value === null ? `${wrong} null is not accepted.` : wrong)
  else (data as (number | bigint | string)[])[at] = element(type, value)
}

/**
 * Nested lists of one feature as a tensor [rows, ...shape]. Open dimensions take the length of the first row's list, and
 * every row must have the same.
 */
export function encodeLists(
  type: ElementType,
  name: string,
  shape: readonly (number | null)[],
  rows: readonly Row[],
  errors: RowErrors,
): { dims: number[]; data: TensorData } {
  const sample = rows.find(row => Object.hasOwn(row, name) && Array.isArray(row[name]))
  const dims = closed(shape, sample?.[name])
  const width = volume(dims)
  // room for those alone that have the shape: how large it is, one row says, and each other may be two brackets
  const fitting: number[] = []
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r]!
    if (row === NO_ROW) continue
    const wrong = Object.hasOwn(row, name) ? misfit(row[name], shape, dims, 0) : 'This feature is missing.'
    if (wrong) errors.add(r, name, wrong)
    else fitting.push(r)
  }
  const data = allocate(type, fitting.length * width)
  const target = elementsOf(type, data)
  for (const [place, r] of fitting.entries()) {
    const wrong = fill(type, rows[r]![name], dims, 0, target, place * width, width)
    if (wrong) errors.add(r, name, wrong)
  }
  return { dims: [rows.length, ...dims], data }
}

/** The array to write elements through: float16 lies in a Uint16Array. */
export function elementsOf(type: ElementType, data: TensorData): TensorData | Float16Array {
  return type === 'float16' ? new Float16Array((data as Uint16Array).buffer as ArrayBuffer) : data
}

function closed(shape: readonly (number | null)[], sample: unknown): number[] {
  let level = sample
  return shape.map(dim => {
    const length = dim ?? (Array.isArray(level) ? level.length : 0)
    level = Array.isArray(level) ? level[0] : undefined
    return length
  })
}

/** Why a value is not nested lists of these lengths; what is in the innermost ones is not looked at. */
function misfit(
  value: unknown,
  shape: readonly (number | null)[],
  dims: readonly number[],
  depth: number,
): string | undefined {
  // where there is no list, nothing says how long it would be
  if (!Array.isArray(value)) return listExpected(shape, depth)
  if (value.length !== dims[depth]) return listExpected(dims, depth)
  if (depth + 1 === dims.length) return undefined
  for (const part of value) {
    const wrong = misfit(part, shape, dims, depth + 1)
    if (wrong) return wrong
  }
  return undefined
}

/** Writes the elements of what fits. @returns why one cannot be used */
function fill(
  type: ElementType,
  value: unknown,
  dims: readonly number[],
  depth: number,
  data: TensorData | Float16Array,
  at: number,
  width: number,
): string | undefined {
  if (depth === dims.length) {
    const wrong = fault(type, value)
    if (wrong) return value === null ? `${wrong} null is not accepted.` : wrong
    ;(data as (number | bigint | string)[])[at] = element(type, value)
    return undefined
  }
  const list = value as unknown[]
  const step = width / list.length
  for (let i = 0; i < list.length; i++) {
    const wrong = fill(type, list[i], dims, depth + 1, data, at + i * step, step)
    if (wrong) return wrong
  }
  return undefined
}

function listExpected(shape: readonly (number | null)[], depth: number): string {
  const length = shape[depth] === null ? '' : ` of ${shape[depth]}`
  return `A list${' of lists'.repeat(depth)}${length} is expected${shape.length > 1 ? ` (shape ${shape.map(dim => dim ?? 'any').join(' x ')})` : ''}.`
}
