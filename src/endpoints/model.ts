import { activeVersion, findModel, findVersion, type ModelVersion, versionsOf } from '../catalog/models.ts'
import type { ModelEndpoint } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { compileCodec } from '../scoring/codec.ts'
import { artifactPath } from '../scoring/metadata.ts'
import { predict } from '../scoring/predict.ts'
import type { ScoringModel } from '../scoring/scorer.ts'
import type { Endpoint, ModelReply } from './endpoint.ts'
import type { EndpointRuntime } from './runtime.ts'

/**
 * Which version an endpoint serves: `model_id` and `model` with `version` are pinned, `model` alone follows the active one.
 * @throws Fault 404 the project does not have it
 */
export function versionOf(endpoint: ModelEndpoint, store: Store, projectId: number): ModelVersion {
  if (endpoint.model_id !== undefined) {
    const found = findVersion(store, endpoint.model_id)
    if (found?.model.projectId !== projectId) throw notFound(`The project has no model ${endpoint.model_id}.`)
    return found.version
  }
  const model = findModel(store, projectId, endpoint.model!)
  if (!model) throw notFound(`The project has no model ${endpoint.model}.`)
  const version =
    endpoint.version === undefined
      ? activeVersion(store, model)
      : versionsOf(store, model.id).find(v => v.version === endpoint.version)
  if (!version) throw notFound(`Model ${endpoint.model} has no version ${endpoint.version ?? 'that is active'}.`)
  return version
}

/** @throws Fault 404 no such model; 422 no such output */
export function compileModelEndpoint(
  endpoint: ModelEndpoint,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
): Endpoint {
  const version = versionOf(endpoint, store, projectId)
  const { metadata, sha256 } = version
  const codec = compileCodec(metadata, version.features ?? undefined, {
    strict: endpoint.strict,
    output: endpoint.output,
    allOutputs: endpoint.outputs === 'all',
  })
  const model: ScoringModel = { sha256, path: artifactPath(runtime.modelsDir, sha256, metadata), metadata }
  return {
    id: endpoint.id,
    kind: 'model',
    methods: ['POST'],
    takesBody: true,
    files: [],
    artifacts: [sha256],
    async run({ body, deadline, signal }): Promise<ModelReply> {
      const { rows, form } = rowsOf(body)
      const decoded = await predict(runtime.scorer, model, codec, rows, form, { deadline, signal })
      return { ...decoded, model_id: version.id, count: rows.length }
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
