/** Groups, aggregates and distinct rows, the slow way over plain arrays: nothing of src, no SQL. */
import type { Column } from '../../src/catalog/column.ts'
import type { AggregateFunction } from '../../src/catalog/query-definition.ts'
import { columnOf, compareValues, type Planned, type PlannedOrder, passes, type Ref } from './reference.ts'
import type { Cell, Value } from './world-fixture.ts'

export interface PlannedAggregate {
  name: string
  fn: AggregateFunction
  /** absent: rows are counted */
  of?: Ref
}

/** A float that was added up: its last digits depend on the order in which the engine saw the rows. */
export class About {
  readonly number: number
  constructor(number: number) {
    this.number = number
  }
}

type Joined = Cell[][]

/** The type of an aggregate's result. */
export function resultColumn(query: Planned, { fn, of, name }: PlannedAggregate): Column {
  const base = { name, nullable: true, sensitivity: 'low' } as const
  if (fn === 'count' || fn === 'count_distinct') return { ...base, type: 'integer' }
  const column = columnOf(query, of!)
  if (fn === 'avg') return { ...base, type: 'float' }
  return fn === 'sum' && column.type === 'decimal' ? { ...column, precision: 18 } : column
}

/** Whether the engine's result is the reference's to the last digit, so that it can be ordered by and compared. */
export function isExact(query: Planned, { fn, of }: PlannedAggregate): boolean {
  if (fn !== 'sum' && fn !== 'avg') return true
  const column = columnOf(query, of!)
  return column.type !== 'float' && !column.wide && !(column.type === 'decimal' && column.precision! > 18)
}

/** Whether the partial sums of some order of the rows may leave 64 bits. */
export const mayOverflow = (query: Planned, rows: Joined[]): boolean =>
  query.aggregates!.some(({ fn, of }) => {
    if (fn !== 'sum') return false
    const column = columnOf(query, of!)
    if (column.type === 'float' || (column.type === 'decimal' && column.precision! > 18)) return false
    const sizes = present(rows, of!).map(value => value.order as bigint)
    return sizes.reduce((sum, size) => sum + (size < 0n ? -size : size), 0n) >= 2n ** 63n
  })

/** What a group is: the values it is grouped by, and its aggregates by name. */
interface Group {
  key: Cell[]
  results: Map<string, Value | null>
}

/** The rows of the answer in their order, a list of cells each (`About` where the last digits are open). */
export function groupRows(query: Planned, rows: Joined[]): unknown[][] {
  const groups = new Map<string, { key: Cell[]; rows: Joined[] }>()
  if (query.groups!.length === 0) groups.set('', { key: [], rows })
  else
    for (const row of rows) {
      const key = query.groups!.map(ref => row[ref.table]![ref.column]!)
      const id = JSON.stringify(key.map(cell => cell && keyText(cell)))
      const group = groups.get(id) ?? { key, rows: [] }
      group.rows.push(row)
      groups.set(id, group)
    }
  const made = [...groups.values()].map(
    ({ key, rows }): Group => ({
      key,
      results: new Map(query.aggregates!.map(a => [a.name, aggregate(query, a, rows)])),
    }),
  )
  const kept = made.filter(group => query.having!.every(h => passes(h, group.results.get(h.name)!)))
  const cellOf = (group: Group, { by }: PlannedOrder): Cell =>
    typeof by === 'string' ? group.results.get(by)! : group.key[groupIndex(query, by)]!
  const ties = query.groups!.map(by => ({ by, descending: false }))
  kept.sort((a, b) => compareBy([...query.order, ...ties], o => [cellOf(a, o), cellOf(b, o)]))
  return kept.map(group =>
    query.columns!.map(entry => {
      if (typeof entry !== 'string') return group.key[groupIndex(query, entry)]?.out ?? null
      const result = group.results.get(entry)!
      const planned = query.aggregates!.find(a => a.name === entry)!
      return result && !isExact(query, planned) && typeof result.out === 'number' && result.order === result.out
        ? new About(result.out)
        : (result?.out ?? null)
    }),
  )
}

/** Each row once, in the order and then by all its columns. */
export function distinctRows(query: Planned, rows: Joined[]): unknown[][] {
  const found = new Map<string, Cell[]>()
  for (const row of rows) {
    const cells = query.outputs.map(o => row[o.table]![o.column]!)
    found.set(JSON.stringify(cells.map(cell => cell && keyText(cell))), cells)
  }
  const at = (by: PlannedOrder['by']) =>
    query.outputs.findIndex(o => typeof by !== 'string' && o.table === by.table && o.column === by.column)
  const ties = query.outputs.map(by => ({ by, descending: false }))
  const list = [...found.values()]
  list.sort((a, b) => compareBy([...query.order, ...ties], ({ by }) => [a[at(by)]!, b[at(by)]!]))
  return list.map(cells => cells.map(cell => cell?.out ?? null))
}

const keyText = ({ order }: Value) => (Buffer.isBuffer(order) ? order.toString('hex') : String(order))

const groupIndex = (query: Planned, ref: Ref) =>
  query.groups!.findIndex(g => g.table === ref.table && g.column === ref.column)

function compareBy(order: PlannedOrder[], cells: (order: PlannedOrder) => [Cell, Cell]): number {
  for (const one of order) {
    const [x, y] = cells(one)
    if (x === null && y === null) continue
    if (x === null) return 1
    if (y === null) return -1
    const compared = compareValues(x, y)
    if (compared !== 0) return one.descending ? -compared : compared
  }
  return 0
}

const present = (rows: Joined[], of: Ref): Value[] =>
  rows.map(row => row[of.table]![of.column]!).filter((cell): cell is Value => cell !== null)

function aggregate(query: Planned, { fn, of }: PlannedAggregate, rows: Joined[]): Value | null {
  const whole = (n: bigint): Value => ({
    stored: n,
    out: n >= -(2n ** 53n - 1n) && n <= 2n ** 53n - 1n ? Number(n) : String(n),
    text: String(n),
    order: n,
  })
  if (!of) return whole(BigInt(rows.length))
  const values = present(rows, of)
  if (fn === 'count') return whole(BigInt(values.length))
  if (fn === 'count_distinct') return whole(BigInt(new Set(values.map(keyText)).size))
  if (values.length === 0) return null
  if (fn === 'min' || fn === 'max') {
    const sorted = values.toSorted(compareValues)
    return fn === 'min' ? sorted[0]! : sorted.at(-1)!
  }
  const { type, scale = 0 } = columnOf(query, of)
  const float = (n: number): Value => ({ stored: n, out: n, text: String(n), order: n })
  if (type === 'float') {
    const sum = values
      .map(v => v.order as number)
      .sort((a, b) => a - b)
      .reduce((a, b) => a + b, 0)
    return float(fn === 'sum' ? sum : sum / values.length)
  }
  const sum = values.reduce((total, v) => total + (v.order as bigint), 0n)
  if (fn === 'avg') return float(Number(sum) / values.length / (type === 'decimal' ? 10 ** scale : 1))
  if (type === 'integer') return whole(sum)
  const digits = String(sum < 0n ? -sum : sum).padStart(scale + 1, '0')
  const point = digits.length - scale
  const text = `${sum < 0n ? '-' : ''}${digits.slice(0, point)}${scale ? `.${digits.slice(point)}` : ''}`
  return { stored: sum, out: text, text, order: sum }
}
