/** Who would notice: which keys called what somebody is about to change or remove. */
import { listAssets } from '../catalog/assets.ts'
import { listDeployments } from '../catalog/deployments.ts'
import { type HandlerConfig, HOOKS } from '../catalog/handler.ts'
import { findModel, versionsOf } from '../catalog/models.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import { STEPS } from '../catalog/usage.ts'
import { type GroupNames, type Period, readUsage } from '../catalog/usage-report.ts'
import { unprocessable } from '../lib/fault.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { json, wholeNumber } from './respond.ts'
import { filterOf, isoOf, parametersOf, projectsInScope } from './usage-query.ts'
import { namer } from './usage-view.ts'
import { targetOfDeployment, targetsOf } from './uses.ts'

const DAYS = 7
/** Who gets 401 and 403 only has nothing to lose. */
const LET_IN = [
  [100, 400],
  [402, 402],
  [404, 599],
] as const
const NAMED = ['service', 'endpoint', 'deployment', 'key']

/** An endpoint of a service, or a deployment. */
interface Use {
  service: string | null
  endpoint: string | null
  deployment: string | null
}

/**
 * `GET /api/usage/callers`: the keys that called a service, an endpoint, a deployment, what is published of a dataset or model,
 * or what a key called; in the last 7 days, or `days`.
 */
export async function callersOf(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const params = parametersOf(request, [...NAMED, 'dataset', 'model', 'days'])
  const [dataset, model] = [params.get('dataset'), params.get('model')]
  if (dataset === null && model === null && !NAMED.some(name => params.has(name)))
    throw unprocessable(`Say of what: ${[...NAMED, 'dataset', 'model'].join(', ')}.`)
  const projectIds = projectsInScope(context, request, who)
  const days = wholeNumber(new URL(request.url), 'days', DAYS, 90)
  const uses = dataset === null && model === null ? undefined : usesOf(context, projectIds, { dataset, model })
  const period = lastDays(days)
  await context.usage.flushInParts()
  const filter = { ...filterOf(params), projectIds, known: true, statuses: LET_IN }
  const { groups } = await readUsage(context.db, filter, period, ['key', 'endpoint', 'deployment'])
  const found = uses ? groups.filter(({ names }) => uses.some(use => isAt(names, use))) : groups
  const named = namer(context, found)
  return json({
    from: isoOf(period.from),
    ...(uses ? { uses } : {}),
    callers: found
      .sort((a, b) => b.last - a.last || b.sums.calls - a.sums.calls)
      .map(({ names, sums, last }) => ({
        ...named(names),
        calls: sums.calls,
        last_hour: isoOf(period.from + last * STEPS[period.step].seconds),
      })),
  })
}

/** Whole hours until now. */
function lastDays(days: number): Period {
  const { seconds } = STEPS.hour
  const to = Math.ceil(Date.now() / 1000 / seconds) * seconds
  return { step: 'hour', from: to - days * 86_400, to }
}

const isAt = (names: GroupNames, use: Use): boolean =>
  names.service === use.service && names.endpoint === use.endpoint && names.deployment === use.deployment

/**
 * What is published of a dataset or a model of one project: endpoints on it, functions and hooks of their services that may
 * call those (they are granted them, or name them), and deployments.
 * @throws Fault 422 no project is in scope: these names are a project's
 */
function usesOf(
  context: ManagementContext,
  projectIds: number[] | undefined,
  { dataset, model }: { dataset: string | null; model: string | null },
): Use[] {
  if (projectIds?.length !== 1) throw unprocessable('Datasets and models are named in a project: send X-Project-Id.')
  const [projectId] = projectIds as [number]
  const found = model === null ? undefined : findModel(context.db, projectId, model)
  const versions = found ? versionsOf(context.db, found.id).map(version => version.id) : []
  const targets = new Set(versions.map(id => `version ${id}`))
  if (dataset !== null) targets.add(`dataset ${dataset}`)
  if (model !== null) targets.add(`model ${model}`)
  const isOn = (endpoint: EndpointConfig) => targetsOf(endpoint).some(target => targets.has(target))
  const uses: Use[] = []
  for (const { assetKey, publishedConfig } of listAssets(context.db, { projectId, status: 'published' })) {
    const endpoints = publishedConfig?.endpoints ?? []
    const reached = new Set(endpoints.filter(isOn).map(({ id }) => id))
    // functions may call functions: until there are no more
    for (let before = 0; before < reached.size; ) {
      before = reached.size
      for (const endpoint of endpoints)
        if (codeOf(endpoint).some(code => mayCall(code, reached))) reached.add(endpoint.id)
    }
    for (const id of reached) uses.push({ service: assetKey, endpoint: id, deployment: null })
  }
  for (const { name, config } of listDeployments(context.db, projectId)) {
    const target = targetOfDeployment(config)
    if (target !== undefined && targets.has(target)) uses.push({ service: null, endpoint: null, deployment: name })
  }
  return uses
}

function codeOf(endpoint: EndpointConfig): HandlerConfig[] {
  if (endpoint.kind === 'function') return [endpoint]
  return endpoint.kind === 'model' ? HOOKS.flatMap(hook => endpoint[hook] ?? []) : []
}

function mayCall({ handler = '', grants }: HandlerConfig, ids: ReadonlySet<string>): boolean {
  const granted = grants?.endpoints ?? []
  return granted.includes('*') || [...ids].some(id => granted.includes(id) || handler.includes(id))
}
