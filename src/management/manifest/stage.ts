import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Dataset, findDataset, type Generation } from '../../catalog/datasets.ts'
import { findModel, type NewVersion, versionsOf } from '../../catalog/models.ts'
import { findProject } from '../../catalog/projects.ts'
import { sha256Of } from '../../lib/digest.ts'
import { Fault } from '../../lib/fault.ts'
import { artifactPath } from '../../scoring/metadata.ts'
import type { ManagementContext } from '../context.ts'
import { nullableOf } from '../datasets.ts'
import { discardStaged, type Progress, stageModel, type TableSource, tableHash } from '../intake.ts'
import {
  type EmptyTable,
  emptyHash,
  generationOf,
  madeEmpty,
  madeLive,
  settled,
  stageRows,
  wasWritten,
} from '../live-tables.ts'
import type { ReadManifest } from './read.ts'
import type { ManifestDataset } from './schema.ts'

/** Everything that takes long, done before the catalog is touched: what a manifest's files became. */
export class Staged {
  /** `project/dataset` -> its new generation; absent: the file has not changed */
  readonly generations = new Map<string, Generation>()
  /** `project/model:version` -> the version; absent: it is there already */
  readonly versions = new Map<string, NewVersion>()
  /** `project/model:version`, where the version is there and only its file had gone */
  readonly restored = new Set<string>()
  /** `project/dataset`, where it is to be written to no more: its file is made when nobody writes to it */
  readonly settling = new Map<string, Dataset>()
  readonly warnings: string[] = []

  replaces = (place: string): boolean => this.generations.has(place) || this.settling.has(place)

  /**
   * What can be known only while the datasets that are replaced are held: files that are written to no more, and rows that
   * were written since the others were staged, which stay.
   */
  async settle(context: ManagementContext, replaced: ReadonlyMap<string, Dataset>): Promise<void> {
    for (const [place, generation] of this.generations) {
      const dataset = replaced.get(place)
      if (!dataset || !wasWritten(context, dataset)) continue
      this.generations.delete(place)
      this.warnings.push(keptRows(dataset.name))
      await discardStaged(context, generation)
    }
    for (const [place, dataset] of this.settling) this.generations.set(place, await settled(context, dataset))
  }

  async discard(context: ManagementContext): Promise<void> {
    for (const generation of this.generations.values()) await discardStaged(context, generation)
  }
}

export interface StageReporter {
  /** Progress of one table's import; called with its name. */
  table(name: string): { update: Progress; done(rows: number): void; failed(): void }
}

/**
 * Imports every table whose file (or key, indexes, types) changed, and takes in every model that is not there; also what the
 * catalog has and the data directory has lost.
 * @throws Fault what the first wrong file is, and where; the signal's reason; nothing is left behind
 */
export async function stageManifest(
  context: ManagementContext,
  manifest: ReadManifest,
  report: StageReporter,
  signal?: AbortSignal,
): Promise<Staged> {
  const staged = new Staged()
  try {
    for (const project of manifest.projects) {
      const projectId = findProject(context.db, project.slug)?.id
      for (const dataset of project.datasets ?? [])
        await stageDataset(context, project.slug, projectId, dataset, staged, report, signal)
      for (const model of project.models ?? [])
        for (const { version, file, features } of model.versions) {
          signal?.throwIfAborted()
          const known = projectId === undefined ? undefined : findModel(context.db, projectId, model.name)
          const same = known && versionsOf(context.db, known.id).find(v => v.version === version)
          const unchanged =
            same?.sha256 === (await sha256Of(file)) &&
            JSON.stringify(same?.features) === JSON.stringify(features ?? null)
          const { modelsDir } = context.publisher.registry.runtime
          if (same && unchanged && existsSync(artifactPath(modelsDir, same.sha256, same.metadata))) continue
          const what = `model ${model.name} version ${version}`
          const put = await about(what, stageModel(context, file, { name: model.name, version, features }))
          if (unchanged) staged.restored.add(`${project.slug}/${model.name}:${version}`)
          else staged.versions.set(`${project.slug}/${model.name}:${version}`, put)
        }
    }
    return staged
  } catch (error) {
    await staged.discard(context)
    throw error
  }
}

/** A new generation of a dataset whose file, or what is said of how it is read, has changed; or one of the other kind. */
async function stageDataset(
  context: ManagementContext,
  slug: string,
  projectId: number | undefined,
  dataset: ManifestDataset,
  staged: Staged,
  report: StageReporter,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted()
  const place = `${slug}/${dataset.name}`
  const found = projectId === undefined ? undefined : findDataset(context.db, projectId, dataset.name)
  const known =
    found && existsSync(join(context.publisher.registry.runtime.warehouseDir, found.file)) ? found : undefined
  const empty = emptyOf(dataset)
  const source = empty ? undefined : sourceOf(dataset)
  const hash = source ? await tableHash(source) : emptyHash(empty!)
  const writable = dataset.writable ?? found?.writable ?? false
  const nullable = nullableOf(dataset.columns)
  if (known?.sourceHash === hash) {
    if (known.writable && !writable) staged.settling.set(place, known)
    else if (writable && !known.writable) {
      const made = madeLive(context, generationOf(known), { types: source?.types, nullable })
      staged.generations.set(place, await about(`dataset ${dataset.name}`, made))
    }
    return
  }
  if (known && wasWritten(context, known)) return void staged.warnings.push(keptRows(dataset.name))
  if (!source) {
    const made = madeEmpty(context, empty!)
    return void staged.generations.set(place, await about(`dataset ${dataset.name}`, made))
  }
  const progress = report.table(dataset.name)
  try {
    const imported = stageRows(context, source, { writable, nullable }, progress.update, signal)
    const generation = await about(`dataset ${dataset.name}`, imported)
    staged.generations.set(place, { ...generation, origin: source })
    progress.done(generation.rowCount)
  } catch (error) {
    progress.failed()
    throw error
  }
}

/** What is said of a dataset whose rows are not replaced. */
export const keptRows = (name: string) =>
  `dataset ${name}: it has changed in the manifest, but rows of it were written since it was made: they stay. ` +
  `POST /api/datasets/${name}/refresh?force=true replaces them by those of the file.`

/** A table that begins without a file. */
export function emptyOf(dataset: ManifestDataset): EmptyTable | undefined {
  if (dataset.from !== undefined) return undefined
  return {
    columns: dataset.columns as EmptyTable['columns'],
    primaryKey: dataset.primary_key === undefined ? undefined : [dataset.primary_key].flat(),
    indexes: dataset.indexes,
  }
}

/** What a manifest says of a table, and what `sourceHash` was made from: the same on both sides. */
export function sourceOf(dataset: ManifestDataset): TableSource {
  const types = Object.entries(dataset.columns ?? {}).flatMap(([name, c]) => (c.type ? [[name, c.type] as const] : []))
  return {
    path: dataset.from!,
    primaryKey: dataset.primary_key === undefined ? undefined : [dataset.primary_key].flat(),
    chooseKey: dataset.choose_key,
    indexes: dataset.indexes,
    types: Object.fromEntries(types),
  }
}

/** Says what a refusal is about. */
async function about<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw new Fault(error.status, error.code, `${what}: ${error.message}`, {
      cause: error.cause,
      members: error.members,
    })
  }
}
