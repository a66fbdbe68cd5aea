/**
 * The policy (README, "Keys and what they see"), in this one place: what a Grant makes of a compiled query, before any row is read.
 * Everything after it (SQL, answer, log) sees only what this lets through.
 */
import { type Column, SENSITIVITIES, type Sensitivity } from '../catalog/column.ts'
import type { Grant } from '../catalog/grant.ts'
import { forbidden } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { dialectOf } from './dialects.ts'
import type { ColumnRef, Output, Query, QueryFilter } from './query.ts'
import { comparable, type StoredValue } from './values.ts'

export type Treatment = 'raw' | 'masked' | 'blocked'

/** A condition that a row scope adds to one table of the query. */
export interface ScopeCondition extends ColumnRef {
  values: StoredValue[]
  orNull: boolean
}

/** A query as one caller may run it. */
export interface View {
  query: Query
  outputs: (Output & { treatment: Treatment })[]
  scope: ScopeCondition[]
  /** parameters that this caller may not use, as they would filter on what it may not see raw */
  closedParams: ReadonlySet<string>
  /** of each parameter that chooses an order, the choices that this caller may not make, for the same reason */
  closedChoices: ReadonlyMap<string, ReadonlySet<string>>
}

const TIER: Record<Sensitivity, number> = Object.fromEntries(SENSITIVITIES.map((s, i) => [s, i])) as never

/** Equal for grants that see the same of everything. */
export const policyKey = (grant: Grant): string =>
  JSON.stringify([
    grant.masked,
    grant.sensitivityMax,
    grant.allowedColumns && [...grant.allowedColumns],
    grant.rowScope,
  ])

function treatmentOf(grant: Grant, column: Column): Treatment {
  // the cap binds unmasked keys too
  if (TIER[column.sensitivity] > TIER[grant.sensitivityMax]) return 'blocked'
  return grant.masked && TIER[column.sensitivity] >= TIER.medium ? 'masked' : 'raw'
}

function allowed(grant: Grant, query: Query, ref: ColumnRef): boolean {
  if (grant.allowedColumns === null) return true
  const qualified = `${query.tables[ref.table]!.alias}.${ref.column.name}`
  return grant.allowedColumns.has(qualified) || (ref.table === 0 && grant.allowedColumns.has(ref.column.name))
}

/**
 * @throws Fault 403 the grant's row scope names a column that the query's source lacks, or the query groups, aggregates or
 * makes distinct what the caller may not see raw: how many there are of a hidden value tells of it
 */
export function viewOf(query: Query, grant: Grant): View {
  const maySeeRaw = (ref: ColumnRef) => treatmentOf(grant, ref.column) === 'raw' && allowed(grant, query, ref)
  const closed = (filter: QueryFilter) => (filter.aggregate || maySeeRaw(filter) ? [] : (filter.params ?? []))
  const counted = [...(query.groups ?? []), ...query.outputs.flatMap(o => o.aggregate?.of ?? (query.distinct ? o : []))]
  if (!counted.every(maySeeRaw))
    throw forbidden('This key may not see, unmasked, every column that this endpoint groups, aggregates or compares.')
  return {
    query,
    outputs: query.outputs
      .filter(output => output.aggregate || allowed(grant, query, output))
      .map(output => ({ ...output, treatment: output.aggregate ? 'raw' : treatmentOf(grant, output.column) })),
    scope: scopeOf(query, grant),
    closedParams: new Set(query.filters.flatMap(closed)),
    closedChoices: new Map(
      [...query.orderParams].map(([param, { choices }]) => [
        param,
        new Set([...choices].filter(([, term]) => !term.aggregate && !maySeeRaw(term)).map(([name]) => name)),
      ]),
    ),
  }
}

function scopeOf(query: Query, grant: Grant): ScopeCondition[] {
  const conditions: ScopeCondition[] = []
  const { encode } = dialectOf(query)
  for (const [name, values] of grant.rowScope)
    for (const [index, table] of query.tables.entries()) {
      const column = table.columns.get(name)
      if (index === 0 && (!column || !comparable(column)))
        throw forbidden(`This key's row scope is on ${shown(name)}, which this endpoint's data does not have.`)
      if (!column) continue
      // a value that is not of the column's type matches no row: the scope only ever narrows
      const encoded = values.filter(v => v !== null).map(v => encode(column, String(v)))
      conditions.push({
        table: index,
        column,
        values: encoded.filter(v => v !== undefined),
        orNull: values.includes(null),
      })
    }
  return conditions
}
