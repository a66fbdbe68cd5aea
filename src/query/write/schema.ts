import type { Column } from '../../catalog/column.ts'

type Schema = Record<string, unknown>

const VALUE: Record<Column['type'], (column: Column) => Schema> = {
  integer: () => ({ type: ['integer', 'string'], format: 'int64', pattern: '^[+-]?\\d{1,19}$' }),
  float: () => ({ type: 'number' }),
  decimal: ({ precision = 38, scale = 0 }) => ({
    type: ['string', 'number'],
    pattern: `^[+-]?0*\\d{0,${precision - scale}}(\\.\\d{0,${scale}}0*)?$`,
    description: `At most ${precision - scale} digits before the point and ${scale} behind it.`,
  }),
  boolean: () => ({ type: 'boolean' }),
  text: () => ({ type: 'string' }),
  date: () => ({ type: 'string', format: 'date' }),
  time: () => ({ type: 'string', pattern: `^${TIME}$` }),
  timestamp: () => ({ type: 'string', pattern: `^${DATE}([T ]${TIME})?$` }),
  timestamptz: () => ({ type: 'string', pattern: `^${DATE}([T ]${TIME}([zZ]|[+-]\\d{2}:?\\d{2})?)?$` }),
  blob: () => ({ type: 'string', contentEncoding: 'base64' }),
  json: () => ({ type: ['object', 'array', 'string', 'number', 'boolean'] }),
}
const DATE = '\\d{4}-\\d{2}-\\d{2}'
const TIME = '([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,6})?)?'

/**
 * A JSON Schema (2020-12) of a row of a table, as a new row is taken: what it refuses is refused, though not all that is
 * refused: of a date that no calendar has, a schema does not know.
 */
export function rowSchema(columns: readonly Column[], primaryKey: readonly string[] | null): Schema {
  const given = primaryKey?.length === 1 && columns.find(c => c.name === primaryKey[0])?.type === 'integer'
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: Object.fromEntries(columns.map(column => [column.name, orNull(VALUE[column.type](column), column)])),
    required: columns.filter(c => !c.nullable && !(given && c.name === primaryKey[0])).map(c => c.name),
    additionalProperties: false,
  }
}

function orNull(schema: Schema, { nullable }: Column): Schema {
  if (!nullable) return schema
  return { ...schema, type: [...[schema.type as string | string[]].flat(), 'null'] }
}
