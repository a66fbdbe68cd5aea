/** What a call of an endpoint takes, from its definition and what that refers to: for forms and code samples. */
import type { Filter, QueryDefinition } from '../../../catalog/query-definition.ts'
import type { EndpointConfig } from '../../../catalog/service-config.ts'
import type { DatasetRow } from '../../../management/datasets.ts'
import type { ModelRow } from '../../../management/models.ts'
import { answerName } from '../services/query/tables.ts'
import { exampleOfSchema } from './schema-example.ts'

export interface Parameter {
  name: string
  /** a column's type; `choice`: one of `choices` */
  type: string
  required: boolean
  /** it may be given several times */
  many: boolean
  choices?: string[]
  description?: string
  /** a value that it can have */
  example?: string
  /** what is meant where it is left out */
  fallback?: string
}

export type Feature = ModelRow['features'][number]

export interface CallShape {
  method: string
  parameters: Parameter[]
  /** of a model; undefined where it is not known */
  features?: readonly Feature[]
  /** whether a JSON body is sent */
  takesBody: boolean
  /** a body to begin with */
  body?: unknown
  /** the answer is not known to be JSON */
  answersText?: boolean
  /** a table that is not read: what is sent changes it, and so is not tried */
  isWrite?: boolean
}

/** What endpoints refer to, in their project. */
export interface Surroundings {
  datasets: DatasetRow[]
  models: ModelRow[]
  /** a first row by dataset, for values that there are */
  samples?: Record<string, Record<string, unknown> | undefined>
}

/** The datasets that an endpoint reads, its source first. */
export function datasetsOf(endpoint: EndpointConfig): string[] {
  if (endpoint.kind === 'lookup' || endpoint.kind === 'table') return [endpoint.dataset]
  if (endpoint.kind !== 'sql') return []
  const { source, joins = [] } = endpoint.query
  return [source, ...joins].map(({ schema, table }) => `${schema}.${table}`)
}

export function shapeOf(endpoint: EndpointConfig, around: Surroundings): CallShape {
  switch (endpoint.kind) {
    case 'sql':
      return rows([...queryParameters(endpoint.query, around), ...paging()])
    case 'lookup': {
      const { dataset, key_column, key_param = 'id', key_description, key_example } = endpoint
      const sample = around.samples?.[dataset]?.[key_column]
      return rows([
        {
          name: key_param,
          type: typeIn(around, dataset, key_column),
          required: true,
          many: false,
          description: key_description,
          example: textOf(key_example ?? sample),
        },
        ...paging(),
      ])
    }
    case 'table': {
      const columns = columnsIn(around, endpoint.dataset).filter(c => endpoint.columns?.includes(c.name) ?? true)
      const methods: string[] = endpoint.methods ?? ['GET']
      if (!methods.includes('GET') && methods.includes('POST'))
        return {
          method: 'POST',
          parameters: [],
          takesBody: true,
          isWrite: true,
          body: newRow(columns, keyOf(around, endpoint.dataset)),
        }
      const filters = columns
        .filter(c => c.data_type !== 'json' && c.data_type !== 'blob')
        .map(c => ({ name: c.name, type: c.data_type, required: false, many: true }))
      const names = filters.map(({ name }) => name)
      const order = { name: 'order', type: 'choice', required: false, many: true, choices: bothWays(names) }
      return rows([...filters.filter(({ name }) => name !== 'order'), order, ...paging()])
    }
    case 'model': {
      const model = around.models.find(
        ({ name, versions }) =>
          name === endpoint.model || versions.some(({ model_id }) => model_id === endpoint.model_id),
      )
      const features = model?.features
      const body = { features: Object.fromEntries((features ?? []).map(f => [f.name, exampleOf(f)])) }
      return { method: 'POST', parameters: [], features, takesBody: true, body }
    }
    case 'function': {
      const methods: string[] = endpoint.methods ?? ['POST']
      const method = methods.includes('POST') ? 'POST' : methods[0]!
      const takesBody = method !== 'GET' && method !== 'DELETE'
      return {
        method,
        parameters: [],
        takesBody,
        ...(takesBody ? { body: exampleOfSchema(endpoint.request_schema) } : {}),
        answersText: endpoint.response_schema === undefined,
      }
    }
  }
}

/** A row to add: what it needs, and what everybody may write. A key that is one integer is given to it. */
const newRow = (columns: DatasetRow['columns'], [key, ...others]: readonly string[]) =>
  Object.fromEntries(
    columns
      .filter(({ name, data_type }) => name !== key || others.length > 0 || data_type !== 'integer')
      .filter(({ nullable, sensitivity }) => !nullable || sensitivity === 'low')
      .map(({ name, data_type }) => [name, ROW_EXAMPLES[data_type] ?? 'text']),
  )

/** A value of each type of column, as JSON has it. */
export const EXAMPLES: Record<string, unknown> = {
  integer: 1,
  float: 1.5,
  decimal: '1.50',
  boolean: true,
  date: '2026-01-31',
  timestamp: '2026-01-31T12:00:00',
  timestamptz: '2026-01-31T12:00:00Z',
  time: '12:00:00',
}

/** Rows have what no parameter is. */
const ROW_EXAMPLES: Record<string, unknown> = { ...EXAMPLES, json: {}, blob: 'dGV4dA==' }

const rows = (parameters: Parameter[]): CallShape => ({ method: 'GET', parameters, takesBody: false })

const paging = (): Parameter[] =>
  ['limit', 'offset'].map(name => ({ name, type: 'integer', required: false, many: false }))

function queryParameters(query: QueryDefinition, around: Surroundings): Parameter[] {
  const tables = [query.source, ...(query.joins ?? [])].map(({ schema, table, as }) => ({
    alias: as ?? table,
    dataset: `${schema}.${table}`,
  }))
  const placeOf = (column: string) => {
    const joined = tables.find(({ alias }) => column.startsWith(`${alias}.`))
    return { dataset: (joined ?? tables[0]!).dataset, name: joined ? column.slice(joined.alias.length + 1) : column }
  }
  const filters = (query.filters ?? []).flatMap(filter => {
    const { dataset, name } = placeOf(filter.column)
    return ofFilter(filter, typeIn(around, dataset, name), around.samples?.[dataset]?.[name])
  })
  const typeOfAggregate = (answer: string) => {
    const found = query.columns?.find(column => answerName(column) === answer)
    const { fn, column = '' } = typeof found === 'object' ? found : {}
    if (fn === 'count' || fn === 'count_distinct') return 'integer'
    if (fn === 'avg') return 'float'
    const { dataset, name } = placeOf(column)
    return typeIn(around, dataset, name)
  }
  const having = (query.having ?? []).flatMap(filter => ofFilter(filter, typeOfAggregate(filter.column), undefined))
  const orders = (query.order_by ?? []).flatMap(({ param, allow = [], default: fallback, description }) =>
    param === undefined
      ? []
      : [
          {
            name: param,
            type: 'choice',
            required: false,
            many: true,
            choices: bothWays(allow),
            description,
            fallback: textOf(fallback),
          },
        ],
  )
  return [...filters, ...having, ...orders]
}

function ofFilter(filter: Filter, type: string, sample: unknown): Parameter[] {
  const { op = 'eq', param, required = false, default: fallback, example, description } = filter
  if (param === undefined) return []
  const names = typeof param === 'string' ? [param] : param
  return names.map((name, position) => ({
    name,
    type: op === 'is_null' ? 'boolean' : type,
    required,
    many: op === 'in' || op === 'not_in',
    description,
    example: textOf(op === 'is_null' ? true : (at(example, position) ?? at(fallback, position) ?? sample)),
    fallback: textOf(Array.isArray(param) ? at(fallback, position) : fallback),
  }))
}

const at = (value: unknown, position: number): unknown => (Array.isArray(value) ? value[position] : value)

const bothWays = (names: string[]) => names.flatMap(name => [name, `-${name}`])

const columnsIn = ({ datasets }: Surroundings, dataset: string) =>
  datasets.find(({ name }) => name === dataset)?.columns ?? []

const keyOf = ({ datasets }: Surroundings, dataset: string) =>
  datasets.find(({ name }) => name === dataset)?.primary_key ?? []

const typeIn = (around: Surroundings, dataset: string, column: string): string =>
  columnsIn(around, dataset).find(({ name }) => name === column)?.data_type ?? 'text'

const textOf = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined
  return Array.isArray(value) ? value.join(', ') : String(value)
}

const isNumeric = (type: string): boolean => /^(u?int|float|double|bfloat)/.test(type)

/** Values of an example: a picture's would be a text of megabytes. */
const MOST_VALUES = 4096

/** A value of the feature's type, in its shape: whatever the model makes of it. A list to be filled in, where that is too long. */
export function exampleOf({ type, shape }: Feature): unknown {
  if (shape.reduce<number>((count, size) => count * (size ?? 1), 1) > MOST_VALUES) return []
  const one = isNumeric(type) ? 1 : type === 'bool' ? true : 'text'
  return shape.reduceRight<unknown>((inner, size) => Array.from({ length: size ?? 1 }, () => inner), one)
}
