import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Db } from '../../db/connect.ts'
import { listAssets } from '../catalog/assets.ts'
import { allDatasets } from '../catalog/datasets.ts'
import { artifactsInUse } from '../catalog/models.ts'
import { listProjects } from '../catalog/projects.ts'
import { type EndpointConfig, handlersOf } from '../catalog/service-config.ts'
import { type Store, transaction } from '../catalog/store.ts'
import { conflict, toFault } from '../lib/fault.ts'
import { withCompanions } from '../query/live-file.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { UncheckedHandler } from './handler.ts'
import type { Registry, Staged } from './registry.ts'
import { compiledAhead } from './row-schema.ts'

/** What a change touched, so that what is published from it is compiled anew. */
export class Touched {
  readonly assets = new Set<number>()
  readonly removedServices = new Set<string>()
  /** names (`inProject`), for endpoints that follow one */
  readonly models = new Set<string>()
  /** versions, for endpoints that are pinned to one */
  readonly modelIds = new Set<number>()
  readonly datasets = new Set<string>()
  /** projects whose deployments were declared anew */
  readonly deployments = new Set<number>()
}

/** `project id/name`, for the sets of Touched. */
export const inProject = (projectId: number, name: string) => `${projectId}/${name}`

/**
 * The one way to change the catalog where it is served: one transaction, then everything published that it touched is
 * compiled; when anything refuses, nothing has changed. Then the new snapshots are swapped in and old files removed.
 */
export class Publisher {
  readonly db: Db
  readonly registry: Registry
  /** how many works take artifacts in now, and the artifacts that may be nobody's when they are done */
  #taking = 0
  #doubtful = new Set<string>()

  constructor(db: Db, registry: Registry) {
    this.db = db
    this.registry = registry
  }

  /**
   * @throws Fault what `work` refused; what a service that it touched itself refers to and is not there (404, 422); 409 what
   * other services and deployments serve would no longer compile
   */
  change<T>(work: (tx: Store, touched: Touched) => T): T {
    const touched = new Touched()
    const { result, own, others } = transaction(this.db, tx => {
      const result = work(tx, touched)
      const projects = listProjects(tx).filter(p => touched.deployments.has(p.id))
      return { result, own: this.registry.stage(tx, touched.assets, projects), others: this.#stageOthers(tx, touched) }
    })
    this.registry.apply(own)
    this.registry.apply(others)
    this.#load(own)
    this.#load(others)
    this.registry.apply({
      services: new Map([...touched.removedServices].map(key => [key, null])),
      deployments: new Map(),
    })
    return result
  }

  /**
   * A change that may publish handlers: they are read and loaded first, aside, and held up to it in the transaction. So are
   * JSON Schemas, which are compiled with others served in between.
   * @param endpoints those whose handlers and schemas it is known to publish. @throws Fault as `change`; 422 a handler that is none; 503
   */
  async changeChecked<T>(endpoints: readonly unknown[], work: (tx: Store, touched: Touched) => T): Promise<T> {
    const { handlers } = this.registry.runtime.functions
    const sources = new Set(handlersOf(endpoints))
    await handlers.check([...sources])
    return compiledAhead(endpoints, async () => {
      for (;;)
        try {
          return this.change(work)
        } catch (error) {
          // what is published was changed since
          if (!(error instanceof UncheckedHandler)) throw error
          await handlers.check([...sources.add(error.source)])
        }
    })
  }

  /** Loads what is published ahead of its first call, one model after the other, where the setting says so. */
  loadAll(): void {
    const services = new Map([...this.registry.all()].map(service => [service.key, service]))
    this.#load({ services, deployments: new Map([['', [...this.registry.allDeployments()]]]) })
    if (!this.registry.runtime.loadAhead) return
    const published = listAssets(this.db, { status: 'published' }).flatMap(a => a.publishedConfig?.endpoints ?? [])
    this.registry.runtime.functions.handlers
      .check(handlersOf(published))
      .catch(error => log.warn(errorFields(error), 'the published functions could not be loaded ahead'))
  }

  #load({ services, deployments }: Staged): void {
    if (!this.registry.runtime.loadAhead) return
    const endpoints = [...services.values()].flatMap(service => [...(service?.endpoints.values() ?? [])])
    if (endpoints.some(({ kind, model }) => kind === 'function' || model?.hooks)) this.registry.runtime.functions.warm()
    for (const { model } of [...endpoints, ...[...deployments.values()].flat()]) {
      if (!model) continue
      const { sha256 } = model.active.scoring
      this.registry.runtime.scorer
        .warm(model.active.scoring)
        .catch(error => log.warn({ sha256, ...errorFields(error) }, 'a model could not be loaded ahead'))
    }
  }

  /** What was not meant to change, but is made from what did. */
  #stageOthers(tx: Store, touched: Touched): Staged {
    const { models, modelIds, datasets } = touched
    if (models.size + modelIds.size + datasets.size === 0) return { services: new Map(), deployments: new Map() }
    const assets = listAssets(tx, { status: 'published' })
      .filter(asset => !touched.assets.has(asset.id))
      .filter(asset => asset.publishedConfig?.endpoints?.some(e => refersTo(e, asset.projectId, touched)))
    const ofModels = new Set([...models].map(name => Number(name.slice(0, name.indexOf('/')))))
    const projects = listProjects(tx).filter(p => ofModels.has(p.id) && !touched.deployments.has(p.id))
    try {
      return this.registry.stage(
        tx,
        assets.map(a => a.id),
        projects,
      )
    } catch (error) {
      const fault = toFault(error)
      if (fault.status >= 500) throw error
      throw conflict(`This would break what is published: ${fault.message}`, 'still_needed')
    }
  }

  /** Removes a dataset's file that no service uses any more, once what is under way on it is done. */
  discardFile(file: string): void {
    const { queries, writer, warehouseDir } = this.registry.runtime
    const path = join(warehouseDir, file)
    Promise.all([writer.retire(path), queries.release(path)])
      .then(() => Promise.all(withCompanions(path).map(each => rm(each, { force: true }))))
      .catch(error => log.warn({ file, ...errorFields(error) }, 'an old data file could not be removed'))
  }

  /** Runs work that takes artifacts in, which are on disk before the catalog knows them: none is removed meanwhile. */
  async takingArtifacts<T>(work: () => Promise<T>): Promise<T> {
    this.#taking++
    try {
      return await work()
    } finally {
      this.#taking--
      this.#removeArtifacts()
    }
  }

  /** Removes an artifact unless a model version needs it, once the calls that wait for it are done and none is being taken in. */
  discardArtifact(sha256: string): void {
    void this.registry.runtime.scorer.done(sha256).then(() => {
      this.#doubtful.add(sha256)
      this.#removeArtifacts()
    })
  }

  #removeArtifacts(): void {
    if (this.#taking > 0 || this.#doubtful.size === 0) return
    const inUse = artifactsInUse(this.db)
    for (const sha256 of this.#doubtful)
      try {
        // at once, so that the same model may be taken in again right after it
        if (!inUse.has(sha256)) rmSync(join(this.registry.runtime.modelsDir, sha256), { recursive: true, force: true })
      } catch (error) {
        log.warn({ sha256, ...errorFields(error) }, 'an old model file could not be removed')
      }
    this.#doubtful.clear()
  }

  /** Dataset files that are in use, by name. */
  filesInUse(): Set<string> {
    return new Set(allDatasets(this.db).map(d => d.file))
  }
}

function refersTo(endpoint: EndpointConfig, projectId: number, touched: Touched): boolean {
  switch (endpoint.kind) {
    case 'model':
      return endpoint.model_id !== undefined
        ? touched.modelIds.has(endpoint.model_id)
        : touched.models.has(inProject(projectId, endpoint.model!))
    case 'lookup':
    case 'table':
      return touched.datasets.has(inProject(projectId, endpoint.dataset))
    case 'sql':
      return [endpoint.query.source, ...(endpoint.query.joins ?? [])].some(t =>
        touched.datasets.has(inProject(projectId, `${t.schema}.${t.table}`)),
      )
    default:
      return false
  }
}
