import { existsSync } from 'node:fs'
import type { DeclaredConnection } from '../../catalog/connections.ts'
import { type Dataset, findDataset, type Generation } from '../../catalog/datasets.ts'
import { findModel, type NewVersion, versionNumbered } from '../../catalog/models.ts'
import { findProject } from '../../catalog/projects.ts'
import type { ProgressReporter } from '../../lib/progress.ts'
import { isLive } from '../../query/live-file.ts'
import { artifactPath } from '../../scoring/metadata.ts'
import type { ManagementContext } from '../context.ts'
import { nullableOf } from '../datasets.ts'
import { discardStaged, stageModel } from '../intake.ts'
import { isAsDeclared, madeEmpty, settled, stageWritable, turned, wasFilled, wasWritten } from '../live-tables.ts'
import { type ConnectionOf, isUnchanged, stageSource } from '../sources.ts'
import { stageConnections } from './connections.ts'
import { naming } from './naming.ts'
import type { ReadManifest } from './read.ts'
import type { ManifestDataset, ManifestModel } from './schema.ts'
import { emptyOf, sourceOf, typesOf } from './source.ts'

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
  /** `project/dataset`, where it is to be written to no more: its file is made when nobody writes to it */
  readonly settling = new Map<string, Dataset>()
  /** `project/dataset`, where the rows are not replaced though the manifest declares others */
  readonly kept = new Set<string>()
  readonly warnings: string[] = []

  /** @param from whether the manifest names a file of its rows */
  keep(place: string, name: string, from: boolean): void {
    this.kept.add(place)
    this.warnings.push(keptRows(name, from))
  }

  replaces = (place: string): boolean => this.generations.has(place) || this.settling.has(place)

  /**
   * What can be known only while the datasets that are replaced are held: files that are written to no more, and rows that
   * were written since the others were staged, which stay.
   */
  async settle(context: ManagementContext, replaced: ReadonlyMap<string, Dataset>): Promise<void> {
    for (const [place, generation] of this.generations) {
      const dataset = replaced.get(place)
      if (!dataset || !isLive(dataset.file) || !wasWritten(context, dataset)) continue
      this.generations.delete(place)
      this.keep(place, dataset.name, generation.origin !== undefined)
      await discardStaged(context, generation)
    }
    for (const [place, dataset] of this.settling) this.generations.set(place, await settled(context, dataset))
  }

  async discard(context: ManagementContext): Promise<void> {
    for (const generation of this.generations.values()) await discardStaged(context, generation)
  }
}

/** Begins to report on something long, which is done now: `importing marts.flights`. */
export type Report = (what: string) => ProgressReporter

/**
 * Imports every table whose file (or key, indexes, types) changed, and takes in every model that is not there; also what the
 * catalog has and the data directory has lost.
 * @throws Fault what the first wrong file is, and where; the signal's reason; nothing is left behind
 */
export async function stageManifest(
  context: ManagementContext,
  manifest: ReadManifest,
  report: Report,
  signal?: AbortSignal,
): Promise<Staged> {
  const staged = new Staged()
  const { changed, connectionOf, warnings, close } = await stageConnections(context, manifest.connections)
  staged.connections = changed
  staged.warnings.push(...warnings)
  try {
    for (const { slug, datasets = [], models = [] } of manifest.projects) {
      const work = { staged, slug, projectId: findProject(context.db, slug)?.id, connectionOf, report, signal }
      for (const dataset of datasets) await stageDataset(context, dataset, work)
      for (const { name, versions } of models)
        for (const version of versions) await stageVersion(context, name, version, work)
    }
    return staged
  } catch (error) {
    await staged.discard(context)
    throw error
  } finally {
    await close()
  }
}

/** What is staged of a project, and with what. */
interface Work {
  staged: Staged
  slug: string
  /** undefined: the catalog does not have the project yet */
  projectId: number | undefined
  connectionOf: ConnectionOf
  report: Report
  signal: AbortSignal | undefined
}

/** A version that the catalog does not have, or not this file of it; also one whose file the data directory has lost. */
async function stageVersion(
  context: ManagementContext,
  name: string,
  { version, file, features }: ManifestModel['versions'][number],
  { staged, slug, projectId, signal }: Work,
): Promise<void> {
  signal?.throwIfAborted()
  const known = projectId === undefined ? undefined : findModel(context.db, projectId, name)
  const same = known && versionNumbered(context.db, known.id, version)
  const { modelsDir, queries } = context.publisher.registry.runtime
  const what = `model ${name} version ${version}`
  const sha256 = await naming(what, () => queries.looks.sha256(file))
  const unchanged = same?.sha256 === sha256 && JSON.stringify(same?.features) === JSON.stringify(features ?? null)
  if (same && unchanged && existsSync(artifactPath(modelsDir, same.sha256, same.metadata))) return
  const put = await naming(what, () => stageModel(context, file, { name, version, features }))
  const place = `${slug}/${name}:${version}`
  if (unchanged) staged.restored.add(place)
  else staged.versions.set(place, put)
}

/** A new generation of a dataset whose file, or what is said of how it is read, has changed; or one of the other kind. */
async function stageDataset(
  context: ManagementContext,
  dataset: ManifestDataset,
  { staged, slug, projectId, connectionOf, report, signal }: Work,
): Promise<void> {
  signal?.throwIfAborted()
  const place = `${slug}/${dataset.name}`
  const what = `dataset ${dataset.name}`
  const known = projectId === undefined ? undefined : findDataset(context.db, projectId, dataset.name)
  const empty = emptyOf(dataset)
  const source = empty ? undefined : sourceOf(dataset)
  const how = {
    writable: dataset.writable ?? known?.writable ?? false,
    nullable: nullableOf(dataset.columns),
    types: typesOf(dataset),
  }
  const isSame = async (known: Dataset) =>
    source ? isUnchanged(context, known, source) : isAsDeclared(context, known, empty!)
  const isKept = (known: Dataset) => wasWritten(context, known) || (empty !== undefined && wasFilled(context, known))
  const same = known && (await naming(what, () => isSame(known)))
  if (known && (same || isKept(known))) {
    if (!same) staged.keep(place, known.name, source !== undefined)
    if (known.writable === how.writable) return
    if (isLive(known.file)) staged.settling.set(place, known)
    else staged.generations.set(place, await naming(what, () => turned(context, known, how)))
    return
  }
  if (!source) return void staged.generations.set(place, await naming(what, () => madeEmpty(context, empty!)))
  const progress = report(`${source.engine === 'sqlite' ? 'importing' : 'looking at'} ${dataset.name}`)
  try {
    const generation = await naming(what, () =>
      stageWritable(context, stageSource(context, source, connectionOf, progress.update, signal), how),
    )
    staged.generations.set(place, generation)
    progress.done()
  } catch (error) {
    progress.ended(signal?.aborted ? 'stopped' : 'failed')
    throw error
  }
}

/** What is said of a dataset whose rows are not replaced. */
const keptRows = (name: string, from: boolean) =>
  from
    ? `dataset ${name}: it has changed in the manifest, but rows of it were written since it was made: they stay. ` +
      `POST /api/datasets/${name}/refresh?force=true replaces them by those of the file.`
    : `dataset ${name}: it is not as it is in the manifest, but has rows that are nowhere else: they stay. ` +
      `After DELETE /api/datasets/${name} it is made as it is there at the next start.`
