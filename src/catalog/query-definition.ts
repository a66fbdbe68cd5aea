/** What rows a query selects: of a service's endpoint, in its config. */
import { type Static, Type } from '@sinclair/typebox'
import { unprocessable } from '../lib/fault.ts'
import { closed, literals, Name } from '../lib/shape.ts'
import { shown } from '../lib/text.ts'

const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])

export const OPERATORS = [
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'in',
  'not_in',
  'like',
  'ilike',
  'is_null',
  'between',
] as const
export type Operator = (typeof OPERATORS)[number]

/** What an aggregate makes of the rows of a group. `count` without a column counts rows. */
export const AGGREGATES = ['count', 'count_distinct', 'sum', 'avg', 'min', 'max'] as const
export type AggregateFunction = (typeof AGGREGATES)[number]

const Filter = Type.Object(
  {
    column: Name,
    op: Type.Optional(literals(OPERATORS)),
    /** the request's parameter that gives the value; for `between` two of them */
    param: Type.Optional(Type.Union([Name, Type.Tuple([Name, Name])])),
    /** the author's own value */
    value: Type.Optional(Type.Union([Scalar, Type.Array(Scalar, { maxItems: 500 })])),
    required: Type.Optional(Type.Boolean()),
    default: Type.Optional(Type.Union([Scalar, Type.Array(Scalar, { maxItems: 500 })])),
    description: Type.Optional(Type.String()),
    example: Type.Optional(Type.Unknown()),
  },
  closed,
)
export type Filter = Static<typeof Filter>

/**
 * A place in the order: a column (or a name of the answer) and a direction, or a request's parameter that chooses among
 * `allow`: `?sort=carrier` is ascending, `?sort=-carrier` descending, and the parameter may be repeated for several. Where
 * it is absent, `default` is meant, written the same way; without one, the entry has no part in the order.
 */
const Order = Type.Object(
  {
    column: Type.Optional(Name),
    direction: Type.Optional(literals(['asc', 'desc'])),
    param: Type.Optional(Name),
    allow: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 64 })),
    default: Type.Optional(Type.Union([Name, Type.Array(Name, { maxItems: 16 })])),
    description: Type.Optional(Type.String()),
    example: Type.Optional(Type.Unknown()),
  },
  closed,
)

/** How long an answer may be kept and given again to callers of the same policy. */
export const Cache = Type.Object({ ttl_seconds: Type.Integer({ minimum: 0, maximum: 86_400 }) }, closed)

/** The most rows of one answer. */
export const MAX_LIMIT = 10_000_000

const Source = Type.Object({ schema: Name, table: Name, as: Type.Optional(Name) }, closed)

export const Pagination = Type.Object(
  {
    default_limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT })),
    max_limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT })),
    /** whether each answer counts all rows that the request's filters leave, in `total` */
    total: Type.Optional(Type.Boolean()),
  },
  closed,
)

export const QueryDefinition = Type.Object(
  {
    source: Source,
    columns: Type.Optional(
      Type.Array(
        Type.Union([
          Name,
          Type.Object(
            {
              column: Type.Optional(Name),
              fn: Type.Optional(literals(AGGREGATES)),
              /** the name in the answer; without it `column`, or for an aggregate `fn_column` */
              as: Type.Optional(Name),
            },
            closed,
          ),
        ]),
        { maxItems: 500 },
      ),
    ),
    /** each row once: for answers without aggregates */
    distinct: Type.Optional(Type.Boolean()),
    joins: Type.Optional(
      Type.Array(
        Type.Object(
          {
            schema: Name,
            table: Name,
            as: Type.Optional(Name),
            type: Type.Optional(literals(['inner', 'left'])),
            on: Type.Array(Type.Object({ left: Name, right: Name }, closed), { minItems: 1, maxItems: 16 }),
          },
          closed,
        ),
        { maxItems: 9 },
      ),
    ),
    filters: Type.Optional(Type.Array(Filter, { maxItems: 64 })),
    group_by: Type.Optional(Type.Array(Name, { maxItems: 64 })),
    /** filters on aggregates: `column` is an aggregate's name in the answer */
    having: Type.Optional(Type.Array(Filter, { maxItems: 64 })),
    order_by: Type.Optional(Type.Array(Order, { maxItems: 16 })),
    pagination: Type.Optional(Pagination),
    cache: Type.Optional(Cache),
  },
  closed,
)
export type QueryDefinition = Static<typeof QueryDefinition>

/**
 * What a shape alone does not say.
 * @param where how the endpoint is called in the message
 * @throws Fault 422
 */
export function checkQuery({ columns, filters, having, order_by }: QueryDefinition, where: string): void {
  for (const filter of [...(filters ?? []), ...(having ?? [])]) checkFilter(filter, where)
  for (const [index, entry] of (columns ?? []).entries())
    if (typeof entry === 'object' && entry.column === undefined && entry.fn !== 'count')
      throw unprocessable(`${where}: query.columns[${index}] names no column; only count does without one.`)
  for (const [index, entry] of (order_by ?? []).entries()) {
    const place = `${where}: query.order_by[${index}]`
    if ((entry.column === undefined) === (entry.param === undefined))
      throw unprocessable(`${place} names either a column or a param.`)
    if (entry.param === undefined && (entry.allow ?? entry.default ?? entry.description ?? entry.example) !== undefined)
      throw unprocessable(`${place}: allow, default, description and example go with param.`)
    if (entry.param !== undefined && (entry.allow === undefined || entry.direction !== undefined))
      throw unprocessable(`${place}: param goes with allow; the request gives the direction.`)
  }
}

function checkFilter(filter: Filter, where: string): void {
  const place = `${where}: the filter on ${shown(filter.column)}`
  if ((filter.param === undefined) === (filter.value === undefined))
    throw unprocessable(`${place} takes its value from either param or value.`)
  if (filter.param === undefined && (filter.required !== undefined || filter.default !== undefined))
    throw unprocessable(`${place}: required and default go with param.`)
  if (filter.required && filter.default !== undefined)
    throw unprocessable(`${place} is required, so it has no default.`)
  if (Array.isArray(filter.param) !== (filter.op === 'between') && filter.param !== undefined)
    throw unprocessable(
      filter.op === 'between' ? `${place}: between takes two params.` : `${place}: two params go with between.`,
    )
}
