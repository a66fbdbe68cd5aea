import type { Column } from '../../catalog/column.ts'
import type { Dataset } from '../../catalog/datasets.ts'
import { UNBOUNDED } from '../engines/postgres/values.ts'
import { fractionDigits } from '../values.ts'
import { givesKeys } from './view.ts'

type Schema = Record<string, unknown>

const VALUE: Record<Column['type'], (column: Column) => Schema> = {
  integer: () => ({ type: ['integer', 'string'], format: 'int64', pattern: '^[+-]?\\d{1,19}$' }),
  float: () => ({ type: 'number' }),
  decimal: ({ precision, scale = 0 }) => ({
    type: ['string', 'number'],
    ...(precision === undefined ? { pattern: '^[+-]?\\d*\\.?\\d*$' } : digits(precision, scale)),
  }),
  boolean: () => ({ type: 'boolean' }),
  text: () => ({ type: 'string' }),
  date: () => ({ type: 'string', format: 'date' }),
  time: column => ({ type: 'string', pattern: `^${time(column)}$` }),
  timestamp: column => ({ type: 'string', pattern: `^${DATE}([T ]${time(column)})?$` }),
  timestamptz: column => ({
    type: 'string',
    pattern: `^${DATE}([T ]${time(column)}([zZ]|[+-]\\d{2}:?\\d{2})?)?$`,
  }),
  blob: () => ({ type: 'string', contentEncoding: 'base64' }),
  json: () => ({ type: ['object', 'array', 'string', 'number', 'boolean'] }),
}
const digits = (precision: number, scale: number): Schema => ({
  pattern: `^[+-]?0*\\d{0,${precision - scale}}(\\.\\d{0,${scale}}0*)?$`,
  description: `At most ${precision - scale} digits before the point and ${scale} behind it.`,
})
const DATE = '\\d{4}-\\d{2}-\\d{2}'
const time = (column: Column) => `([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,${fractionDigits(column)}})?)?`

/**
 * A JSON Schema (2020-12) of a row of a table, as a new row is taken: what it refuses is refused, though not all that is
 * refused: of a date that no calendar has, a schema does not know.
 */
export function rowSchema(dataset: Pick<Dataset, 'engine' | 'columns' | 'primaryKey'>): Schema {
  const { columns, primaryKey } = dataset
  const auto = givesKeys(dataset)
  const given = (column: Column) => column.given !== undefined || (auto && column.name === primaryKey![0])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: Object.fromEntries(columns.map(column => [column.name, orNull(value(dataset, column), column)])),
    required: columns.filter(c => !c.nullable && !given(c)).map(c => c.name),
    additionalProperties: false,
  }
}

function value({ engine }: Pick<Dataset, 'engine'>, column: Column): Schema {
  const { type, ...form } = VALUE[column.type](column)
  const beside = engine === 'postgres' ? UNBOUNDED[column.type] : undefined
  return beside ? { type, anyOf: [form, { pattern: beside.source }] } : { type, ...form }
}

function orNull(schema: Schema, { nullable, given }: Column): Schema {
  if (given === 'always') return { ...schema, readOnly: true }
  return nullable ? { ...schema, type: [...[schema.type as string | string[]].flat(), 'null'] } : schema
}
