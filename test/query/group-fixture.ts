/** Random grouped definitions over the tables of a world. */
import { AGGREGATES, type Filter, type QueryDefinition } from '../../src/catalog/query-definition.ts'
import {
  addFilters,
  addOrder,
  anyRef,
  type Case,
  COMPARABLE,
  makeTables,
  named,
  operatorsFor,
  someValues,
} from './case-fixture.ts'
import { columnOf, type Planned, type PlannedCondition, type Ref } from './reference.ts'
import { isExact, type PlannedAggregate, resultColumn } from './reference-groups.ts'
import { NAMES, type Random, type WorldTable } from './world-fixture.ts'

const SUMMED = new Set(['integer', 'float', 'decimal'])

export function makeGroupedCase(random: Random, world: { tables: WorldTable[] }): Case {
  const { definition, planned } = makeTables(random, world)
  const groups = distinctRefs(Array.from({ length: random.below(4) }, () => anyRef(random, planned))).filter(ref =>
    COMPARABLE(columnOf(planned, ref).type),
  )
  const aggregates: PlannedAggregate[] = []
  Object.assign(planned, { groups, aggregates, columns: [], names: [], having: [] })
  definition.columns = []
  if (groups.length) definition.group_by = groups.map(ref => named(random, planned, ref))
  for (const ref of groups) {
    if (!random.chance(75)) continue
    const column = named(random, planned, ref)
    if (planned.names!.includes(column)) continue
    definition.columns.push(column)
    planned.columns!.push(ref)
    planned.names!.push(column)
  }
  for (let i = 1 + random.below(4); i > 0; i--) addAggregate(random, planned, definition, `${random.pick(NAMES)} ${i}`)
  const request = addFilters(random, planned, definition)
  const exact = aggregates.filter(a => isExact(planned, a))
  for (const a of random.some(exact, random.below(2))) addHaving(random, planned, definition, request.params, a)
  for (let i = random.below(3); i > 0; i--) {
    const byGroup = random.chance(50)
    if (byGroup && groups.length > 0) {
      const ref = random.pick(groups)
      const name = named(random, planned, ref)
      // an alias of the answer is meant before a column
      const at = planned.names!.indexOf(name)
      if (at < 0 || planned.columns![at] === ref) addOrder(random, definition, planned, request, name, ref)
    } else if (!byGroup && exact.length > 0) {
      const { name } = random.pick(exact)
      addOrder(random, definition, planned, request, name, name)
    }
  }
  const counted = [...groups, ...aggregates.flatMap(a => a.of ?? [])]
  return { definition, planned, counted, ...request }
}

const distinctRefs = (refs: Ref[]): Ref[] =>
  refs.filter((ref, i) => refs.findIndex(other => other.table === ref.table && other.column === ref.column) === i)

function addAggregate(random: Random, planned: Planned, definition: QueryDefinition, name: string): void {
  const of = random.chance(15) ? undefined : anyRef(random, planned)
  const type = of && columnOf(planned, of).type
  const fns = AGGREGATES.filter(fn => {
    if (fn === 'count') return true
    if (!type || !COMPARABLE(type)) return false
    return fn === 'sum' || fn === 'avg' ? SUMMED.has(type) : true
  })
  const fn = random.pick(fns)
  const column = of && named(random, planned, of)
  planned.aggregates!.push({ name, fn, ...(of ? { of } : {}) })
  planned.columns!.push(name)
  planned.names!.push(name)
  definition.columns!.push({ fn, as: name, ...(column === undefined ? {} : { column }) })
}

function addHaving(
  random: Random,
  planned: Planned,
  definition: QueryDefinition,
  params: URLSearchParams,
  aggregate: PlannedAggregate,
): void {
  const column = resultColumn(planned, aggregate)
  const op = random.pick(operatorsFor(column.type))
  const values = someValues(random, column, op, [])
  const texts = typeof values === 'boolean' ? [String(values)] : values.map(v => v.text)
  const list = op === 'in' || op === 'not_in' || op === 'between'
  const filter: Filter = { column: aggregate.name, op }
  const condition: PlannedCondition = { op, values }
  if (op === 'between' || random.chance(50)) {
    filter.value = typeof values === 'boolean' ? values : list ? texts : texts[0]!
  } else {
    filter.param = 'having this'
    if (random.chance(70)) for (const text of texts) params.append(filter.param, text)
    else condition.values = undefined
  }
  definition.having = [...(definition.having ?? []), filter]
  planned.having!.push({ ...condition, name: aggregate.name })
}
