/** For whoever writes an endpoint: what it would answer as it stands in the editor, before it is saved anywhere. */
import { Type } from '@sinclair/typebox'
import type { Asset } from '../catalog/assets.ts'
import { adminGrant } from '../catalog/grant.ts'
import { porterPath } from '../catalog/porter.ts'
import { checkServiceConfig, type EndpointConfig, type ServiceConfig } from '../catalog/service-config.ts'
import { type FunctionReply, textOf } from '../endpoints/endpoint.ts'
import { paramsOf } from '../endpoints/params.ts'
import { unprocessable } from '../lib/fault.ts'
import { losesWhenStored } from '../lib/json.ts'
import { closed } from '../lib/shape.ts'
import types from '../sandbox/callgate.d.ts.txt' with { type: 'text' }
import { assetFor } from './assets.ts'
import { jsonBody, type ManagementContext, type SignedIn } from './context.ts'
import { compileDraft, runEndpoint, runFunction } from './dryrun.ts'
import { json, jsonText } from './respond.ts'

/** as it would stand in the config */
const Whole = Type.Object({ id: Type.String() }, { additionalProperties: true })
const Trial = Type.Object(
  {
    endpoint: Whole,
    /** a model's or function's body, a query's parameters */
    input: Type.Optional(Type.Unknown()),
  },
  closed,
)
const Check = Type.Object({ endpoint: Whole }, closed)

/** What `tryEndpoint` answers. */
export interface TrialAnswer {
  /** of a function; else 200 */
  status: number
  headers: Record<string, string>
  /** a function's body that is neither JSON nor text is in base64 */
  body: unknown
  /** what a function, or the code around a model, logged */
  log: string[]
  /** the statement that gave the rows, of kinds that have one */
  sql: string | null
  /** what every call costs for want of an index */
  warnings: string[]
}

/**
 * Runs an endpoint that is given whole, among the others of the draft, raw. Nothing is saved.
 * @throws Fault 422 its shape, or what does not compile; what the call refuses, with a function's error and log
 */
export async function tryEndpoint(context: ManagementContext, request: Request, who: SignedIn, assetId: string) {
  const may = () => assetFor(context, who, assetId, 'editor')
  may()
  const { endpoint: given, input = {} } = await jsonBody(context, request, Trial, 'score')
  const asset = may()
  const draft = draftWith(asset, given)
  const grant = adminGrant(asset.projectId)
  const endpoint = await compileDraft(context, draft, draft.config.endpoints![0]!)
  if (endpoint.handle) return answer(await runFunction(context, request, endpoint, draft, input, grant))
  const log: string[] = []
  const body = await runEndpoint(context, request, endpoint, input, grant, log)
  const sql = endpoint.answers?.sql(grant, paramsOf(input)) ?? null
  return answer({ status: 200, headers: {}, json: textOf(body), body: null, log }, sql, endpoint.warnings)
}

/** What `checkEndpoint` answers. */
export interface EndpointCheck {
  methods: string[]
  /** where porter's clients find it; null: it has no route of theirs */
  porter_path: string | null
  /** what every call costs for want of an index */
  warnings: string[]
}

/**
 * Whether an endpoint that is given whole could be published among the others of the draft. Nothing is run, or saved.
 * @throws Fault 404, 409, 422 what publishing would refuse of it
 */
export async function checkEndpoint(context: ManagementContext, request: Request, who: SignedIn, assetId: string) {
  const may = () => assetFor(context, who, assetId, 'editor')
  may()
  const { endpoint } = await jsonBody(context, request, Check)
  const asset = may()
  const draft = draftWith(asset, endpoint)
  const [given, ...others] = draft.config.endpoints! as [EndpointConfig, ...EndpointConfig[]]
  const { methods, porter, warnings = [] } = await compileDraft(context, draft, given)
  const { porterRoutes, porterApp } = context.publisher.registry
  const paths = [...others, given].flatMap(porterPathOf)
  if (porter) porterRoutes.check(new Map([[asset.assetKey, paths]]), porterApp)
  return json({
    methods: [...methods],
    porter_path: porter?.path ?? null,
    warnings: [...warnings],
  } satisfies EndpointCheck)
}

const porterPathOf = (endpoint: EndpointConfig) =>
  'porter' in endpoint && endpoint.porter
    ? [{ endpoint: endpoint.id, path: porterPath(endpoint.porter, endpoint.id) }]
    : []

/** The draft with an endpoint put in, before the others. @throws Fault 422 its shape */
function draftWith(asset: Asset, given: { id: string }): Asset {
  if (losesWhenStored(given))
    throw unprocessable('The endpoint holds a number that cannot be kept exactly; write it as a string.')
  const others = (asset.config.endpoints ?? []).filter(({ id }) => id !== given.id)
  const config: unknown = { endpoints: [given, ...others] }
  checkServiceConfig(config)
  return { ...asset, config: config as ServiceConfig }
}

/** The body's JSON is set in as it is: nothing of it is lost on the way. */
function answer(reply: FunctionReply, sql: string | null = null, warnings: readonly string[] = []): Response {
  const { status, headers, log } = reply
  const rest: Omit<TrialAnswer, 'body'> = { status, headers, log, sql, warnings: [...warnings] }
  return jsonText(`{"body":${reply.json ?? JSON.stringify(plain(reply.body))},${JSON.stringify(rest).slice(1)}`)
}

const plain = (body: FunctionReply['body']) =>
  body instanceof Uint8Array ? Buffer.from(body).toString('base64') : body

/** The types that handlers are written against: what `callgate function types` prints. */
export const handlerTypes = (): Response => json({ declarations: types })
