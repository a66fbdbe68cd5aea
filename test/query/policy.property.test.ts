/**
 * Random data, definitions, grants and requests against a reference that works everything out over plain arrays. What a
 * caller gets must be exactly what the README's table of policy says, and never hold a raw value that it hides.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset, EngineName } from '../../src/catalog/datasets.ts'
import type { Grant } from '../../src/catalog/grant.ts'
import { Fault } from '../../src/lib/fault.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { type Case, makeCase, makeGrant } from './case-fixture.ts'
import { makeFilesDataset } from './duck-fixture.ts'
import { checkForms } from './forms-fixture.ts'
import { makeGroupedCase } from './group-fixture.ts'
import { connectionsTo, makeTableDataset } from './postgres-fixture.ts'
import { noPostgres, startPostgres } from './postgres-server.ts'
import { expectedRuns, joinedRows, mayFilter, type Planned } from './reference.ts'
import { About, distinctRows, groupRows, mayOverflow } from './reference-groups.ts'
import { ask, makeDataset, prepare, SECRET, type TableSpec } from './table-fixture.ts'
import { Random, type WorldTable, worldTable } from './world-fixture.ts'

const SEED = Number(process.env.PROPERTY_SEED ?? 20260801)
const WORLDS = Number(process.env.PROPERTY_WORLDS ?? 60)
/** Of the engines that take longer to make a world in, one of so many. */
const FEWER = 3
const QUERIES_PER_WORLD = 12
/** So many rows are asked for as a stream, where they are not read in this process. */
const MANY = 2000

const dir = mkdtempSync(join(tmpdir(), 'callgate-policy-'))
const skipped = noPostgres()
if (skipped) console.warn(`postgres: skipped, as ${skipped}`)
// words of this database are sorted by a language's rules, answers nevertheless by their bytes
const server = skipped ? undefined : await startPostgres('icu')
const connections = server ? connectionsTo(server) : new Connections(() => '', 0)
const runner = new QueryRunner(2, { scratchDir: dir, connections })
afterAll(async () => {
  runner.close()
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

interface World {
  tables: WorldTable[]
  datasets: Dataset[]
}

const MAKERS: Record<EngineName, (spec: TableSpec) => Dataset | Promise<Dataset>> = {
  sqlite: spec => makeDataset(dir, spec),
  duckdb: spec => makeFilesDataset(dir, spec),
  postgres: spec => makeTableDataset(server!, spec),
}

async function makeWorld(random: Random, engine: EngineName): Promise<World> {
  const tables = [worldTable(random), worldTable(random)].map(table => ({ ...table, heap: engine === 'postgres' }))
  const datasets: Dataset[] = []
  for (const [i, { columns, primaryKey, rows }] of tables.entries())
    datasets.push(
      await MAKERS[engine]({
        name: `w.t${i}`,
        columns,
        primaryKey,
        rows: rows.map(row => row.map(cell => cell?.stored ?? null)),
        indexes: random.chance(40) ? [[random.pick(columns).name]] : [],
        rowCount: random.chance(30) ? 1_000_000 : undefined, // as if too large for this process
      }),
    )
  return { tables, datasets }
}

/** Every unmistakable value that the caller may not see raw in any column, as text. */
function hiddenMarks(planned: Planned, grant: Grant): string[] {
  const marks = new Map<string, boolean>()
  for (const [t, { table }] of planned.tables.entries())
    for (const row of table.rows)
      for (const [column, cell] of row.entries()) {
        if (cell === null || !/^Mk\d{9}|^7\d{8}$|^77\d{4}/.test(cell.text)) continue
        const hidden = !mayFilter(planned, grant, { table: t, column })
        marks.set(cell.text, (marks.get(cell.text) ?? true) && hidden)
      }
  return [...marks].filter(([, hidden]) => hidden).map(([text]) => text)
}

async function check(random: Random, world: World): Promise<'answered' | 'refused'> {
  const made = random.chance(40) ? makeGroupedCase(random, world) : makeCase(random, world)
  const { definition } = made
  const asksTotal = random.chance(35)
  definition.pagination = { max_limit: MANY, ...(asksTotal ? { total: true } : {}) }
  const byCursor = random.chance(60)
  const grant = makeGrant(random, made.planned)
  const limit = random.chance(30) ? 1 + random.below(7) : random.chance(30) ? MANY : 1000
  try {
    return await checkCase(made, grant, limit, world, byCursor)
  } catch (error) {
    const { allowedColumns, ...rest } = grant
    const shown = { ...rest, allowedColumns: allowedColumns && [...allowedColumns] }
    throw new Error(
      `${JSON.stringify(made.definition)}\n?${made.params}\n${JSON.stringify(shown)}\n${error} ${(error as Error).cause ?? ''}`,
      {
        cause: error,
      },
    )
  }
}

async function checkCase(
  made: Case,
  grant: Grant,
  limit: number,
  world: World,
  byCursor: boolean,
): Promise<'answered' | 'refused'> {
  const { definition, planned, params, asked, counted, missing } = made
  const prepared = prepare(definition, world.datasets, runner)
  const hidden = hiddenMarks(planned, grant)
  const closed = [...asked, ...counted].some(ref => !mayFilter(planned, grant, ref))
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
  const { names, runs } = expected(planned, grant)
  const total = runs.flat().length
  const pages: string[] = []
  let next: string | undefined
  try {
    for (let offset = 0; ; offset += limit) {
      params.set('limit', String(limit))
      params.delete('cursor')
      params.delete('offset')
      if (next !== undefined) params.set('cursor', next)
      else params.set('offset', String(offset))
      const reply = await ask(prepared, params.toString(), grant)
      expect(reply.columns.map(c => c.name)).toEqual(names)
      expect([reply.limit, reply.offset, reply.count]).toEqual([
        limit,
        next === undefined ? offset : 0,
        reply.rows.length,
      ])
      expect(reply.has_more).toBe(offset + limit < total)
      expect(reply.total).toBe(definition.pagination?.total ? total : undefined)
      expect(reply.next !== undefined).toBe(reply.has_more && hasUniqueEnd(planned))
      const text = JSON.stringify(reply)
      for (const mark of hidden) if (text.includes(mark)) throw new Error(`a hidden value is in the answer: ${mark}`)
      for (const row of reply.rows) {
        expect(Object.keys(row).sort()).toEqual([...names].sort())
        pages.push(JSON.stringify(names.map(name => row[name])))
      }
      if (offset === 0) await checkForms({ prepared, grant, params, reply, hidden })
      if (!reply.has_more) break
      if (byCursor) next = reply.next
    }
  } catch (error) {
    if (error instanceof Fault && error.code === 'sum_overflow' && planned.groups)
      if (mayOverflow(planned, joinedRows(planned, grant))) return 'refused'
    throw error
  }
  expect(pages).toHaveLength(total)
  if (planned.groups) seen.groups++
  if (planned.distinct) seen.distinct++
  if (next !== undefined) seen.cursors++
  let at = 0
  for (const run of runs) {
    const found = pages.slice(at, at + run.length)
    if (planned.groups) expectRow(JSON.parse(found[0]!), run[0] as never)
    else expect(found.sort()).toEqual([...run].sort())
    at += run.length
  }
  return 'answered'
}

/** What must come: of groups each run is one row, whose cells are not text yet. */
function expected(planned: Planned, grant: Grant): { names: string[]; runs: string[][] } {
  if (planned.groups) {
    const rows = groupRows(planned, joinedRows(planned, grant))
    return { names: planned.names!, runs: rows.map(row => [row as never]) }
  }
  if (!planned.distinct) return expectedRuns(planned, grant, SECRET)
  const rows = distinctRows(planned, joinedRows(planned, grant))
  return { names: planned.outputs.map(o => o.name), runs: rows.map(row => [JSON.stringify(row)]) }
}

function expectRow(found: unknown[], wanted: unknown[]): void {
  const near = wanted.map((cell, i) => {
    if (!(cell instanceof About)) return cell
    const number = found[i] as number
    expect(typeof number).toBe('number')
    const off = Math.abs(number - cell.number)
    expect(off <= 1e-9 * Math.max(Math.abs(cell.number), 1e-300) || off < 1e-9).toBe(true)
    return number
  })
  expect(found).toEqual(near)
}

/** Whether the order ends in a key of every table whose rows it must tell apart. */
const hasUniqueEnd = (planned: Planned): boolean =>
  planned.groups !== undefined ||
  planned.distinct === true ||
  planned.tables.every(({ table }) => table.primaryKey !== undefined)

const seen = { answered: 0, refused: 0, groups: 0, distinct: 0, cursors: 0 }

for (const engine of Object.keys(MAKERS) as EngineName[])
  describe.skipIf(engine === 'postgres' && skipped !== undefined)(
    `${engine}: what a caller gets is exactly what its grant and the definition say, on every page`,
    () => {
      const worlds = engine === 'sqlite' ? WORLDS : Math.ceil(WORLDS / FEWER)
      for (let w = 0; w < worlds; w++)
        test(`world ${SEED + w}`, async () => {
          const random = new Random(SEED + w)
          const world = await makeWorld(random, engine)
          const outcomes = { answered: 0, refused: 0 }
          for (let q = 0; q < QUERIES_PER_WORLD; q++) outcomes[await check(random, world)]++
          for (const kind of ['answered', 'refused'] as const) seen[kind] += outcomes[kind]
          if (engine === 'sqlite') for (const { file } of world.datasets) await runner.release(file)
        })

      test('and of every kind of query there were some', () => {
        for (const count of Object.values(seen)) expect(count).toBeGreaterThan(worlds / 12 - 1)
        for (const kind of Object.keys(seen)) seen[kind as keyof typeof seen] = 0
      })
    },
  )
