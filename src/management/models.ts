import { Type } from '@sinclair/typebox'
import { adminGrant } from '../catalog/grant.ts'
import {
  activate,
  activeVersion,
  addVersion,
  deleteVersion,
  findModel,
  findVersion,
  type ListedVersion,
  listModels,
  type Model,
  type ModelVersion,
  versionsOf,
} from '../catalog/models.ts'
import { checkModelName } from '../catalog/names.ts'
import type { Role } from '../catalog/projects.ts'
import type { Store } from '../catalog/store.ts'
import { textOf } from '../endpoints/endpoint.ts'
import { serveModel } from '../endpoints/model.ts'
import { inProject } from '../endpoints/publisher.ts'
import { compileEndpoint } from '../endpoints/registry.ts'
import { deadlineIn } from '../lib/deadline.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { NO_PARAMS } from '../lib/params.ts'
import { checkShape } from '../lib/shape.ts'
import { compileCodec } from '../scoring/codec.ts'
import {
  change,
  editedProject,
  idOf,
  jsonBody,
  type ManagementContext,
  projectFor,
  projectsInScope,
  type SignedIn,
  sees,
} from './context.ts'
import { stageModel } from './intake.ts'
import { checkMatch, json, jsonText, list, single } from './respond.ts'
import { receiveUpload } from './upload.ts'
import { type Use, type Uses, usesIn } from './uses.ts'

/** A version by its `model_id`, when the user has at least this role in its project. @throws Fault 404, 403 */
function versionFor(context: ManagementContext, who: SignedIn, id: string, need: Role) {
  const found = findVersion(context.db, idOf(id))
  if (!found || !sees(context, who.user, found.model.projectId)) throw notFound('No such model.')
  projectFor(context, who, found.model.projectId, need)
  return found
}

/** One row a name: its active version. */
export function models(context: ManagementContext, request: Request, who: SignedIn): Response {
  const name = new URL(request.url).searchParams.get('name')
  const rows = projectsInScope(context, who, request)
    .map(p => ({ found: listModels(context.db, p.id), uses: usesIn(context.db, p.id) }))
    .flatMap(({ found, uses }) =>
      found
        .filter(model => name === null || model.name === name)
        .flatMap(model => {
          const active = activeVersion(context.db, model)
          const row = active && modelRow(context.db, model, active)
          return row ? [{ ...row, used_by: usesOf(uses, row) }] : []
        }),
    )
  return list(request, rows, found => ({ models: found }))
}

export function oneModel(context: ManagementContext, who: SignedIn, id: string): Response {
  const { model, version } = versionFor(context, who, id, 'viewer')
  return shown(context.db, model, version)
}

/** `POST /api/models/{id}/test`: predictions of this very version, for the body of a model endpoint; nothing has to be published. */
export async function testModel(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  id: string,
): Promise<Response> {
  const may = () => versionFor(context, who, id, 'editor')
  may()
  const body = await jsonBody(context, request, Type.Unknown(), 'score')
  const { model, version } = may()
  const config = { id: model.name, kind: 'model', model_id: version.id } as const
  const endpoint = compileEndpoint(config, context.db, model.projectId, context.publisher.registry.runtime)
  const deadline = deadlineIn(context.config.requestTimeout)
  const call = { params: NO_PARAMS, body, deadline, caller: request }
  return jsonText(textOf(await endpoint.run(call, adminGrant(model.projectId))))
}

/** Makes this version the active one of its name; endpoints that follow the name serve it from now on. */
export async function activateModel(context: ManagementContext, request: Request, who: SignedIn, id: string) {
  const may = () => versionFor(context, who, id, 'editor')
  const { model: owner } = may()
  // it takes over only when it is loaded, so that no call waits for that
  const { runtime } = context.publisher.registry
  const ahead = serveModel({ model_id: idOf(id) }, context.db, owner.projectId, runtime)
  await runtime.scorer.warm(ahead.active.scoring)
  const { model, version } = change(context, may, (tx, found, touched) => {
    checkMatch(request, modelRow(tx, found.model, found.version))
    touched.models.add(inProject(found.model.projectId, found.model.name))
    return { ...found, model: activate(tx, who.actor, found.model, found.version.version) }
  })
  return shown(context.db, model, version)
}

/**
 * Deletes a version; with `?versions=all` the model, every version of it, or nothing.
 * @throws Fault 409 the active version with siblings; 404/409 a published endpoint still needs it; 422 another `versions`
 */
export function removeModel(context: ManagementContext, request: Request, who: SignedIn, id: string): Response {
  const may = () => versionFor(context, who, id, 'editor')
  may()
  const versions = new URL(request.url).searchParams.get('versions')
  if (versions !== null && versions !== 'all') throw unprocessable('versions must be all.')
  const artifacts = change(context, may, (tx, found, touched) => {
    checkMatch(request, modelRow(tx, found.model, found.version))
    touched.models.add(inProject(found.model.projectId, found.model.name))
    const { model, version } = found
    const others = versionsOf(tx, model.id).filter(v => v.version !== model.activeVersion)
    // the active one goes last, as it has to
    const gone = versions === 'all' ? [...others, ...[activeVersion(tx, model) ?? []].flat()] : [version]
    for (const each of gone) {
      touched.modelIds.add(each.id)
      deleteVersion(tx, who.actor, model, each)
    }
    return gone.map(each => each.sha256)
  })
  for (const sha256 of artifacts) context.publisher.discardArtifact(sha256)
  return json({ deleted: true })
}

/** `POST /api/models`: multipart `file`, `name`, `version`, `features` (a JSON list of names). */
export async function uploadModel(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const may = editedProject(context, who, request, 'A model is uploaded into')
  return receiveUpload(context, request, async ({ path, fileName, fields }) => {
    const project = may()
    const name = fields.name || fileName.replace(/\.onnx$/i, '')
    if (name === '') throw unprocessable('The model has no name: send one, or a file with a name.')
    checkModelName(name)
    if (fields.version && !/^[1-9]\d{0,8}$/.test(fields.version))
      throw unprocessable('version must be a positive whole number.')
    const number = fields.version ? Number(fields.version) : undefined
    const features = featuresOf(fields.features)
    const { model, version, added } = await context.publisher.takingArtifacts(async () => {
      const staged = await stageModel(context, path, { name, version: number, features })
      return change(context, may, (tx, _, touched) => {
        touched.models.add(inProject(project.id, name))
        return addVersion(tx, who.actor, project.id, staged)
      })
    })
    return shown(context.db, findModel(context.db, project.id, model.name)!, version, added ? 201 : 200)
  })
}

function featuresOf(text: string | undefined): string[] | undefined {
  if (!text) return undefined
  let features: unknown
  try {
    features = text.trim().startsWith('[') ? JSON.parse(text) : text.split(',').map(name => name.trim())
  } catch {
    throw unprocessable('features is not a JSON list of names.')
  }
  const Names = Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })
  checkShape(Names, features, 'features')
  return features as string[]
}

const versionRow = (model: Model, version: ListedVersion) => ({
  model_id: version.id,
  version: version.version,
  active: model.activeVersion === version.version,
  sha256: version.sha256,
  size: version.size,
  created_at: version.createdAt,
})

function modelRow(store: Store, model: Model, version: ModelVersion) {
  const { metadata } = version
  const codec = compileCodec(metadata, version.features ?? undefined)
  return {
    ...versionRow(model, version),
    name: model.name,
    project_id: model.projectId,
    task_type: metadata.classifier ? 'classification' : 'regression',
    metrics: {},
    feature_importance: {},
    feature_columns: codec.features.map(f => f.name),
    features: codec.features,
    inputs: metadata.inputs,
    outputs: metadata.outputs,
    labels: metadata.classifier?.labels ?? null,
    versions: versionsOf(store, model.id).map(v => versionRow(model, v)),
  }
}

type ModelFields = ReturnType<typeof modelRow>
/** A version of a model, with what refers to the model or to any of its versions. */
export type ModelRow = ModelFields & { used_by: Use[] }
export type ModelVersionRow = ReturnType<typeof versionRow>

const usesOf = (uses: Uses, { name, versions }: ModelFields) =>
  uses.model(
    name,
    versions.map(v => v.model_id),
  )

/** What refers to it is no part of its ETag. */
function shown(store: Store, model: Model, version: ModelVersion, status = 200): Response {
  const row = modelRow(store, model, version)
  const links = { self: `/api/models/${version.id}`, project: `/api/projects/${model.projectId}` }
  return single(row, links, status, { used_by: usesOf(usesIn(store, model.projectId), row) })
}
