import { activeVersion, findModel, findVersion, type Model, type ModelVersion, versionsOf } from '../catalog/models.ts'
import type { ModelEndpoint, ModelReference } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { compileCodec } from '../scoring/codec.ts'
import { artifactPath } from '../scoring/metadata.ts'
import { predict } from '../scoring/predict.ts'
import type { Endpoint, ModelReply, ServedModel, ServedVersion } from './endpoint.ts'
import { compilePorterRoute } from './porter.ts'
import { compileRowSchema } from './row-schema.ts'
import type { EndpointRuntime } from './runtime.ts'

/**
 * The model that is meant, with its versions: `model_id` and `model` with `version` are pinned to one, `model` alone follows
 * the active one and serves all of them by number.
 * @throws Fault 404 the project does not have it; 422 no such output, or a schema that is none
 */
export function serveModel(
  reference: ModelReference,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
): ServedModel {
  const { model, wanted, pinned } = find(reference, store, projectId)
  const check = compileRowSchema(reference.schema)
  const served = (version: ModelVersion): ServedVersion => ({
    id: version.id,
    number: version.version,
    metadata: version.metadata,
    codec: compileCodec(version.metadata, version.features ?? undefined, {
      strict: reference.strict,
      output: reference.output,
      allOutputs: reference.outputs === 'all',
    }),
    scoring: {
      sha256: version.sha256,
      path: artifactPath(runtime.modelsDir, version.sha256, version.metadata),
      metadata: version.metadata,
      maxDelayMs: reference.max_delay_ms,
    },
    checksRows: reference.schema !== undefined,
    check,
  })
  const active = served(wanted)
  const versions = new Map([[active.number, active]])
  if (!pinned)
    for (const version of versionsOf(store, model.id))
      if (version.version !== active.number) {
        try {
          versions.set(version.version, served(version))
        } catch {} // another version may lack the output that this endpoint names: it is not served here
      }
  return { name: model.name, active, versions }
}

function find(
  reference: ModelReference,
  store: Store,
  projectId: number,
): { model: Model; wanted: ModelVersion; pinned: boolean } {
  if (reference.model_id !== undefined) {
    const found = findVersion(store, reference.model_id)
    if (found?.model.projectId !== projectId) throw notFound(`The project has no model ${reference.model_id}.`)
    return { model: found.model, wanted: found.version, pinned: true }
  }
  const model = findModel(store, projectId, reference.model!)
  if (!model) throw notFound(`The project has no model ${reference.model}.`)
  const pinned = reference.version !== undefined
  const wanted = pinned
    ? versionsOf(store, model.id).find(v => v.version === reference.version)
    : activeVersion(store, model)
  if (!wanted) throw notFound(`Model ${reference.model} has no version ${reference.version ?? 'that is active'}.`)
  return { model, wanted, pinned }
}

/** @throws Fault as `serveModel` */
export function compileModelEndpoint(
  endpoint: ModelEndpoint,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
): Endpoint {
  const model = serveModel(endpoint, store, projectId, runtime)
  const { active } = model
  return {
    id: endpoint.id,
    kind: 'model',
    methods: ['POST'],
    takesBody: true,
    files: [],
    model,
    porter: compilePorterRoute(endpoint, { served: model, output: endpoint.output, strict: endpoint.strict }),
    async run(call): Promise<ModelReply> {
      const { rows, form } = rowsOf(call.body)
      active.check(rows, form)
      const decoded = await predict(runtime.scorer, active.scoring, active.codec, rows, form, call)
      return { ...decoded, model_id: active.id, count: rows.length }
    },
  }
}

const NEITHER = 'The body is {"features": {...}} for one row or {"rows": [{...}, ...]} for several.'

/** @throws Fault 422 not exactly one of `features` and `rows`, or no rows */
function rowsOf(body: unknown): { rows: readonly unknown[]; form: 'rows' | 'features' } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw unprocessable(NEITHER)
  const hasFeatures = Object.hasOwn(body, 'features')
  const hasRows = Object.hasOwn(body, 'rows')
  if (hasFeatures === hasRows) throw unprocessable(hasRows ? 'Either features or rows, not both.' : NEITHER)
  const { features, rows } = body as { features?: unknown; rows?: unknown }
  if (hasFeatures) {
    if (typeof features !== 'object' || features === null || Array.isArray(features))
      throw unprocessable('features must be an object of named features.')
    return { rows: [features], form: 'features' }
  }
  if (!Array.isArray(rows)) throw unprocessable('rows must be a list of objects of named features.')
  if (rows.length === 0) throw unprocessable('rows is empty.')
  return { rows, form: 'rows' }
}
