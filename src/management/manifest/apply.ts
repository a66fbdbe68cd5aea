import {
  type Asset,
  createAsset,
  findAsset,
  getAsset,
  markPublished,
  markUnpublished,
  saveAsset,
} from '../../catalog/assets.ts'
import { type DeclaredConnection, putConnection } from '../../catalog/connections.ts'
import {
  type Dataset,
  findDataset,
  type Generation,
  getDataset,
  openProposals,
  putGeneration,
  setColumnPolicy,
  setDescription,
  setNullable,
  setOrigin,
} from '../../catalog/datasets.ts'
import { createDeployment, findDeployment, updateDeployment } from '../../catalog/deployments.ts'
import { PLAIN_KEY } from '../../catalog/keys.ts'
import { activate, addVersion, findModel, versionNumbered, versionsOf } from '../../catalog/models.ts'
import { putPorterApp } from '../../catalog/porter.ts'
import { createProject, findProject, type Project, updateProject } from '../../catalog/projects.ts'
import { setRefresh } from '../../catalog/refresh.ts'
import type { Actor, Store } from '../../catalog/store.ts'
import { warningsOf } from '../../endpoints/endpoint.ts'
import { inProject, type Touched } from '../../endpoints/publisher.ts'
import { conflict, unprocessable } from '../../lib/fault.ts'
import { nearestOf, shown } from '../../lib/text.ts'
import { artifactPath } from '../../scoring/metadata.ts'
import type { ManagementContext } from '../context.ts'
import { nullableOf } from '../datasets.ts'
import { keyFieldsOf } from '../keys.ts'
import { holding } from '../live-tables.ts'
import type { ReadManifest } from './read.ts'
import type {
  ManifestDataset,
  ManifestDeployment,
  ManifestKey,
  ManifestModel,
  ManifestProject,
  ManifestService,
} from './schema.ts'
import { originOf } from './source.ts'
import { type Report, type Staged, stageManifest } from './stage.ts'

export interface Applied {
  /** what was changed, in words; empty: nothing differed */
  changes: string[]
  /** a line for each dataset that was imported: which columns are protected until somebody decides, and why */
  proposals: string[]
  /** keys without `secret_env` that were minted just now: shown once */
  minted: { service: string | null; project: string; name: string; secret: string }[]
  /** what the manifest's published services warn of, by service and endpoint */
  warnings: string[]
}

/**
 * Applies a manifest: what it names and differs is changed, what it does not name stays, nothing is deleted. All of it in
 * one transaction, after everything slow was done aside: an error changes nothing.
 * @throws Fault what is wrong, by the name that the manifest gives it; the signal's reason
 */
export function applyManifest(
  context: ManagementContext,
  actor: Actor,
  manifest: ReadManifest,
  report: Report,
  signal?: AbortSignal,
): Promise<Applied> {
  return context.publisher.takingArtifacts(() => applyStaged(context, actor, manifest, report, signal))
}

async function applyStaged(
  context: ManagementContext,
  actor: Actor,
  manifest: ReadManifest,
  report: Report,
  signal?: AbortSignal,
): Promise<Applied> {
  const staged = await stageManifest(context, manifest, report, signal)
  try {
    signal?.throwIfAborted()
    await warmSuccessors(context, manifest, staged)
    const held = replacedBy(context, manifest, staged)
    const endpoints = manifest.projects.flatMap(p => p.services ?? []).flatMap(s => s.endpoints ?? [])
    const applied = await holding(context, [...held.values()], async () => {
      await staged.settle(context, held)
      const { applied, replaced } = await context.publisher.changeChecked(endpoints, (tx, touched) => {
        const run = new Run(context, tx, touched, actor, manifest, staged)
        if (manifest.porter && putPorterApp(tx, actor, manifest.porter))
          run.applied.changes.push('porter: the app is set')
        for (const connection of staged.connections) run.connection(connection)
        for (const project of manifest.projects) run.project(project)
        return { applied: run.applied, replaced: run.replaced }
      })
      for (const file of replaced) context.publisher.discardFile(file)
      return applied
    })
    for (const { name } of staged.connections) context.connections.forget(name)
    const ofServices = manifest.projects
      .flatMap(project => project.services ?? [])
      .flatMap(service => {
        const published = context.publisher.registry.get(service.key)
        const warnings = [...warningsOf(published), ...outOfReach(service, [...(published?.endpoints.keys() ?? [])])]
        return warnings.map(warning => `service ${service.key}, ${warning}`)
      })
    applied.warnings = [...staged.warnings, ...ofServices]
    return applied
  } catch (error) {
    await staged.discard(context)
    throw error
  }
}

/** Endpoints that keys of a service are to reach, and that it does not have: such a name is most often misspelt. */
function outOfReach({ endpoints = [], keys = [] }: ManifestService, published: string[]): string[] {
  const ids = [...endpoints.map(endpoint => String(endpoint.id)), ...published]
  return keys.flatMap(({ name, allowed_endpoints }) =>
    (allowed_endpoints ?? [])
      .filter(id => !ids.includes(id))
      .map(id => {
        const meant = nearestOf(id, ids)
        const what = `allowed_endpoints has ${shown(id)}, which is no endpoint`
        return `key ${shown(name)}: ${what}${meant ? `; did you mean ${shown(meant)}?` : '.'}`
      }),
  )
}

/** The datasets whose files this replaces, by `project/dataset`. */
function replacedBy(context: ManagementContext, { projects }: ReadManifest, staged: Staged): Map<string, Dataset> {
  const found = projects.flatMap(({ slug, datasets = [] }) => {
    const project = findProject(context.db, slug)
    return datasets.flatMap(({ name }) => {
      const place = `${slug}/${name}`
      const dataset = project && staged.replaces(place) ? findDataset(context.db, project.id, name) : undefined
      return dataset ? [[place, dataset] as const] : []
    })
  })
  return new Map(found)
}

/** New versions of models that are served already are loaded before they take over, so that no call waits for that. */
async function warmSuccessors(context: ManagementContext, manifest: ReadManifest, staged: Staged): Promise<void> {
  const { scorer, modelsDir } = context.publisher.registry.runtime
  for (const project of manifest.projects) {
    const known = findProject(context.db, project.slug)
    for (const { name, versions } of project.models ?? []) {
      if (!known || !findModel(context.db, known.id, name)) continue
      for (const { version } of versions) {
        const added = staged.versions.get(`${project.slug}/${name}:${version}`)
        if (!added) continue
        const { sha256, metadata } = added
        await scorer.warm({ sha256, path: artifactPath(modelsDir, sha256, metadata), metadata })
      }
    }
  }
}

/** What a new generation is, in words. */
function whatBecame(
  before: Dataset | undefined,
  { source, sourceHash, rowCount, writable, location }: Generation,
): string {
  if (before?.sourceHash === sourceHash && before.writable !== (writable ?? false))
    return writable ? 'endpoints may write to it' : 'endpoints may not write to it any more'
  if (source === null) return 'created empty'
  return location ? `${rowCount} rows, which stay where they are` : `${rowCount} rows imported`
}

/** A field of the catalog as a manifest calls it. */
const spelt = (field: string): string =>
  ({ isPublic: 'public', config: 'endpoints' })[field] ?? field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** One application, inside its transaction. */
class Run {
  readonly applied: Applied = { changes: [], proposals: [], minted: [], warnings: [] }
  readonly replaced: string[] = []
  #context: ManagementContext
  #tx: Store
  #touched: Touched
  #actor: Actor
  #secrets: Map<string, string>
  #staged: Staged

  constructor(
    context: ManagementContext,
    tx: Store,
    touched: Touched,
    actor: Actor,
    manifest: ReadManifest,
    staged: Staged,
  ) {
    this.#context = context
    this.#tx = tx
    this.#touched = touched
    this.#actor = actor
    this.#secrets = manifest.secrets
    this.#staged = staged
  }

  connection(declared: DeclaredConnection): void {
    putConnection(this.#tx, this.#actor, declared)
    this.#changed(`connection ${declared.name}: declared`)
  }

  project(given: ManifestProject): void {
    const known = findProject(this.#tx, given.slug)
    const fields = { name: given.name, description: given.description }
    const project =
      known ?? createProject(this.#tx, this.#actor, { slug: given.slug, ...fields, name: given.name ?? given.slug })
    if (!known) this.#changed(`project ${given.slug}: created`)
    else if (updateProject(this.#tx, this.#actor, known, fields)) this.#changed(`project ${given.slug}: updated`)
    for (const dataset of given.datasets ?? []) this.#dataset(project, dataset)
    for (const model of given.models ?? []) this.#model(project, model)
    for (const service of given.services ?? []) this.#service(project, service)
    for (const deployment of given.deployments ?? []) this.#deployment(project, deployment)
    for (const key of given.keys ?? []) this.#key(project, null, key)
  }

  #deployment(project: Project, { name, ...given }: ManifestDeployment): void {
    const known = findDeployment(this.#tx, project.id, name)
    if (!known) createDeployment(this.#tx, this.#actor, project.id, name, given)
    else if (updateDeployment(this.#tx, this.#actor, known, given) === known) return
    this.#changed(`deployment ${name}: ${known ? 'changed' : 'declared'}`)
    this.#touched.deployments.add(project.id)
  }

  #changed(what: string): void {
    this.applied.changes.push(what)
  }

  #dataset(project: Project, given: ManifestDataset): void {
    const place = `${project.slug}/${given.name}`
    const generation = this.#staged.generations.get(place)
    const isKept = this.#staged.kept.has(place)
    const touch = () => this.#touched.datasets.add(inProject(project.id, given.name))
    const before = findDataset(this.#tx, project.id, given.name)
    if (generation) {
      const { replaced } = putGeneration(this.#tx, this.#actor, project.id, given.name, generation)
      if (replaced) this.replaced.push(replaced)
      this.#changed(`dataset ${given.name}: ${whatBecame(before, generation)}`)
      touch()
    }
    const dataset = getDataset(this.#tx, project.id, given.name)
    if (given.columns && setColumnPolicy(this.#tx, this.#actor, dataset, given.columns, isKept)) {
      this.#changed(`dataset ${given.name}: column policy`)
      touch()
    }
    if (given.description !== undefined) setDescription(this.#tx, this.#actor, dataset, given.description)
    const nullable = Object.entries(nullableOf(given.columns)).filter(
      ([name]) => !isKept || dataset.columns.some(c => c.name === name),
    )
    const now = getDataset(this.#tx, project.id, given.name)
    if (setNullable(this.#tx, this.#actor, now, Object.fromEntries(nullable))) {
      this.#changed(`dataset ${given.name}: values may be missing`)
      touch()
    }
    if (!generation && dataset.engine === 'sqlite' && given.from !== undefined)
      setOrigin(this.#tx, dataset, originOf(given))
    if (
      given.refresh !== undefined &&
      setRefresh(this.#tx, this.#actor, getDataset(this.#tx, project.id, given.name), given.refresh)
    )
      this.#changed(`dataset ${given.name}: refresh`)
    const proposals = generation && openProposals(getDataset(this.#tx, project.id, given.name))
    if (proposals) this.applied.proposals.push(proposals)
  }

  #model(project: Project, given: ManifestModel): void {
    for (const { version } of given.versions) {
      if (this.#staged.restored.has(`${project.slug}/${given.name}:${version}`))
        this.#changed(`model ${given.name}: the file of version ${version} was gone, and is there again`)
      const staged = this.#staged.versions.get(`${project.slug}/${given.name}:${version}`)
      if (!staged) continue
      addVersion(this.#tx, this.#actor, project.id, staged)
      this.#changed(`model ${given.name}: version ${version} added`)
      this.#touched.models.add(inProject(project.id, given.name))
    }
    const model = findModel(this.#tx, project.id, given.name)!
    const highest = versionsOf(this.#tx, model.id)[0]!.version
    // by default the highest version is active, but once a model is there, only a manifest that says so changes it
    const isNew = given.versions.every(v => this.#staged.versions.has(`${project.slug}/${given.name}:${v.version}`))
    const active = given.active ?? (isNew ? highest : model.activeVersion!)
    if (active === model.activeVersion) return
    if (!versionNumbered(this.#tx, model.id, active))
      throw unprocessable(`model ${given.name}: there is no version ${active} to activate.`)
    activate(this.#tx, this.#actor, model, active)
    this.#changed(`model ${given.name}: version ${active} is active`)
    this.#touched.models.add(inProject(project.id, given.name))
  }

  #service(project: Project, given: ManifestService): void {
    const known = findAsset(this.#tx, given.key)
    if (known && known.projectId !== project.id) throw conflict(`service ${given.key}: another project has this key.`)
    const asset = known ? this.#update(known, given) : this.#create(project, given)
    const differs = JSON.stringify(asset.config) !== JSON.stringify(asset.publishedConfig)
    if (given.publish === true && (asset.status !== 'published' || differs)) {
      markPublished(this.#tx, this.#actor, asset)
      this.#changed(`service ${given.key}: published`)
    } else if (given.publish === false && asset.status === 'published') {
      markUnpublished(this.#tx, this.#actor, asset)
      this.#changed(`service ${given.key}: unpublished`)
    }
    this.#touched.assets.add(asset.id)
    for (const key of given.keys ?? []) this.#key(project, asset, key)
  }

  #create(project: Project, given: ManifestService): Asset {
    this.#changed(`service ${given.key}: created`)
    return createAsset(this.#tx, this.#actor, {
      projectId: project.id,
      assetType: 'api_service',
      assetKey: given.key,
      title: given.title ?? given.key,
      description: given.description ?? '',
      isPublic: given.public ?? false,
      config: { endpoints: given.endpoints ?? [] },
    })
  }

  #update(asset: Asset, given: ManifestService): Asset {
    const config = given.endpoints && { ...asset.config, endpoints: given.endpoints }
    const wanted = { title: given.title, description: given.description, isPublic: given.public, config }
    const fields = Object.fromEntries(
      Object.entries(wanted).filter(
        ([name, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(asset[name as keyof Asset]),
      ),
    )
    if (Object.keys(fields).length === 0) return asset
    this.#changed(`service ${given.key}: ${Object.keys(fields).map(spelt).join(', ')} changed`)
    saveAsset(this.#tx, this.#actor, asset, fields, 'manifest')
    return getAsset(this.#tx, asset.id)
  }

  #key(project: Project, asset: Asset | null, given: ManifestKey): void {
    const { keys } = this.#context
    const owner = { projectId: project.id, assetId: asset?.id ?? null }
    const secret = given.secret_env === undefined ? undefined : this.#secrets.get(given.secret_env)!
    const known = secret
      ? keys.findByHash(this.#tx, secret)
      : // the newest of the name: a rotated key's successor, or one that was revoked, and stays so
        keys.named(this.#tx, owner, given.name)
    if (known && (known.projectId !== owner.projectId || known.assetId !== owner.assetId))
      throw conflict(`key ${given.name}: its secret is already used by another key.`)
    const fields = keyFieldsOf(given, `key ${given.name}: `)
    if (known) {
      const changed = Object.fromEntries(
        Object.entries(fields).filter(
          ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name as keyof typeof known]),
        ),
      )
      if (Object.keys(changed).length === 0) return
      keys.update(this.#tx, this.#actor, known, changed)
      this.#changed(`key ${given.name}: ${Object.keys(changed).map(spelt).join(', ')} changed`)
      return
    }
    const minted = keys.mint(this.#tx, this.#actor, owner, { ...PLAIN_KEY, ...fields, name: given.name }, secret)
    this.#changed(`key ${given.name}: minted`)
    if (!secret)
      this.applied.minted.push({
        service: asset?.assetKey ?? null,
        project: project.slug,
        name: given.name,
        secret: minted.secret,
      })
  }
}
