import { activeVersion, findModel, findVersion, type Model, type ModelVersion, versionsOf } from '../catalog/models.ts'
import type { ModelEndpoint } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { compileCodec } from '../scoring/codec.ts'
import { artifactPath } from '../scoring/metadata.ts'
import { predict } from '../scoring/predict.ts'
import type { Endpoint, ModelReply, ServedModel, ServedVersion } from './endpoint.ts'
import type { Surroundings } from './handler.ts'
import { compileHooks } from './hooks.ts'
import { compilePorterRoute } from './porter.ts'
import { compileRowSchema } from './row-schema.ts'
import type { EndpointRuntime } from './runtime.ts'

/** What says which model is served, and how: an endpoint's fields, or a deployment's. */
export type ModelReference = Pick<
  ModelEndpoint,
  'model_id' | 'model' | 'version' | 'strict' | 'output' | 'outputs' | 'schema' | 'max_delay_ms'
>

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

/** @throws Fault as `serveModel`; 422 a hook that is no handler */
export function compileModelEndpoint(
  endpoint: ModelEndpoint,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
  surroundings: Surroundings,
  published: boolean,
): Endpoint {
  const hooks = compileHooks(endpoint, surroundings, runtime, published)
  const model: ServedModel = { ...serveModel(endpoint, store, projectId, runtime), hooks }
  const { active } = model
  return {
    id: endpoint.id,
    kind: 'model',
    methods: ['POST'],
    takesBody: true,
    longIntegers: active.checksRows || active.codec.features.some(({ type }) => type === 'int64' || type === 'uint64'),
    files: [],
    model,
    porter: compilePorterRoute(endpoint, { served: model, output: endpoint.output, strict: endpoint.strict }),
    run(call, grant): Promise<ModelReply> {
      const { rows, form } = rowsOf(call.body)
      active.check(rows, form)
      const score = (made: readonly unknown[]) =>
        predict(runtime.scorer, active.scoring, active.codec, made, form, call)
      const scored = hooks ? hooks.predict(rows, score, { ...call, grant }) : score(rows)
      return scored.then(decoded => ({
        ...decoded,
        model_id: active.id,
        count: rows.length,
      }))
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
