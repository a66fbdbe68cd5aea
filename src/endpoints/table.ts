import { adminGrant, type Method } from '../catalog/grant.ts'
import type { QueryDefinition } from '../catalog/query-definition.ts'
import type { TableEndpoint } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { QueryAnswers } from '../query/answers.ts'
import { compileQuery, RESERVED } from '../query/compile.ts'
import { PreparedQuery } from '../query/prepared.ts'
import type { Query } from '../query/query.ts'
import { comparable } from '../query/values.ts'
import type { Endpoint } from './endpoint.ts'
import { type Compiling, resolverOf } from './query.ts'
import type { EndpointRuntime } from './runtime.ts'
import { TableRows } from './table-rows.ts'

const MAX_COLUMNS = 500
/** The parameter that chooses the order of the list. */
const ORDER = 'order'
const OF_ROWS: Method[] = ['PUT', 'PATCH', 'DELETE']

/** @throws Fault 422 what does not fit the dataset; checking it, 503 `data_missing` */
export function compileTableEndpoint(
  endpoint: TableEndpoint,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
  { unchecked, datasets = new Map() }: Compiling = {},
): Endpoint {
  const resolve = resolverOf(store, projectId, runtime, datasets)
  const query = compileQuery(listOf(endpoint, resolve), resolve)
  const methods = new Set<Method>(endpoint.methods ?? ['GET'])
  checkMethods(query, methods)
  const { dataset, columns } = endpoint
  const identity = JSON.stringify([projectId, endpoint])
  const list = new PreparedQuery(query, runtime.queries, runtime.secret, identity)
  const table = new TableRows(query, methods, runtime, { projectId, dataset, endpoint: endpoint.id, columns })
  const admin = adminGrant(projectId)
  if (!unchecked) list.check(admin)
  return {
    id: endpoint.id,
    kind: 'table',
    methods: [...methods],
    takesBody: false,
    files: query.tables.flatMap(t => t.dataset.file || []),
    ...(unchecked ? {} : { warnings: list.advice(admin) }),
    table,
    answers: new QueryAnswers(list, runtime.answers, 0),
    run(call, grant) {
      table.check(grant, 'GET', false)
      return list.run(grant, call.params, call.deadline, call.caller)
    },
  }
}

/** The list as a query: every column that can be compared is a filter by its name, and an order. */
function listOf(
  { dataset: name, columns, pagination }: TableEndpoint,
  resolve: ReturnType<typeof resolverOf>,
): QueryDefinition {
  const dataset = resolve(name)
  if (!dataset) throw unprocessable(`The project has no dataset ${shown(name)}.`)
  const own = columns ?? dataset.columns.map(c => c.name)
  if (own.length > MAX_COLUMNS)
    throw unprocessable(`${shown(name)} has more than ${MAX_COLUMNS} columns; say which with "columns".`)
  for (const key of dataset.primaryKey ?? [])
    if (!own.includes(key)) throw unprocessable(`columns leaves out ${shown(key)}, which is in the primary key.`)
  for (const column of own)
    if (!dataset.columns.some(c => c.name === column)) throw unprocessable(`columns: there is no ${shown(column)}.`)
  const compared = dataset.columns.filter(c => own.includes(c.name) && comparable(c)).map(c => c.name)
  const [schema, table] = name.split('.', 2) as [string, string]
  const sortable = compared.filter(column => !column.startsWith('-'))
  return {
    source: { schema, table },
    columns: own,
    filters: compared
      .filter(column => !RESERVED.has(column) && column !== ORDER)
      .map(column => ({ column, op: 'in', param: column })),
    ...(sortable.length ? { order_by: [{ param: ORDER, allow: sortable }] } : {}),
    ...(pagination ? { pagination } : {}),
  }
}

/** @throws Fault 422 methods that the dataset cannot have */
function checkMethods(query: Query, methods: ReadonlySet<Method>): void {
  const { dataset } = query.tables[0]!
  const { primaryKey, columns } = dataset
  if ([...methods].every(method => method === 'GET')) return
  if (!dataset.writable)
    throw unprocessable(`${dataset.name} cannot be written to: give the dataset "writable: true", or leave only GET.`)
  const unkeyed = OF_ROWS.find(method => methods.has(method))
  if (unkeyed && !primaryKey)
    throw unprocessable(`${dataset.name} has no primary key, which ${unkeyed} needs to find rows.`)
  if (!methods.has('POST') && !methods.has('PUT')) return
  const missing = columns.find(c => !c.nullable && !c.given && !query.outputs.some(o => o.column.name === c.name))
  if (missing) throw unprocessable(`columns leaves out ${shown(missing.name)}, without which there is no new row.`)
}
