/** Who would notice: which keys called what somebody is about to change or remove. */
import { listAssets } from '../catalog/assets.ts'
import { getConnection } from '../catalog/connections.ts'
import { allDatasets, connectionOf } from '../catalog/datasets.ts'
import { listDeployments } from '../catalog/deployments.ts'
import { type HandlerConfig, HOOKS } from '../catalog/handler.ts'
import { activeVersion, findModel, versionsOf } from '../catalog/models.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { STEPS } from '../catalog/usage.ts'
import { type GroupNames, type Period, readUsage } from '../catalog/usage-report.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { type ManagementContext, needAdmin, type SignedIn } from './context.ts'
import { json, wholeNumber } from './respond.ts'
import { filterOf, isoOf, parametersOf, projectIdsInScope } from './usage-query.ts'
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
/** What endpoints are made of. */
const MATERIAL = ['dataset', 'model', 'connection']

/** An endpoint of a service, or a deployment. */
interface Use {
  service: string | null
  endpoint: string | null
  deployment: string | null
}

/**
 * `GET /api/usage/callers`: the keys that called a service, an endpoint, a deployment, what is published of a dataset, of a model
 * (or of one `version` of it) or of the tables of a connection, or what a key called; in the last 7 days, or `days`.
 */
export async function callersOf(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const params = parametersOf(request, [...NAMED, ...MATERIAL, 'version', 'days'])
  if (![...NAMED, ...MATERIAL].some(name => params.has(name)))
    throw unprocessable(`Name one of ${[...NAMED, ...MATERIAL].join(', ')}.`)
  const projectIds = projectIdsInScope(context, request, who)
  const url = new URL(request.url)
  const days = wholeNumber(url, 'days', DAYS, 90)
  const uses = MATERIAL.some(name => params.has(name)) ? usesNamed(context, url, projectIds, who) : undefined
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

/** Whole hours, with the one that it is. */
function lastDays(days: number): Period {
  const { seconds } = STEPS.hour
  const to = (Math.floor(Date.now() / 1000 / seconds) + 1) * seconds
  return { step: 'hour', from: to - days * 86_400, to }
}

const isAt = (names: GroupNames, use: Use): boolean =>
  names.service === use.service && names.endpoint === use.endpoint && names.deployment === use.deployment

/** Whether something published is on what is asked for. */
interface Ground {
  endpoint(config: EndpointConfig): boolean
  deployment(config: object): boolean
}

/**
 * What is published of what the query names.
 * @throws Fault 422 no project is in scope, of which datasets and models are; a version without its model.
 * 403 connections are an administrator's. 404 there is no such version, or connection
 */
function usesNamed(context: ManagementContext, url: URL, projectIds: number[] | undefined, who: SignedIn): Use[] {
  const { db } = context
  const named = (name: string) => url.searchParams.get(name)
  const [dataset, model, connection] = [named('dataset'), named('model'), named('connection')]
  const version = named('version') === null ? undefined : wholeNumber(url, 'version', 1, Number.MAX_SAFE_INTEGER)
  if (version !== undefined && model === null) throw unprocessable('A version is of a model: give model too.')
  const uses: Use[] = []
  if (connection !== null) {
    needAdmin(who)
    getConnection(db, connection)
    for (const [projectId, targets] of datasetsOn(db, connection))
      if (projectIds?.includes(projectId) ?? true) uses.push(...usesOf(context, projectId, onOneOf(targets)))
  }
  if (dataset === null && model === null) return uses
  if (projectIds?.length !== 1) throw unprocessable('Datasets and models are named in a project: send X-Project-Id.')
  const [projectId] = projectIds as [number]
  if (dataset !== null) uses.push(...usesOf(context, projectId, onOneOf(new Set([`dataset ${dataset}`]))))
  if (model !== null) uses.push(...usesOf(context, projectId, onModel(db, projectId, model, version)))
  return uses
}

/** The datasets that are tables of a connection, by project. */
function datasetsOn(db: Store, connection: string): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>()
  for (const dataset of allDatasets(db)) {
    if (connectionOf(dataset) !== connection) continue
    const { projectId, name } = dataset
    found.set(projectId, (found.get(projectId) ?? new Set()).add(`dataset ${name}`))
  }
  return found
}

const onOneOf = (targets: ReadonlySet<string>): Ground => ({
  endpoint: config => targetsOf(config).some(target => targets.has(target)),
  deployment: config => targets.has(targetOfDeployment(config) ?? ''),
})

/**
 * @param number a version: then what is pinned to it, and what follows the model while it is active
 * @throws Fault 404 no such version
 */
function onModel(db: Store, projectId: number, name: string, number: number | undefined): Ground {
  const model = findModel(db, projectId, name)
  const versions = model ? versionsOf(db, model.id) : []
  if (number === undefined) return onOneOf(new Set([`model ${name}`, ...versions.map(({ id }) => `version ${id}`)]))
  const wanted = versions.find(({ version }) => version === number)
  if (!model || !wanted) throw notFound('No such version.')
  const active = activeVersion(db, model)?.version
  const isOn = (config: { model?: string; model_id?: number; version?: number }) =>
    config.model_id === wanted.id || (config.model === name && (config.version ?? active) === number)
  return { endpoint: config => config.kind === 'model' && isOn(config), deployment: isOn }
}

/**
 * What is published in a project on such a ground: endpoints, functions and hooks of their services that may call those (they are
 * granted them, or name them), and deployments.
 */
function usesOf({ db }: ManagementContext, projectId: number, ground: Ground): Use[] {
  const uses: Use[] = []
  for (const { assetKey, publishedConfig } of listAssets(db, { projectId, status: 'published' })) {
    const endpoints = publishedConfig?.endpoints ?? []
    const reached = new Set(endpoints.filter(endpoint => ground.endpoint(endpoint)).map(({ id }) => id))
    // functions may call functions: until there are no more
    for (let before = 0; before < reached.size; ) {
      before = reached.size
      for (const endpoint of endpoints)
        if (codeOf(endpoint).some(code => mayCall(code, reached))) reached.add(endpoint.id)
    }
    for (const id of reached) uses.push({ service: assetKey, endpoint: id, deployment: null })
  }
  for (const { name, config } of listDeployments(db, projectId))
    if (ground.deployment(config)) uses.push({ service: null, endpoint: null, deployment: name })
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
