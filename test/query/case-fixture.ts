/** Random definitions, requests and grants over the tables of a world. */
import type { Column } from '../../src/catalog/column.ts'
import type { Grant, RowScopeValue } from '../../src/catalog/grant.ts'
import { type Filter, OPERATORS, type QueryDefinition } from '../../src/catalog/query-definition.ts'
import { columnOf, type Planned, type PlannedFilter, type PlannedOrder, type Ref, scopeText } from './reference.ts'
import { grantWith } from './table-fixture.ts'
import { NAMES, type Random, type Value, valueFor, type WorldTable } from './world-fixture.ts'

/** A definition as an author writes it, the same resolved for the reference, and the parameters of one request. */
export interface Case {
  definition: QueryDefinition
  planned: Planned
  params: URLSearchParams
  /** the columns that the request itself filters on or orders by */
  asked: Ref[]
  /** the columns whose values the answer groups, aggregates or makes distinct */
  counted: Ref[]
  missing: boolean
}

export const COMPARABLE = (type: string) => type !== 'blob' && type !== 'json'

export function makeCase(random: Random, world: { tables: WorldTable[] }): Case {
  const { definition, planned } = makeTables(random, world)
  addOutputs(random, planned, definition)
  const comparable = planned.outputs.every(o => COMPARABLE(columnOf(planned, o).type))
  if (comparable && random.chance(25)) {
    definition.distinct = true
    planned.distinct = true
  }
  const request = addFilters(random, planned, definition)
  for (let i = random.below(3); i > 0; i--) {
    const ref = planned.distinct ? random.pick(planned.outputs) : anyRef(random, planned)
    const output = random.chance(40) || planned.distinct ? random.pick(planned.outputs) : undefined
    const name = output?.name ?? named(random, planned, ref)
    const { table, column } = planned.outputs.find(o => o.name === name) ?? ref
    addOrder(random, definition, planned, request, name, { table, column })
  }
  return { definition, planned, counted: planned.distinct ? planned.outputs : [], ...request }
}

/** One more entry of the order, the author's or for the request to choose. */
export function addOrder(
  random: Random,
  definition: QueryDefinition,
  planned: Planned,
  request: Pick<Case, 'params' | 'asked'>,
  column: string,
  by: PlannedOrder['by'],
): void {
  const descending = random.chance(50)
  const entries = definition.order_by ?? []
  definition.order_by = entries
  if (random.chance(65)) {
    entries.push({ column, ...(descending ? { direction: 'desc' } : {}) })
    planned.order.push({ by, descending })
    return
  }
  const param = `sort ${entries.length}`
  const choice = descending ? `-${column}` : column
  const given = random.chance(60)
  entries.push({ param, allow: [column], ...(!given && random.chance(50) ? { default: choice } : {}) })
  if (given) {
    request.params.append(param, choice)
    if (typeof by !== 'string') request.asked.push(by)
  }
  if (given || entries.at(-1)!.default !== undefined) planned.order.push({ by, descending })
}

/** A source and its joins, the same table among them too. */
export function makeTables(
  random: Random,
  world: { tables: WorldTable[] },
): { definition: QueryDefinition; planned: Planned } {
  const pickTable = () => random.below(world.tables.length)
  const source = pickTable()
  const planned: Planned = {
    tables: [{ alias: random.chance(50) ? 's' : `t${source}`, table: world.tables[source]! }],
    outputs: [],
    filters: [],
    order: [],
  }
  const definition: QueryDefinition = {
    source: { schema: 'w', table: `t${source}`, ...(planned.tables[0]!.alias === 's' ? { as: 's' } : {}) },
  }
  for (const alias of random.some(['j', 'j 2', 'constructor'], random.below(3))) {
    const other = pickTable()
    const on = joinPairs(random, planned, world.tables[other]!)
    if (on.length === 0) continue
    const left = random.chance(60)
    const right = planned.tables.length
    definition.joins = [
      ...(definition.joins ?? []),
      {
        schema: 'w',
        table: `t${other}`,
        as: alias,
        ...(left ? { type: 'left' as const } : random.chance(50) ? { type: 'inner' as const } : {}),
        on: on.map(pair => ({
          left: named(random, planned, pair.left),
          right: `${alias}.${world.tables[other]!.columns[pair.right.column]!.name}`,
        })),
      },
    ]
    planned.tables.push({
      alias,
      table: world.tables[other]!,
      left,
      on: on.map(({ left, right: { column } }) => ({ left, right: { table: right, column } })),
    })
  }
  return { definition, planned }
}

export const anyRef = (random: Random, planned: Planned): Ref => {
  const table = random.below(planned.tables.length)
  return { table, column: random.below(planned.tables[table]!.table.columns.length) }
}

export function named(random: Random, planned: Planned, ref: Ref): string {
  const { name } = columnOf(planned, ref)
  return ref.table === 0 && random.chance(70) ? name : `${planned.tables[ref.table]!.alias}.${name}`
}

function joinPairs(random: Random, planned: Planned, other: WorldTable): { left: Ref; right: { column: number } }[] {
  const pairs = planned.tables.flatMap(({ table }, t) =>
    table.columns.flatMap((left, l) =>
      other.columns.flatMap((right, r) =>
        COMPARABLE(left.type) &&
        left.type === right.type &&
        left.scale === right.scale &&
        left.precision === right.precision
          ? [{ left: { table: t, column: l }, right: { column: r } }]
          : [],
      ),
    ),
  )
  return random.some(pairs, random.chance(80) ? 1 : 2)
}

function addOutputs(random: Random, planned: Planned, definition: QueryDefinition): void {
  if (random.chance(20)) {
    planned.outputs = planned.tables[0]!.table.columns.map(({ name }, column) => ({ table: 0, column, name }))
    return
  }
  const taken = new Set<string>()
  definition.columns = []
  for (let i = 1 + random.below(8); i > 0; i--) {
    const ref = anyRef(random, planned)
    const column = named(random, planned, ref)
    const as = random.chance(40) ? random.pick(NAMES) : undefined
    if (taken.has(as ?? column)) continue
    taken.add(as ?? column)
    planned.outputs.push({ ...ref, name: as ?? column })
    definition.columns.push(as ? { column, as } : random.chance(50) ? { column } : column)
  }
}

export function addFilters(
  random: Random,
  planned: Planned,
  definition: QueryDefinition,
): Pick<Case, 'params' | 'asked' | 'missing'> {
  const params = new URLSearchParams()
  const asked: Ref[] = []
  let missing = false
  for (let i = random.below(4); i > 0; i--) {
    const ref = anyRef(random, planned)
    const column = columnOf(planned, ref)
    const op = random.pick(operatorsFor(column.type))
    const values = valuesFor(random, planned, ref, op)
    const filter: Filter = { column: named(random, planned, ref), ...(op === 'eq' && random.chance(50) ? {} : { op }) }
    const plan: PlannedFilter = { ...ref, op, values }
    const texts = typeof values === 'boolean' ? [String(values)] : values.map(v => v.text)
    if (random.chance(50)) {
      if (typeof values === 'boolean') filter.value = values
      else filter.value = op === 'in' || op === 'not_in' || op === 'between' ? texts : texts[0]!
    } else {
      const names = op === 'between' ? [`from ${i}`, `to${i}`] : [`${random.pick(NAMES)}.${i}`]
      filter.param = op === 'between' ? (names as [string, string]) : names[0]!
      const absent = random.pick(['required', 'default', 'left out'])
      if (absent === 'required') filter.required = true
      else if (absent === 'default') {
        const other = valuesFor(random, planned, ref, op)
        plan.values = other
        if (typeof other === 'boolean') filter.default = other
        else
          filter.default = op === 'in' || op === 'not_in' || op === 'between' ? other.map(v => v.text) : other[0]!.text
      } else plan.values = undefined
      if (random.chance(75)) {
        plan.values = values
        asked.push(ref)
        texts.forEach((text, position) => void params.append(names[op === 'between' ? position : 0]!, text))
      } else if (filter.required) missing = true
    }
    definition.filters = [...(definition.filters ?? []), filter]
    planned.filters.push(plan)
  }
  return { params, asked, missing }
}

/** The operators that a column of this type takes. */
export const operatorsFor = (type: string) =>
  OPERATORS.filter(op => op === 'is_null' || (COMPARABLE(type) && (!op.endsWith('like') || type === 'text')))

function valuesFor(random: Random, planned: Planned, ref: Ref, op: string): Value[] | boolean {
  const column = columnOf(planned, ref)
  const present = planned.tables[ref.table]!.table.rows.map(row => row[ref.column]!).filter(
    (cell): cell is Value => cell !== null,
  )
  return someValues(random, column, op, present)
}

export function someValues(random: Random, column: Column, op: string, present: Value[]): Value[] | boolean {
  if (op === 'is_null') return random.chance(50)
  const one = () => (present.length > 0 && random.chance(70) ? random.pick(present) : valueFor(random, column))
  if (op.endsWith('like')) {
    const { text } = one()
    const pattern = random.chance(30)
      ? text.replace(/[\\%_]/g, '\\$&')
      : text.replace(/[\\]/g, '\\\\').replace(/.$/su, random.pick(['%', '_', '']))
    const both = random.chance(30) ? `%${pattern.toUpperCase()}%` : pattern
    return [{ stored: both, out: both, text: both, order: Buffer.from(both) }]
  }
  if (op === 'in' || op === 'not_in') return Array.from({ length: 1 + random.below(4) }, one)
  return op === 'between' ? [one(), one()] : [one()]
}

export function makeGrant(random: Random, planned: Planned): Grant {
  const names = planned.tables.flatMap(({ alias, table }, t) =>
    table.columns.map(c => (t === 0 && random.chance(50) ? c.name : `${alias}.${c.name}`)),
  )
  const source = planned.tables[0]!.table
  const scoped = random
    .some([...source.columns.keys()], random.chance(50) ? 1 + random.below(2) : 0)
    .filter(at => COMPARABLE(source.columns[at]!.type))
  return grantWith({
    keyId: 1,
    masked: random.chance(60),
    sensitivityMax: random.pick(['low', 'medium', 'high', 'critical'] as const),
    allowedColumns: random.chance(35) ? new Set(random.some(names, 1 + random.below(names.length))) : null,
    rowScope: scoped.map(at => {
      const values: RowScopeValue[] = random.some(source.rows, random.below(6)).map(row => {
        const cell = row[at]!
        if (cell === null) return null
        return typeof cell.out === 'number' && random.chance(50)
          ? cell.out
          : typeof cell.out === 'boolean'
            ? cell.out
            : scopeText(cell)
      })
      return [source.columns[at]!.name, values] as const
    }),
  })
}
