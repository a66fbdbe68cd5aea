import { type Dataset, findDataset } from '../../catalog/datasets.ts'
import { findModel } from '../../catalog/models.ts'
import { findProject } from '../../catalog/projects.ts'
import type { Actor } from '../../catalog/store.ts'
import { warningsOf } from '../../endpoints/endpoint.ts'
import { nearestOf, shown } from '../../lib/text.ts'
import { artifactPath } from '../../scoring/metadata.ts'
import type { ManagementContext } from '../context.ts'
import { holding } from '../live-tables.ts'
import { type Changed, Changes } from './changes.ts'
import type { ReadManifest } from './read.ts'
import type { ManifestService } from './schema.ts'
import { type Report, type Staged, stageManifest } from './stage.ts'

export interface Applied extends Changed {
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
    const made = await holding(context, [...held.values()], async () => {
      await staged.settle(context, held)
      const { made, replaced } = await context.publisher.changeChecked(endpoints, (tx, touched) => {
        const changes = new Changes(context.keys, tx, touched, actor, manifest.secrets, staged)
        changes.make(manifest)
        return changes
      })
      for (const file of replaced) context.publisher.discardFile(file)
      return made
    })
    for (const { name } of staged.connections) context.connections.forget(name)
    const ofServices = manifest.projects
      .flatMap(project => project.services ?? [])
      .flatMap(service => {
        const published = context.publisher.registry.get(service.key)
        const warnings = [...warningsOf(published), ...outOfReach(service, [...(published?.endpoints.keys() ?? [])])]
        return warnings.map(warning => `service ${service.key}, ${warning}`)
      })
    return { ...made, warnings: [...staged.warnings, ...ofServices] }
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
