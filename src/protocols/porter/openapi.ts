/** The app's OpenAPI document, as porter writes it: 3.0.1, and a `description` everywhere, null where there is none. */
import type { PorterTarget } from '../../endpoints/porter.ts'
import { isObject } from '../../lib/json.ts'
import type { AppView } from './app.ts'
import type { JsonSchema } from './check.ts'
import { schema3 } from './openapi-schema.ts'
import { instanceSchema } from './request-schema.ts'

type Components = Record<string, JsonSchema>

const described = (type: string, description: string | null = null, rest: JsonSchema = {}) => ({
  type,
  description,
  ...rest,
})
const record = (properties: Record<string, unknown>, description: string | null = null) =>
  described('object', description, { properties, required: Object.keys(properties).sort() })
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const content = (schema: unknown) => ({ content: { 'application/json': { schema } }, description: null })
const ANYTHING = described('object', null, { additionalProperties: true, properties: {}, required: [] })

const documents = new WeakMap<readonly PorterTarget[], { app: AppView; json: string }>()

/** The document as it is sent: anybody may ask for it, and with many features to a model it takes long to make. */
export function openApiJson(app: AppView, targets: readonly PorterTarget[]): string {
  const known = documents.get(targets)
  if (known?.app === app) return known.json
  const json = JSON.stringify(openApi(app, targets))
  documents.set(targets, { app, json })
  return json
}

export function openApi(app: AppView, targets: readonly PorterTarget[]): object {
  const schemas: Components = {
    ModelContext: record({
      model_name: described('string', 'The name of the model.'),
      api_version: described('string', 'The model API version.'),
      model_meta: ANYTHING,
    }),
  }
  if (app.requestId) schemas.RequestID = described('string', 'Hex value of UUID assigned to the request.')
  if (targets.length > 0) Object.assign(schemas, errorSchemas(app))
  const paths: Record<string, unknown> = { '/-/alive': health(app), '/-/ready': health(app) }
  // braces are parameters in such a document, and in a route they are not
  for (const target of targets)
    paths[target.route.path.replace(/[{}]/g, encodeURIComponent)] = pathOf(app, target, schemas)
  return {
    openapi: '3.0.1',
    info: { title: app.title, description: app.description, version: app.version },
    paths,
    components: { schemas },
  }
}

const requestId = (app: AppView) => (app.requestId ? { request_id: ref('RequestID') } : {})

function errorSchemas(app: AppView): Components {
  return {
    ErrorBody: record({
      name: described('string', 'Name of the error'),
      ...(app.messages
        ? {
            messages: described('array', 'An array of messages describing the error.', { items: described('string') }),
          }
        : {}),
      ...(app.traceback ? { traceback: described('string', 'The error traceback') } : {}),
    }),
    ModelContextError: record({ ...requestId(app), error: ref('ErrorBody'), model_context: ref('ModelContext') }),
  }
}

function health(app: AppView): object {
  const service = record({
    endpoint: described('string', 'Endpoint the service is exposed on.'),
    status: described(
      'string',
      'Status of the model. If the app is ready the value will be "READY" .Otherwise the value will be a string indicating the status of the service.',
    ),
    model_context: ref('ModelContext'),
  })
  const state = record(
    {
      ...requestId(app),
      porter_version: described('string', 'The version of the porter on the deployed application.'),
      deployed_on: described(
        'string',
        'Start up time of the server. Format YYYY-MM-DDTHH:MM:SS.ffffff, e.g. 2020-04-01T19:00:31.518627',
      ),
      app_meta: ANYTHING,
      services: described('object', 'All available services on the server', { additionalProperties: service }),
    },
    'Description of the applications status. Useful for load balancing and debugging',
  )
  return { get: { responses: { 200: content(state) }, tags: ['Health Check'] } }
}

/** A function's requests and answers are its own: only its errors are known. */
function pathOf(app: AppView, { endpoint, route }: PorterTarget, schemas: Components): object {
  const tags = [route.name]
  const error = content(ref('ModelContextError'))
  const errors = { 400: error, 415: error, 422: error, 500: error }
  if (endpoint.kind === 'function') return { post: { responses: errors, tags } }
  const list = (items: unknown) => (route.batch ? described('array', null, { items }) : items)
  const instance = instanceSchema(route)
  const prediction = record(
    {
      id: described('integer', 'An ID uniquely identifying each instance in the POST body'),
      prediction: route.predictionSchema ? schema3(route.predictionSchema) : described('number', 'Model Prediction'),
    },
    'Model output',
  )
  const answer = record({ ...requestId(app), model_context: ref('ModelContext'), predictions: list(prediction) })
  return {
    get: { responses: { 200: content(described('string')) }, tags },
    post: {
      ...(instance
        ? { requestBody: content(list(named(schema3(instance, route.rowSchema), route.schemaName, schemas))) }
        : {}),
      responses: { ...errors, 200: content(answer) },
      tags,
    },
  }
}

/** A schema under its name among the components, unless another has that name. */
function named(schema: unknown, name: string | undefined, schemas: Components): unknown {
  if (name === undefined || !isObject(schema)) return schema
  const known = schemas[name]
  if (known && JSON.stringify(known) !== JSON.stringify(schema)) return schema
  schemas[name] = schema
  return ref(name)
}
