/** What a manifest changes in the catalog: the part of its application that is one transaction. */
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
import { type Keys, PLAIN_KEY } from '../../catalog/keys.ts'
import { activate, addVersion, findModel, versionNumbered, versionsOf } from '../../catalog/models.ts'
import { putPorterApp } from '../../catalog/porter.ts'
import { createProject, findProject, type Project, updateProject } from '../../catalog/projects.ts'
import { setRefresh } from '../../catalog/refresh.ts'
import type { Actor, Store } from '../../catalog/store.ts'
import { inProject, type Touched } from '../../endpoints/publisher.ts'
import { conflict, unprocessable } from '../../lib/fault.ts'
import { nullableOf } from '../datasets.ts'
import { keyFieldsOf } from '../keys.ts'
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
import type { Staged } from './stage.ts'

export interface Changed {
  /** what was changed, in words; empty: nothing differed */
  changes: string[]
  /** a line for each dataset that was imported: which columns are protected until somebody decides, and why */
  proposals: string[]
  /** keys without `secret_env` that were minted just now: shown once */
  minted: { service: string | null; project: string; name: string; secret: string }[]
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

/** What it differs in, made inside a transaction. */
export class Changes {
  readonly made: Changed = { changes: [], proposals: [], minted: [] }
  /** the files of datasets that have others now */
  readonly replaced: string[] = []
  #keys: Keys
  #tx: Store
  #touched: Touched
  #actor: Actor
  #secrets: Map<string, string>
  #staged: Staged

  constructor(keys: Keys, tx: Store, touched: Touched, actor: Actor, secrets: Map<string, string>, staged: Staged) {
    this.#keys = keys
    this.#tx = tx
    this.#touched = touched
    this.#actor = actor
    this.#secrets = secrets
    this.#staged = staged
  }

  /** @throws Fault what is wrong, by the name that the manifest gives it */
  make({ porter, projects }: ReadManifest): void {
    if (porter && putPorterApp(this.#tx, this.#actor, porter)) this.#changed('porter: the app is set')
    for (const connection of this.#staged.connections) this.#connection(connection)
    for (const project of projects) this.#project(project)
  }

  #connection(declared: DeclaredConnection): void {
    putConnection(this.#tx, this.#actor, declared)
    this.#changed(`connection ${declared.name}: declared`)
  }

  #project(given: ManifestProject): void {
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
    this.made.changes.push(what)
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
    if (proposals) this.made.proposals.push(proposals)
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
    const keys = this.#keys
    const owner = { projectId: project.id, assetId: asset?.id ?? null }
    const secret = given.secret_env === undefined ? undefined : this.#secrets.get(given.secret_env)!
    const known = secret
      ? keys.withSecret(this.#tx, secret)
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
      this.made.minted.push({
        service: asset?.assetKey ?? null,
        project: project.slug,
        name: given.name,
        secret: minted.secret,
      })
  }
}
