import { existsSync } from 'node:fs'
import type { ColumnType } from '../../catalog/column.ts'
import { findDataset, type Generation, type Origin } from '../../catalog/datasets.ts'
import { findModel, type NewVersion, versionsOf } from '../../catalog/models.ts'
import { findProject } from '../../catalog/projects.ts'
import { sha256Of } from '../../lib/digest.ts'
import { Fault } from '../../lib/fault.ts'
import { artifactPath } from '../../scoring/metadata.ts'
import type { ManagementContext } from '../context.ts'
import { discardStaged, type Progress, stageModel } from '../intake.ts'
import { type DatasetSource, isUnchanged, stageSource } from '../sources.ts'
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

  async discard(context: ManagementContext): Promise<void> {
    for (const generation of this.generations.values()) await discardStaged(context, generation)
  }
}

export interface StageReporter {
  /** Progress of one table; `what` is done: `importing marts.flights`. */
  table(what: string): { update: Progress; done(rows: number): void; failed(): void }
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
  const source = sourceOf(dataset)
  const known = projectId === undefined ? undefined : findDataset(context.db, projectId, dataset.name)
  const what = `dataset ${dataset.name}`
  if (known && (await about(what, isUnchanged(context, known, source)))) return
  const progress = report.table(`${source.engine === 'sqlite' ? 'importing' : 'looking at'} ${dataset.name}`)
  try {
    const generation = await about(what, stageSource(context, source, progress.update, signal))
    staged.generations.set(`${slug}/${dataset.name}`, generation)
    progress.done(generation.rowCount)
  } catch (error) {
    progress.failed()
    throw error
  }
}

/** What a manifest says of where a dataset's rows come from. */
export function sourceOf(dataset: ManifestDataset): DatasetSource {
  const { engine = 'sqlite', from = '', indexes } = dataset
  const primaryKey = dataset.primary_key === undefined ? undefined : [dataset.primary_key].flat()
  const declared = Object.entries(dataset.columns ?? {}).flatMap(([name, c]) =>
    c.type ? [[name, c.type] as const] : [],
  )
  const types = Object.fromEntries(declared) as Record<string, ColumnType>
  if (engine === 'duckdb') return { engine, path: from, primaryKey, types }
  return { engine, path: from, primaryKey, chooseKey: dataset.choose_key, indexes, types }
}

/** The file that a manifest imports a dataset from, and how. */
export function originOf(dataset: ManifestDataset): Origin {
  const { engine: _, ...origin } = sourceOf(dataset) as Extract<DatasetSource, { engine: 'sqlite' }>
  return origin
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
