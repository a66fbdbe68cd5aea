/** What an author says of porter: the route on an endpoint (`porter:` there), and the app as a whole (`porter:` of a manifest). */
import { type Static, Type } from '@sinclair/typebox'
import { eq } from 'drizzle-orm'
import { settings } from '../../db/schema.ts'
import { unprocessable } from '../lib/fault.ts'
import { closed, Name } from '../lib/shape.ts'
import { shown } from '../lib/text.ts'
import { type Actor, note, type Store } from './store.ts'

const JsonObject = Type.Record(Type.String(), Type.Unknown())
const optional = Type.Optional

export const PorterRoute = Type.Object(
  {
    namespace: optional(Type.String({ maxLength: 200 })),
    /** the model's name in URL and answers; without it the endpoint's id */
    name: optional(Name),
    version: optional(Name),
    action: optional(Name),
    /** a list of rows in and out (the default), or one row */
    batch: optional(Type.Boolean()),
    /** the `model_meta` of every answer */
    meta: optional(JsonObject),
    /** false: rows are not held against a schema, and what the model cannot take is a 500 */
    validate: optional(Type.Boolean()),
    /** instead of the computed path; segments `<param>` and `<string:param>` match anything */
    path: optional(Type.String({ minLength: 2, maxLength: 500 })),
    /** what the probes say of it; other than READY, the server is not ready */
    status: optional(Name),
    /** the columns that the model gets; their order names those of a model whose columns have no names */
    feature_columns: optional(Type.Array(Name, { minItems: 1, maxItems: 10_000, uniqueItems: true })),
    /** of one prediction, for the document */
    prediction_schema: optional(JsonObject),
    /** the row schema's name among the document's components */
    schema_name: optional(
      Type.String({ pattern: '^[A-Za-z0-9._-]{1,100}$', error: 'must be letters, digits, dots, - and _.' }),
    ),
  },
  closed,
)
export type PorterRoute = Static<typeof PorterRoute>

const DocsPath = Type.String({
  pattern: '^/[A-Za-z0-9._~/-]*$',
  maxLength: 200,
  error: 'must be a path that begins with / and is of letters, digits and . _ ~ / - only.',
})

export const PorterApp = Type.Object(
  {
    name: optional(Type.Union([Type.String(), Type.Null()])),
    description: optional(Type.Union([Type.String(), Type.Null()])),
    version: optional(Type.Union([Type.String(), Type.Null()])),
    meta: optional(JsonObject),
    expose_docs: optional(Type.Boolean()),
    docs_url: optional(DocsPath),
    docs_json_url: optional(DocsPath),
    docs_prefix: optional(
      Type.Union([
        Type.Literal(''),
        Type.String({
          pattern: '^(/[A-Za-z0-9._~-]+)+$',
          maxLength: 200,
          error: 'must begin with / and end without one.',
        }),
      ]),
    ),
    return_message_on_error: optional(Type.Boolean()),
    return_traceback_on_error: optional(Type.Boolean()),
    return_user_data_on_error: optional(Type.Boolean()),
    return_request_id: optional(Type.Boolean()),
    support_response_gzip: optional(Type.Boolean()),
    /** of the routes that name none themselves */
    status: optional(Name),
  },
  closed,
)
export type PorterApp = Static<typeof PorterApp>

/** First segments that belong to other doors, whatever follows, or are kept for doors that are still to come. */
export const FOREIGN_SEGMENTS: ReadonlySet<string> = new Set(['api', 'v1', 'v2', '-', 'mlflow', 'mcp', 'console'])
/** Single literal routes, of doors that are still to come too. */
const FOREIGN_PATHS = new Set(['/docs', '/openapi.json', '/metrics', '/invocations', '/ping', '/health', '/version'])
const SEGMENT = /^[^\s/<>?#%\\\p{Cc}]+$/u
const PARAMETER = /^<(?:string:)?([A-Za-z_]\w*)>$/

/** The path of a route as it is listed. */
export function porterPath(route: PorterRoute, endpointId: string): string {
  if (route.path !== undefined) return route.path
  const { name = endpointId, version = 'v1', action = 'prediction' } = route
  const namespace = route.namespace?.replace(/^\/|\/$/g, '') ?? ''
  return `${namespace === '' ? '' : `/${namespace}`}/${name}/${version}/${action}`
}

/** The segments of a listed path; null where a parameter stands for anything. */
export const porterSegments = (path: string): (string | null)[] =>
  path
    .slice(1)
    .split('/')
    .map(segment => (PARAMETER.test(segment) ? null : segment))

/** The names of a listed path's parameters, in their order. */
export const porterParameters = (path: string): string[] =>
  path.split('/').flatMap(segment => PARAMETER.exec(segment)?.[1] ?? [])

/** @throws Fault 422 a path that no URL can have, or that another door has */
export function checkPorterRoute(route: PorterRoute, endpointId: string): void {
  const path = porterPath(route, endpointId)
  const where = `endpoint ${endpointId}: the porter path ${shown(path)}`
  if (route.path === undefined)
    for (const field of ['name', 'version', 'action'] as const)
      if ((route[field] ?? (field === 'name' ? endpointId : 'x')).includes('/'))
        throw unprocessable(`endpoint ${endpointId}: ${field} of its porter route must not hold a slash.`)
  const segments = path.split('/')
  if (segments.shift() !== '' || segments.some(s => s === '.' || s === '..' || !(SEGMENT.test(s) || PARAMETER.test(s))))
    throw unprocessable(
      `${where} must begin with / and be of segments without spaces, escapes and < > ? #, none of them empty (<param> stands for any one).`,
    )
  if (PARAMETER.test(segments[0]!)) throw unprocessable(`${where} must not begin with a parameter.`)
  const parameters = porterParameters(path)
  if (new Set(parameters).size < parameters.length) throw unprocessable(`${where} names a parameter twice.`)
  if (isForeign(path)) throw unprocessable(`${where} would shadow another route of this server.`)
}

/** Whether a path is of another door, so that porter must not have it. */
const isForeign = (path: string): boolean => FOREIGN_SEGMENTS.has(path.split('/')[1] ?? '') || FOREIGN_PATHS.has(path)

const SETTING = 'porter'

/** The app as the last manifest that named it left it; undefined: there is none. */
export function readPorterApp(store: Store): PorterApp | undefined {
  const row = store.select().from(settings).where(eq(settings.name, SETTING)).get()
  return row && (JSON.parse(row.value) as PorterApp)
}

/**
 * What is named wins, what is not stays.
 * @returns whether anything changed. @throws Fault 422 pages that would shadow another door's
 */
export function putPorterApp(store: Store, actor: Actor, given: PorterApp): boolean {
  const known = readPorterApp(store)
  const app = { ...known, ...given }
  if (app.expose_docs)
    for (const [field, path] of Object.entries(docsPaths(app)))
      if (path === '/' || FOREIGN_SEGMENTS.has(path.split('/')[1]!))
        throw unprocessable(`porter: ${field} ${path} would shadow another route of this server.`)
  const value = JSON.stringify(app)
  if (known && JSON.stringify(known) === value) return false
  store
    .insert(settings)
    .values({ name: SETTING, value })
    .onConflictDoUpdate({ target: settings.name, set: { value } })
    .run()
  note(store, actor, 'porter.update', 'porter')
  return true
}

/** Where an app's pages are; the prefix is part of them. */
export function docsPaths(app: PorterApp): { docs_url: string; docs_json_url: string; assets: string } {
  const prefix = app.docs_prefix ?? ''
  return {
    docs_url: prefix + (app.docs_url ?? '/docs/'),
    docs_json_url: prefix + (app.docs_json_url ?? '/_docs.json'),
    assets: `${prefix}/assets/swagger-ui/`,
  }
}
