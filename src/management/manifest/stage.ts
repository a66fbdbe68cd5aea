import { existsSync } from 'node:fs'
import type { DeclaredConnection } from '../../catalog/connections.ts'
import { findDataset, type Generation } from '../../catalog/datasets.ts'
import { findModel, type NewVersion, versionsOf } from '../../catalog/models.ts'
import { findProject } from '../../catalog/projects.ts'
import { sha256Of } from '../../lib/digest.ts'
import { artifactPath } from '../../scoring/metadata.ts'
import type { ManagementContext } from '../context.ts'
import { discardStaged, type Progress, stageModel } from '../intake.ts'
import { type ConnectionOf, isUnchanged, stageSource } from '../sources.ts'
import { stageConnections } from './connections.ts'
import { naming } from './naming.ts'
import type { ReadManifest } from './read.ts'
import type { ManifestDataset } from './schema.ts'
import { sourceOf } from './source.ts'

/** Everything that takes long, done before the catalog is touched: what a manifest's files became. */
export class Staged {
  /** those that are new or declared otherwise than the catalog has them */
  connections: DeclaredConnection[] = []
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
  const { changed, connectionOf, close } = await stageConnections(context, manifest.connections)
  staged.connections = changed
  try {
    for (const project of manifest.projects) {
      const projectId = findProject(context.db, project.slug)?.id
      for (const dataset of project.datasets ?? [])
        await stageDataset(context, project.slug, projectId, dataset, staged, connectionOf, report, signal)
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
          const put = await naming(what, () => stageModel(context, file, { name: model.name, version, features }))
          if (unchanged) staged.restored.add(`${project.slug}/${model.name}:${version}`)
          else staged.versions.set(`${project.slug}/${model.name}:${version}`, put)
        }
    }
    return staged
  } catch (error) {
    await staged.discard(context)
    throw error
  } finally {
    await close()
  }
}

async function stageDataset(
  context: ManagementContext,
  slug: string,
  projectId: number | undefined,
  dataset: ManifestDataset,
  staged: Staged,
  connectionOf: ConnectionOf,
  report: StageReporter,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted()
  const source = sourceOf(dataset)
  const known = projectId === undefined ? undefined : findDataset(context.db, projectId, dataset.name)
  const what = `dataset ${dataset.name}`
  if (known && (await naming(what, () => isUnchanged(context, known, source)))) return
  const progress = report.table(`${source.engine === 'sqlite' ? 'importing' : 'looking at'} ${dataset.name}`)
  try {
    const generation = await naming(what, () => stageSource(context, source, connectionOf, progress.update, signal))
    staged.generations.set(`${slug}/${dataset.name}`, generation)
    progress.done(generation.rowCount)
  } catch (error) {
    progress.failed()
    throw error
  }
}
