/** porter's routes: compiled with the endpoint they are on, found by path. */
import {
  docsPaths,
  type PorterApp,
  type PorterRoute,
  porterParameters,
  porterPath,
  porterSegments,
} from '../catalog/porter.ts'
import type { JsonSchema } from '../catalog/service-config.ts'
import type { ModelMetadata } from '../catalog/tensor.ts'
import { Fault, unprocessable } from '../lib/fault.ts'
import { decodedPart } from '../lib/path.ts'
import { sendableRecipe } from '../scoring/answer.ts'
import { compileCodec, type RowCodec } from '../scoring/codec.ts'
import type { Endpoint, ServedModel, ServedRoute, ServedVersion, Service } from './endpoint.ts'

/** @throws Fault 422 `feature_columns` that the model cannot be served from */
export function compilePorterRoute(
  { id, porter, schema }: { id: string; porter?: PorterRoute; schema?: JsonSchema },
  model?: { served: ServedModel; output?: string; strict?: boolean },
): ServedRoute | undefined {
  if (!porter) return undefined
  return {
    path: porterPath(porter, id),
    name: porter.name ?? id,
    version: porter.version ?? 'v1',
    meta: porter.meta ?? {},
    status: porter.status,
    batch: porter.batch ?? true,
    validate: porter.validate ?? true,
    rowSchema: schema,
    schemaName: porter.schema_name,
    predictionSchema: porter.prediction_schema,
    model: model && modelOf(porter, schema, model),
  }
}

/**
 * What the model gets of a row. A model with a single tensor whose columns have no names takes them in the order of
 * `feature_columns`, or else of the schema, as porter's models do.
 */
function modelOf(
  { feature_columns: columns }: PorterRoute,
  schema: JsonSchema | undefined,
  { served, output, strict }: { served: ServedModel; output?: string; strict?: boolean },
): ServedVersion {
  const { id: modelId, metadata, codec } = served.active
  const { features } = codec
  const positions = columns ?? columnsOf(schema)
  const [only] = features
  const unnamed = features.length === 1 && only!.shape.length === 1 && !positions?.includes(only!.name)
  // the schema is seen to before a body is read: what is left takes time by the body's size alone
  const called = { ...served.active, checksUpTo: Number.POSITIVE_INFINITY }
  const withNames = (names: string[] | undefined) => ({
    ...called,
    codec: compileCodec(metadata, names, { output }),
    wholeRecipe: sendableRecipe({ modelId, metadata, features: names, options: { output } }),
  })
  if (unnamed && positions && (only!.shape[0] === null || only!.shape[0] === positions.length))
    return withNames(positions)
  const missing = columns && features.find(feature => !columns.includes(feature.name))
  if (missing) throw unprocessable(`feature_columns lacks ${missing.name}, which the model takes.`)
  return strict ? withNames(namesOf(metadata, codec)) : called
}

const WHOLE_NUMBER = /^(?:0|[1-9]\d*)$/

/** What a route's publisher should know: an object has names that are whole numbers first, wherever they were written. */
export function orderWarnings(
  { porter, schema }: { porter?: PorterRoute; schema?: JsonSchema },
  route: ServedRoute | undefined,
  { active }: ServedModel,
): string[] {
  const names = porter?.feature_columns ? undefined : columnsOf(schema)
  const named = route?.model?.codec.features ?? []
  const bySchema = named.length > 1 && active.codec.features.length === 1
  if (!bySchema || !names?.some(name => WHOLE_NUMBER.test(name))) return []
  return [
    "the model's columns are in the order of the schema's properties, where names that are whole numbers come first whatever was written; porter's feature_columns says the order.",
  ]
}

function columnsOf(schema: JsonSchema | undefined): string[] | undefined {
  const properties = typeof schema === 'object' ? schema.properties : undefined
  if (typeof properties !== 'object' || properties === null) return undefined
  const names = Object.keys(properties).filter(name => name !== 'id')
  return names.length > 0 ? names : undefined
}

/** The names that were given to a single tensor's columns; undefined where every input is a feature itself. */
function namesOf({ inputs }: ModelMetadata, { features }: RowCodec): string[] | undefined {
  const own = new Set(inputs.map(input => input.name))
  return features.every(feature => own.has(feature.name)) ? undefined : features.map(feature => feature.name)
}

/** A route, and where it leads. */
export interface PorterTarget {
  service: string
  endpoint: Endpoint
  route: ServedRoute
}

/** An endpoint, by its id, and its porter path as it is listed. */
interface EndpointPath {
  endpoint: string
  path: string
}

export interface PorterMatch extends PorterTarget {
  params: Record<string, string>
  /** the URL has a slash at its end that the route has not */
  slash: boolean
}

type Pattern = PorterTarget & { segments: (string | null)[] }

/** Published porter routes by path. Literal segments win over parameters, from the left, as with Flask. */
export class PorterIndex {
  #literal = new Map<string, PorterTarget>()
  /** in the order in which they are tried: not that of their publishing, by which the same URL would lead elsewhere one day */
  #patterns = new Map<string, Pattern>()
  #placesOf = new Map<string, string[]>()
  #served: readonly PorterTarget[] | undefined

  /** @param path of a URL, not decoded */
  find(path: string): PorterMatch | undefined {
    if (this.#literal.size + this.#patterns.size === 0) return undefined
    const slash = path.length > 1 && path.endsWith('/')
    const raw = slash ? path.slice(0, -1) : path
    const direct = path.includes('%') ? undefined : this.#literal.get(raw)
    if (direct) return { ...direct, params: {}, slash }
    const parts = raw.slice(1).split('/').map(decodedPart)
    if (parts.some(part => part === undefined || part === '')) return undefined
    const known = parts.some(part => part!.includes('/')) ? undefined : this.#literal.get(`/${parts.join('/')}`)
    if (known) return { ...known, params: {}, slash }
    for (const { segments, ...target } of this.#patterns.values()) {
      // a parameter is one segment: a slash in it is one that was escaped
      if (
        segments.length !== parts.length ||
        !segments.every((s, i) => (s === null ? !parts[i]!.includes('/') : s === parts[i]))
      )
        continue
      const values = parts.filter((_, i) => segments[i] === null) as string[]
      const names = porterParameters(target.route.path)
      return { ...target, params: Object.fromEntries(names.map((name, i) => [name, values[i]!])), slash }
    }
    return undefined
  }

  /** All routes that are served, by path: the same list until one of them changes. */
  all(): readonly PorterTarget[] {
    this.#served ??= this.#targets()
      .filter(({ endpoint }) => !endpoint.broken)
      .sort((a, b) => (a.route.path < b.route.path ? -1 : 1))
    return this.#served
  }

  #targets = (): PorterTarget[] => [...this.#literal.values(), ...this.#patterns.values()]

  /**
   * Whether services could have these paths beside those of the others, and the app its pages with them.
   * @param services all paths of each, by its key
   * @throws Fault 409 two routes of one path, or a route where the app has a page
   */
  check(services: ReadonlyMap<string, readonly EndpointPath[]>, app: PorterApp | undefined): void {
    const owners = new Map<string, string>()
    if (app?.expose_docs)
      for (const path of Object.values(docsPaths(app))) owners.set(path.replace(/\/$/, ''), "porter's documents")
    const others = this.#targets()
      .filter(target => !services.has(target.service))
      .map(({ service, endpoint, route }) => ({ service, endpoint: endpoint.id, path: route.path }))
    const theirs = [...services].flatMap(([service, paths]) => paths.map(path => ({ service, ...path })))
    for (const { service, endpoint, path } of [...others, ...theirs]) {
      const place = placeOf(path)
      const owner = owners.get(place)
      if (owner !== undefined)
        throw new Fault(
          409,
          'porter_path_taken',
          `service ${service}: endpoint ${endpoint}: the porter path ${path} is that of ${owner} already.`,
          { members: { endpoint } },
        )
      owners.set(place, `service ${service}, endpoint ${endpoint}`)
    }
  }

  /** Swaps one service's routes. */
  replace(key: string, service: Service | null): void {
    this.#served = undefined
    // another service may have it by now, where both were changed together
    for (const place of this.#placesOf.get(key) ?? [])
      for (const routes of [this.#literal, this.#patterns]) if (routes.get(place)?.service === key) routes.delete(place)
    const targets = service ? targetsOf(service) : []
    if (targets.length === 0) return void this.#placesOf.delete(key)
    this.#placesOf.set(
      key,
      targets.map(({ route }) => placeOf(route.path)),
    )
    for (const target of targets) {
      const segments = porterSegments(target.route.path)
      const place = placeOf(target.route.path)
      const before = this.#literal.get(place) ?? this.#patterns.get(place)
      // an earlier version let others have the path of a broken one
      if (target.endpoint.broken && before && !before.endpoint.broken) continue
      if (segments.includes(null)) this.#patterns.set(place, { ...target, segments })
      else this.#literal.set(place, target)
    }
    if (targets.some(({ route }) => porterParameters(route.path).length > 0))
      this.#patterns = new Map([...this.#patterns].sort(([, a], [, b]) => precedence(a).localeCompare(precedence(b))))
  }
}

/** The porter paths of a service's endpoints; null has none. */
export const pathsOf = (service: Service | null): EndpointPath[] =>
  (service ? targetsOf(service) : []).map(({ endpoint, route }) => ({ endpoint: endpoint.id, path: route.path }))

const targetsOf = (service: Service): PorterTarget[] =>
  [...service.endpoints.values()].flatMap(endpoint =>
    endpoint.porter ? [{ service: service.key, endpoint, route: endpoint.porter }] : [],
  )

/** Two that match the same URL have as many segments: in which one of them has a parameter first is what tells them apart. */
const precedence = ({ segments }: Pattern) => segments.map(segment => (segment === null ? 1 : 0)).join('')

/** Equal for paths that match the same URLs: parameters without their names. */
const placeOf = (path: string) =>
  `/${porterSegments(path)
    .map(segment => segment ?? '<>')
    .join('/')}`
