/** Random small worlds: tables of every type, with NULLs and policy, and values whose every form is known. */
import { type Column, MASKS, SENSITIVITIES } from '../../src/catalog/column.ts'
import type { StoredValue } from '../../src/query/values.ts'

/** A value in each of its forms: stored, answered, as a request's text, and for comparing in JavaScript. */
export interface Value {
  stored: StoredValue
  out: unknown
  text: string
  order: bigint | number | Buffer
}
export type Cell = Value | null

/** One table of a world. `stored position` of a row is its index. */
export interface WorldTable {
  columns: Column[]
  rows: Cell[][]
  primaryKey: string[] | undefined
  /** its rows have no order of their own, as in a database: without a key they come by all their columns */
  heap?: boolean
}

/** A seeded generator (mulberry32): the same seed, the same world. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** from 0 to below n */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  chance(percent: number): boolean {
    return this.below(100) < percent
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
  /** some of a list, in an order of their own */
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list]
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)[0]!)
  }
}

/** Names that are tricky for SQL, for JavaScript objects or for our own `alias.column`. */
export const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '0',
  '7',
  'rowid',
  'limit',
  'select',
  'a"b',
  "o'clock",
  'x y',
  'a.b',
  'naïve',
  '数',
  '"; DROP TABLE data; --',
  'data',
  't0',
  'count',
  'rows',
  'plain',
  '\\',
  '%',
  '$1',
  ':p',
  '?1',
] as const

const WORDS = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'a%b',
  'a_b',
  '\\',
  "'",
  '"',
  'é',
  'É',
  '😀x',
  '\uffee',
  ' ',
  "' OR 1=1 --",
  'NULL',
  'z%',
]

const digits = (random: Random, n: number) => Array.from({ length: n }, () => random.below(10)).join('')

/** A value of a column. Those of protected text and numbers are unmistakable, so that a leak cannot pass for something else. */
export function valueFor(random: Random, column: Column): Value {
  const marked = column.sensitivity !== 'low' && random.chance(70)
  const ascii = (stored: string, out = stored, text = out): Value => ({ stored, out, text, order: Buffer.from(stored) })
  switch (column.type) {
    case 'integer': {
      const wide = column.wide && random.chance(50)
      const big = wide
        ? random.pick([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 62n + 7n])
        : BigInt(marked ? 700_000_000 + random.below(99_999_999) : random.below(9) - 4)
      const safe = big >= -(2n ** 53n - 1n) && big <= 2n ** 53n - 1n
      return { stored: big, out: safe ? Number(big) : String(big), text: String(big), order: big }
    }
    case 'float': {
      const number = marked ? 7e8 + random.below(1e6) + 0.0625 : random.pick([0, 0.25, -1.5, 3, 1e300, -2.5e-7, 1e21])
      return { stored: number, out: number, text: String(number), order: number }
    }
    case 'decimal': {
      const { precision = 18, scale = 0 } = column
      const scaled = BigInt(marked ? `77${digits(random, 6)}` : random.below(2000) - 1000)
      const plain = String(scaled < 0n ? -scaled : scaled).padStart(scale + 1, '0')
      const point = plain.length - scale
      const text = `${scaled < 0n ? '-' : ''}${plain.slice(0, point)}${scale ? `.${plain.slice(point)}` : ''}`
      const padded = String(scaled < 0n ? -scaled : scaled).padStart(precision, '0')
      const nines = padded.replace(/\d/g, d => String(9 - Number(d)))
      return {
        stored: precision <= 18 ? scaled : scaled < 0n ? `n${nines}` : `p${padded}`,
        out: text,
        text,
        order: scaled,
      }
    }
    case 'boolean': {
      const yes = random.chance(50)
      return {
        stored: yes ? 1 : 0,
        out: yes,
        text: random.pick(yes ? ['true', '1'] : ['false', '0']),
        order: yes ? 1 : 0,
      }
    }
    case 'text':
      return ascii(marked ? `Mk${digits(random, 9)} w${random.below(9)}@x${random.below(9)}.org` : random.pick(WORDS))
    case 'date':
      return ascii(`${1990 + random.below(6)}-0${1 + random.below(9)}-1${random.below(10)}`)
    case 'time':
      return ascii(`1${random.below(10)}:0${random.below(10)}:00${random.pick(['', '.5', '.000001'])}`)
    case 'timestamp':
    case 'timestamptz': {
      const stored = `200${random.below(6)}-01-1${random.below(10)}T0${random.below(10)}:30:00${random.pick(['', '.25'])}`
      return column.type === 'timestamp' ? ascii(stored) : ascii(stored, `${stored}Z`)
    }
    case 'blob': {
      const bytes = Buffer.from(digits(random, 1 + random.below(12)))
      return { stored: new Uint8Array(bytes), out: bytes.toString('base64'), text: '', order: bytes }
    }
    case 'json': {
      const text = random.pick(['{"a":[1,2,{"b":null}]}', '[]', '"x"', '{"__proto__":{"x":1}}', '7'])
      return { stored: text, out: JSON.parse(text), text, order: Buffer.from(text) }
    }
  }
}

/** The column kinds of every world, so that tables have types in common to be joined on. */
const KINDS: Partial<Column>[] = [
  { type: 'integer' },
  { type: 'integer', wide: true },
  { type: 'float' },
  { type: 'decimal', precision: 9, scale: 2 },
  { type: 'decimal', precision: 18, scale: 4 },
  { type: 'decimal', precision: 30, scale: 4 },
  { type: 'boolean' },
  { type: 'text' },
  { type: 'date' },
  { type: 'time' },
  { type: 'timestamp' },
  { type: 'timestamptz' },
  { type: 'blob' },
  { type: 'json' },
]

export function worldTable(random: Random): WorldTable {
  const names = random.some(NAMES, 5 + random.below(8))
  const columns = names.map((name, i): Column => {
    // every table has small integers and texts: they match and repeat often
    const kind = i === 0 ? { type: 'integer' } : i === 1 ? { type: 'text' } : random.pick(KINDS)
    const sensitivity = random.chance(45) ? 'low' : random.pick(SENSITIVITIES)
    const mask = random.chance(75) ? { mask: random.pick(MASKS) } : {}
    return { name, nullable: true, sensitivity, ...mask, ...kind } as Column
  })
  const keyed = random.chance(60)
  if (keyed)
    columns.unshift({ name: 'id', type: random.pick(['integer', 'text']), nullable: false, sensitivity: 'low' })
  const count = random.below(25)
  const rows = Array.from({ length: count }, (_, row) =>
    columns.map((column, i): Cell => {
      if (keyed && i === 0) return keyValue(column, (row * 7) % 101)
      return random.chance(20) ? null : valueFor(random, column)
    }),
  )
  return { columns, rows, primaryKey: keyed ? ['id'] : undefined }
}

/** Unique for each number, and not in the file's order. */
function keyValue(column: Column, n: number): Value {
  if (column.type === 'integer') return { stored: n, out: n, text: String(n), order: BigInt(n) }
  return { stored: `k${n}`, out: `k${n}`, text: `k${n}`, order: Buffer.from(`k${n}`) }
}
