/**
 * Random data, definitions, grants and requests against a reference that works everything out over plain arrays. What a
 * caller gets must be exactly what the policy table of ARCHITECTURE 7 says, and never hold a raw value that it hides.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset } from '../../src/catalog/datasets.ts'
import type { Grant, RowScopeValue } from '../../src/catalog/grant.ts'
import { type Filter, OPERATORS, type QueryDefinition } from '../../src/catalog/service-config.ts'
import { Fault } from '../../src/lib/fault.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import {
  columnOf,
  expectedRuns,
  mayFilter,
  type Planned,
  type PlannedFilter,
  type Ref,
  scopeText,
} from './reference.ts'
import { ask, grantWith, makeDataset, prepare, SECRET } from './table-fixture.ts'
import { type Cell, NAMES, Random, type Value, valueFor, type WorldTable, worldTable } from './world-fixture.ts'

const SEED = Number(process.env.PROPERTY_SEED ?? 20260801)
const WORLDS = Number(process.env.PROPERTY_WORLDS ?? 100)
const QUERIES_PER_WORLD = 12

const dir = mkdtempSync(join(tmpdir(), 'callgate-policy-'))
const runner = new QueryRunner(2)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

interface World {
  tables: WorldTable[]
  datasets: Dataset[]
}

function makeWorld(random: Random): World {
  const tables = [worldTable(random), worldTable(random)]
  const datasets = tables.map((table, i) =>
    makeDataset(dir, {
      name: `w.t${i}`,
      columns: table.columns,
      primaryKey: table.primaryKey,
      rows: table.rows.map(row => row.map(cell => cell && cell.stored)),
      indexes: random.chance(40) ? [[random.pick(table.columns).name]] : [],
      rowCount: random.chance(30) ? 1_000_000 : undefined, // as if too large for this process
    }),
  )
  return { tables, datasets }
}

/** A definition as an author writes it, the same resolved for the reference, and the parameters of one request. */
interface Case {
  definition: QueryDefinition
  planned: Planned
  params: URLSearchParams
  /** the columns that the request itself filters on */
  asked: Ref[]
  missing: boolean
}

const COMPARABLE = (type: string) => type !== 'blob' && type !== 'json'

function makeCase(random: Random, world: World): Case {
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
  addOutputs(random, planned, definition)
  const request = addFilters(random, planned, definition)
  for (let i = random.below(3); i > 0; i--) {
    const ref = anyRef(random, planned)
    const descending = random.chance(50)
    const output = random.chance(40) ? random.pick(planned.outputs) : undefined
    const column = output?.name ?? named(random, planned, ref)
    const meant = planned.outputs.find(o => o.name === column) ?? ref
    planned.order.push({ table: meant.table, column: meant.column, descending })
    definition.order_by = [...(definition.order_by ?? []), { column, ...(descending ? { direction: 'desc' } : {}) }]
  }
  return { definition, planned, ...request }
}

const anyRef = (random: Random, planned: Planned): Ref => {
  const table = random.below(planned.tables.length)
  return { table, column: random.below(planned.tables[table]!.table.columns.length) }
}

function named(random: Random, planned: Planned, ref: Ref): string {
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

function addFilters(
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
    const ops = OPERATORS.filter(
      op => op === 'is_null' || (COMPARABLE(column.type) && (!op.endsWith('like') || column.type === 'text')),
    )
    const op = random.pick(ops)
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
      if (random.chance(40)) filter.required = true
      else if (random.chance(40)) {
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

function valuesFor(random: Random, planned: Planned, ref: Ref, op: string): Value[] | boolean {
  if (op === 'is_null') return random.chance(50)
  const column = columnOf(planned, ref)
  const present = planned.tables[ref.table]!.table.rows.map(row => row[ref.column]!).filter(
    (cell: Cell) => cell !== null,
  )
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

function makeGrant(random: Random, planned: Planned): Grant {
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

/** Every unmistakable value that the caller may not see raw in any column, as text. */
function hiddenMarks(planned: Planned, grant: Grant): string[] {
  const marks = new Map<string, boolean>()
  planned.tables.forEach(({ table }, t) =>
    table.rows.forEach(row =>
      row.forEach((cell, column) => {
        if (cell === null || !/^Mk\d{9}|^7\d{8}$|^77\d{4}/.test(cell.text)) return
        marks.set(cell.text, (marks.get(cell.text) ?? true) && !mayFilter(planned, grant, { table: t, column }))
      }),
    ),
  )
  return [...marks].filter(([, hidden]) => hidden).map(([text]) => text)
}

async function check(random: Random, world: World): Promise<'answered' | 'refused'> {
  const made = makeCase(random, world)
  const grant = makeGrant(random, made.planned)
  const limit = random.chance(30) ? 1 + random.below(7) : 1000
  try {
    return await checkCase(made, grant, limit, world)
  } catch (error) {
    const { allowedColumns, ...rest } = grant
    const shown = { ...rest, allowedColumns: allowedColumns && [...allowedColumns] }
    throw new Error(`${JSON.stringify(made.definition)}\n?${made.params}\n${JSON.stringify(shown)}\n${error}`, {
      cause: error,
    })
  }
}

async function checkCase(
  { definition, planned, params, asked, missing }: Case,
  grant: Grant,
  limit: number,
  world: World,
): Promise<'answered' | 'refused'> {
  const prepared = prepare(definition, world.datasets, runner)
  const hidden = hiddenMarks(planned, grant)
  const closed = asked.some(ref => !mayFilter(planned, grant, ref))
  if (closed || missing) {
    const fault = await ask(prepared, params.toString(), grant).then(
      () => undefined,
      error => error,
    )
    expect(fault).toBeInstanceOf(Fault)
    expect(fault.status).toBe(closed ? 403 : 422)
    const said = JSON.stringify([fault.message, fault.members, fault.headers])
    for (const mark of hidden) expect(said).not.toContain(mark)
    expect(said).not.toMatch(/SELECT |SQLite/)
    return 'refused'
  }
  const { names, runs } = expectedRuns(planned, grant, SECRET)
  const total = runs.flat().length
  const pages: string[] = []
  for (let offset = 0; ; offset += limit) {
    params.set('limit', String(limit))
    params.set('offset', String(offset))
    const reply = await ask(prepared, params.toString(), grant)
    expect(reply.columns.map(c => c.name)).toEqual(names)
    expect([reply.limit, reply.offset, reply.count]).toEqual([limit, offset, reply.rows.length])
    expect(reply.has_more).toBe(offset + limit < total)
    const text = JSON.stringify(reply)
    for (const mark of hidden) if (text.includes(mark)) throw new Error(`a hidden value is in the answer: ${mark}`)
    for (const row of reply.rows) {
      expect(Object.keys(row).sort()).toEqual([...names].sort())
      pages.push(JSON.stringify(names.map(name => row[name])))
    }
    if (!reply.has_more) break
  }
  expect(pages).toHaveLength(total)
  let at = 0
  for (const run of runs) expect(pages.slice(at, (at += run.length)).sort()).toEqual([...run].sort())
  return 'answered'
}

describe('what a caller gets is exactly what its grant and the definition say, on every page', () => {
  for (let w = 0; w < WORLDS; w++)
    test(`world ${SEED + w}`, async () => {
      const random = new Random(SEED + w)
      const world = makeWorld(random)
      const outcomes = { answered: 0, refused: 0 }
      for (let q = 0; q < QUERIES_PER_WORLD; q++) outcomes[await check(random, world)]++
      expect(outcomes.answered).toBeGreaterThan(0)
      for (const { file } of world.datasets) await runner.release(file)
    })
})
