import { HOOKS } from '../catalog/handler.ts'
import {
  activeVersion,
  findModel,
  findVersion,
  type Model,
  type ModelVersion,
  versionNumbered,
  wholeVersionsOf,
} from '../catalog/models.ts'
import type { JsonSchema, ModelEndpoint, ModelReference } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { parseJson } from '../lib/body.ts'
import { notFound } from '../lib/fault.ts'
import { parseLossless } from '../lib/json.ts'
import { rowsForm, sendableRecipe, takesLongIntegers } from '../scoring/answer.ts'
import type { Answered } from '../scoring/bodies.ts'
import { type CodecOptions, compileCodec, hasOutput } from '../scoring/codec.ts'
import { artifactPath } from '../scoring/metadata.ts'
import { predict } from '../scoring/predict.ts'
import { replyOf, rowsOf } from '../scoring/rows.ts'
import type { Scorer } from '../scoring/scorer.ts'
import type { SentRecipe } from '../scoring/wire.ts'
import type { Call, Endpoint, JsonText, ServedModel, ServedVersion, ServedVersions, Surroundings } from './endpoint.ts'
import { compileHooks } from './hooks.ts'
import { compilePorterRoute, orderWarnings } from './porter.ts'
import type { EndpointRuntime } from './runtime.ts'
import { compileRowCheck } from './schema-checks.ts'
import { longestText } from './schema-risk.ts'

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
  const check = compileRowCheck(reference.schema, () => runtime.schemas)
  const checksUpTo = longestText(reference.schema)
  const options: CodecOptions = {
    strict: reference.strict,
    output: reference.output,
    allOutputs: reference.outputs === 'all',
  }
  const served = (version: ModelVersion): ServedVersion => ({
    id: version.id,
    number: version.version,
    metadata: version.metadata,
    codec: compileCodec(version.metadata, version.features ?? undefined, options),
    ...recipesOf(version, options, reference.schema),
    scoring: {
      sha256: version.sha256,
      path: artifactPath(runtime.modelsDir, version.sha256, version.metadata),
      metadata: version.metadata,
      maxDelayMs: reference.max_delay_ms,
    },
    checksRows: reference.schema !== undefined,
    checksUpTo,
    check,
  })
  const active = served(wanted)
  // another version may lack the output that this endpoint names: it is not served here
  const others = pinned
    ? []
    : wholeVersionsOf(store, model.id).filter(
        v => v.version !== active.number && hasOutput(v.metadata, reference.output),
      )
  return { name: model.name, active, versions: new Versions(active, others, served) }
}

/** Versions by their numbers. There may be thousands that nobody asks for: one is compiled when it is. */
class Versions implements ServedVersions {
  readonly numbers: readonly number[]
  #known: Map<number, ServedVersion>
  #others: Map<number, ModelVersion>
  #served: (version: ModelVersion) => ServedVersion

  constructor(active: ServedVersion, others: ModelVersion[], served: (version: ModelVersion) => ServedVersion) {
    this.#known = new Map([[active.number, active]])
    this.#others = new Map(others.map(version => [version.version, version]))
    this.#served = served
    this.numbers = [active.number, ...this.#others.keys()].sort((a, b) => a - b)
  }

  get(number: number): ServedVersion | undefined {
    const known = this.#known.get(number)
    const other = this.#others.get(number)
    if (known || !other) return known
    const served = this.#served(other)
    this.#known.set(number, served)
    return served
  }
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
  const wanted = pinned ? versionNumbered(store, model.id, reference.version!) : activeVersion(store, model)
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
  const longIntegers = active.checksRows || takesLongIntegers(active.codec)
  const porter = compilePorterRoute(endpoint, { served: model, output: endpoint.output, strict: endpoint.strict })
  return {
    id: endpoint.id,
    kind: 'model',
    methods: ['POST'],
    takesBody: true,
    files: [],
    model,
    granted: HOOKS.flatMap(hook => endpoint[hook]?.grants?.endpoints ?? []),
    warnings: orderWarnings(endpoint, porter, model),
    porter,
    run(call, grant) {
      if (call.bytes && !hooks) {
        const { scorer } = runtime
        const answer = active.recipe && answerBytes(scorer, active, active.recipe, call.bytes, call)
        return (
          answer ??
          scorer.form(rowsForm, active.scoring, active, { body: call.bytes, given: null }, call).then(jsonTextOf)
        )
      }
      const { rows, form } = rowsOf(bodyOf(call, longIntegers))
      const score = (made: readonly unknown[]) =>
        predict(runtime.scorer, active.scoring, active.codec, made, form, call)
      const scored = () => (hooks ? hooks.predict(rows, score, { ...call, grant }, form) : score(rows))
      const checking = active.check(rows, form, call.deadline)
      return (checking ? checking.then(scored) : scored()).then(decoded => replyOf(decoded, active.id, rows.length))
    },
  }
}

/**
 * Has a scoring process write the answer: of the tensors, where a quick look at the body makes them, else of the body.
 * @returns undefined: there is too much of it for one run
 */
function answerBytes(
  scorer: Scorer,
  { codec, scoring }: ServedVersion,
  recipe: SentRecipe,
  body: Uint8Array,
  call: Call,
): Promise<JsonText> | undefined {
  const scanned = codec.scan(body)
  if (scanned && scanned.rows <= scorer.maxBatchRows)
    return scorer.answer(scoring, recipe, { feeds: scanned.feeds }, scanned.rows, call)
  const rows = codec.mostRows(body.length)
  if (body.length > MOST_BYTES_HANDED_ON || rows > (codec.stacks ? scorer.maxBatchRows : scorer.maxSingleRows))
    return undefined
  return scorer.answer(scoring, recipe, { body }, rows, call)
}

/** What is larger is scored in parts (`Scorer.score`), so that it does not keep a process from everyone else. */
const MOST_BYTES_HANDED_ON = 256 * 1024

function recipesOf({ id, metadata, features }: ModelVersion, options: CodecOptions, schema: JsonSchema | undefined) {
  const wholeRecipe = sendableRecipe({ modelId: id, metadata, features: features ?? undefined, options, schema })
  return { wholeRecipe, recipe: schema === undefined ? wholeRecipe : undefined }
}

const jsonTextOf = ({ body }: Answered): JsonText => (typeof body === 'string' ? body : decoder.decode(body))
const decoder = new TextDecoder()

/** The parsed body. @throws Fault 400 */
const bodyOf = ({ bytes, body }: Call, longIntegers: boolean): unknown =>
  bytes ? parseJson(bytes, longIntegers ? parseLossless : JSON.parse) : body
