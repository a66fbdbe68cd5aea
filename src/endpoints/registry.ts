import { type Asset, getAsset, listAssets } from '../catalog/assets.ts'
import { type Deployment as DeclaredDeployment, deploymentKind, listDeployments } from '../catalog/deployments.ts'
import { type PorterApp, readPorterApp } from '../catalog/porter.ts'
import { listProjects, type Project } from '../catalog/projects.ts'
import { type EndpointConfig, type ModelReference, naming } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { type Fault, reworded, toFault } from '../lib/fault.ts'
import { mayRead } from '../lib/file.ts'
import { isDataLost, isReadable } from '../query/damage.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { brokenEndpoint } from './broken.ts'
import type { Deployment, Endpoint, Service, Surroundings } from './endpoint.ts'
import { compileFunctionEndpoint } from './function.ts'
import { UncheckedHandler } from './handler.ts'
import { compileModelEndpoint, serveModel } from './model.ts'
import { PorterIndex, pathsOf } from './porter.ts'
import { type Compiling, compileQueryEndpoint } from './query.ts'
import type { EndpointRuntime } from './runtime.ts'
import { compileTableEndpoint } from './table.ts'

/**
 * @throws Fault 404 a model, 422 anything else that it refers to and is not there, 503 `data_missing`; the message names
 * the endpoint
 */
export function compileEndpoint(
  endpoint: EndpointConfig,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
  how: Compiling = {},
): Endpoint {
  const { surroundings = nothingAround(projectId), published = false } = how
  return naming(endpoint.id, () => {
    switch (endpoint.kind) {
      case 'sql':
      case 'lookup':
        return compileQueryEndpoint(endpoint, store, projectId, runtime, how)
      case 'table':
        return compileTableEndpoint(endpoint, store, projectId, runtime, how)
      case 'model':
        return compileModelEndpoint(endpoint, store, projectId, runtime, surroundings, published)
      case 'function':
        return compileFunctionEndpoint(endpoint, surroundings, runtime, published)
    }
  })
}

const nothingAround = (projectId: number): Surroundings => ({
  service: { assetId: 0, projectId, key: '' },
  isPublic: false,
  endpoint: () => undefined,
})

/** What a transaction made of services (null: no longer published) and of projects' deployments: swapped in when it has committed. */
export interface Staged {
  services: Map<string, Service | null>
  /** by project slug: all of the project's */
  deployments: Map<string, Deployment[]>
  /** porter's app, as it is in the catalog */
  porterApp?: PorterApp
}

/** A model endpoint, and the service it is in. */
export interface PublishedModel {
  service: Service
  endpoint: Endpoint
}

/**
 * The published services, compiled, in memory: what every door serves from. A service is swapped whole; a call that began
 * with the old one ends with it.
 */
export class Registry {
  readonly runtime: EndpointRuntime
  readonly porterRoutes = new PorterIndex()
  /** Told of all deployments of a project, whenever one of them may have changed. */
  onDeployments: ((project: string, deployments: Deployment[]) => void) | undefined
  #services = new Map<string, Service>()
  /** endpoint id -> the services that have a model endpoint of this id */
  #modelServices = new Map<string, Set<string>>()
  /** project slug -> deployment name -> the deployment */
  #deployments = new Map<string, Map<string, Deployment>>()
  #porterApp: PorterApp | undefined

  constructor(runtime: EndpointRuntime) {
    this.runtime = runtime
  }

  get(key: string): Service | undefined {
    return this.#services.get(key)
  }

  /** porter's app, where a manifest declared one. */
  get porterApp(): PorterApp | undefined {
    return this.#porterApp
  }

  all(): Iterable<Service> {
    return this.#services.values()
  }

  /**
   * The published models that `{m}` in a URL may mean: an endpoint's id, or `{service}.{id}` (a service key has no dot, so the
   * first one splits).
   */
  models(name: string): PublishedModel[] {
    const dot = name.indexOf('.')
    const exact = dot > 0 ? this.#modelOf(name.slice(0, dot), name.slice(dot + 1)) : undefined
    if (exact) return [exact]
    return [...(this.#modelServices.get(name) ?? [])].flatMap(key => this.#modelOf(key, name) ?? [])
  }

  #modelOf(key: string, id: string): PublishedModel | undefined {
    const service = this.#services.get(key)
    const endpoint = service?.endpoints.get(id)
    return service && endpoint?.kind === 'model' ? { service, endpoint } : undefined
  }

  *allDeployments(): Iterable<Deployment> {
    for (const ofProject of this.#deployments.values()) yield* ofProject.values()
  }

  /** @param project a slug, also in capitals and with `_` for `-` or the other way round, where that is no other project's */
  deployment(project: string, name: string): Deployment | undefined {
    return (this.#deployments.get(project) ?? this.#deploymentsOfAlias(project))?.get(name)
  }

  #deploymentsOfAlias(project: string): Map<string, Deployment> | undefined {
    const plain = (slug: string) => slug.toLowerCase().replaceAll('_', '-')
    const slugs = [...this.#deployments.keys()].filter(slug => plain(slug) === plain(project))
    const slug = slugs.find(slug => slug === project.toLowerCase()) ?? (slugs.length === 1 ? slugs[0] : undefined)
    return slug === undefined ? undefined : this.#deployments.get(slug)
  }

  /**
   * Compiles services as they are in the catalog (or in a transaction on it).
   * @throws Fault the first that does not compile, by service and endpoint
   */
  stage(store: Store, assetIds: Iterable<number>, projects: Iterable<Project> = [], loading = false): Staged {
    const services: Staged['services'] = new Map()
    const datasets: Compiling['datasets'] = new Map()
    for (const id of assetIds) {
      const asset = getAsset(store, id)
      services.set(asset.assetKey, asset.status === 'published' ? this.#compile(store, asset, datasets) : null)
    }
    const deployments: Staged['deployments'] = new Map()
    for (const project of projects)
      deployments.set(
        project.slug,
        listDeployments(store, project.id).map(declared => this.#deploymentOf(store, project, declared, loading)),
      )
    const porterApp = readPorterApp(store)
    this.porterRoutes.check(new Map([...services].map(([key, service]) => [key, pathsOf(service)])), porterApp)
    return { services, deployments, porterApp }
  }

  apply({ services, deployments, porterApp }: Staged): void {
    if (porterApp) this.#porterApp = porterApp
    for (const [key, service] of services) this.#put(key, service)
    for (const [slug, list] of deployments) {
      this.#deployments.set(slug, new Map(list.map(d => [d.name, d])))
      this.onDeployments?.(slug, list)
    }
  }

  #put(key: string, service: Service | null): void {
    this.porterRoutes.replace(key, service)
    for (const endpoint of this.#services.get(key)?.endpoints.values() ?? [])
      if (endpoint.kind === 'model') this.#modelServices.get(endpoint.id)?.delete(key)
    if (!service) return void this.#services.delete(key)
    this.#services.set(key, service)
    for (const endpoint of service.endpoints.values()) {
      if (endpoint.kind !== 'model') continue
      const keys = this.#modelServices.get(endpoint.id) ?? new Set()
      this.#modelServices.set(endpoint.id, keys.add(key))
    }
  }

  #deploymentOf(store: Store, project: Project, declared: DeclaredDeployment, loading: boolean): Deployment {
    const { id, name, revision, config, enabled } = declared
    // one of an earlier version may say nothing of what it is: then of a model that is not there
    const kind = deploymentKind(config) ?? 'model'
    const deployment = { id, projectId: project.id, project: project.slug, name, revision, kind, config, enabled }
    if (kind !== 'model') return deployment
    try {
      return { ...deployment, model: serveModel(config as ModelReference, store, project.id, this.runtime) }
    } catch (error) {
      if (!loading) throw about(`deployment ${name}`, error)
      const fields = { deployment: `${project.slug}/${name}`, ...errorFields(error) }
      log.error(fields, 'the model of a deployment cannot be served: it answers 503')
      return deployment
    }
  }

  /**
   * At the start: everything published, without checking again what was checked when it was published. What does not compile
   * is logged and answers 503.
   */
  load(store: Store): void {
    this.#porterApp = readPorterApp(store)
    const datasets: Compiling['datasets'] = new Map()
    for (const asset of listAssets(store, { status: 'published' }))
      try {
        this.#put(asset.assetKey, this.#compile(store, asset, datasets, true))
      } catch (error) {
        log.error({ service: asset.assetKey, ...errorFields(error) }, 'a published service cannot be served')
      }
    this.apply(this.stage(store, [], listProjects(store), true))
  }

  /** What is served without a file that can be read, as one that is gone or cut off: every call that needs it is 503 until it can. */
  *missing(): Generator<{ service: string; endpoint: string; file: string } | { deployment: string; file: string }> {
    for (const { key: service, endpoints } of this.#services.values())
      for (const { id: endpoint, files, model } of endpoints.values()) {
        const lost = files.filter(file => !isReadable(file))
        if (model && !mayRead(model.active.scoring.path)) lost.push(model.active.scoring.path)
        for (const file of lost) yield { service, endpoint, file }
      }
    for (const { project, name, model } of this.allDeployments())
      if (model && !mayRead(model.active.scoring.path))
        yield { deployment: `${project}/${name}`, file: model.active.scoring.path }
  }

  #compile(store: Store, asset: Asset, datasets: Compiling['datasets'], loading = false): Service {
    const { id: assetId, projectId, assetKey: key, title, isPublic, publishedVersion: version } = asset
    const served = this.#services.get(key)
    // what is published already is not refused again for what is wrong with this server, or has been wrong before
    const before = served?.assetId === assetId && served.version === version ? served.endpoints : undefined
    const endpoints = new Map<string, Endpoint>()
    const surroundings = this.#surroundings(asset, endpoints)
    const published = loading || before !== undefined
    const compiled = (endpoint: EndpointConfig): Endpoint => {
      const compile = (unchecked: boolean) =>
        compileEndpoint(endpoint, store, projectId, this.runtime, { unchecked, datasets, surroundings, published })
      try {
        return compile(loading)
      } catch (error) {
        if (error instanceof UncheckedHandler) throw error
        // what is wrong with this server and not with what is published: calls that need the data get 503
        if (before && isDataLost(error)) return compile(true)
        if (!loading && !before?.get(endpoint.id)?.broken) throw about(`service ${key}`, error)
        const fields = { service: key, endpoint: endpoint.id, ...errorFields(error) }
        log.error(fields, 'a published endpoint does not compile: it answers 503')
        return brokenEndpoint(endpoint)
      }
    }
    for (const endpoint of asset.publishedConfig?.endpoints ?? []) endpoints.set(endpoint.id, compiled(endpoint))
    return { assetId, projectId, key, title, isPublic, version, endpoints }
  }

  /** Made apart: code is served with these for long, and they keep whatever is in the scope that they are made in. */
  #surroundings(
    { id: assetId, projectId, assetKey: key, isPublic }: Asset,
    endpoints: Map<string, Endpoint>,
  ): Surroundings {
    return {
      service: { assetId, projectId, key },
      isPublic,
      endpoint: id => endpoints.get(id),
      published: id => {
        const now = this.#services.get(key)
        return now?.assetId === assetId ? now.endpoints.get(id) : undefined
      },
    }
  }
}

function about(what: string, error: unknown): Fault {
  const fault = toFault(error)
  return fault.status === 500 ? fault : reworded(fault, `${what}: ${fault.message}`)
}
