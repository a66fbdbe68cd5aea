/** The management API: one line a route: those of the Honeyframe SDK, and ours. */
import { Elysia } from 'elysia'
import { badRequest, callerGone, methodNotAllowed, notFound, notServed, toFault } from '../lib/fault.ts'
import { problem } from '../lib/problem.ts'
import { identify } from '../telemetry/identity.ts'
import { logFailure } from '../telemetry/log.ts'
import { addDataset } from './add-dataset.ts'
import * as assets from './assets.ts'
import { auditTrail } from './audit.ts'
import * as auth from './auth.ts'
import * as connections from './connections.ts'
import * as browser from './console-session.ts'
import type { Caller, ManagementContext, SignedIn } from './context.ts'
import * as rows from './dataset-rows.ts'
import * as settings from './dataset-settings.ts'
import * as datasets from './datasets.ts'
import { deploymentLog } from './deployment-log.ts'
import * as deployments from './deployments.ts'
import { dryRun } from './dryrun.ts'
import { importProgress } from './import-progress.ts'
import * as keys from './keys.ts'
import * as members from './members.ts'
import * as models from './models.ts'
import { schemaOf } from './new-table.ts'
import * as projects from './projects.ts'
import { refreshDataset } from './refresh.ts'
import { signedIn } from './session.ts'
import { settings as serverSettings } from './settings.ts'
import { checkEndpoint, handlerTypes, tryEndpoint } from './try-endpoint.ts'
import { uploadDataset } from './upload-dataset.ts'
import * as usage from './usage.ts'
import { callersOf } from './usage-callers.ts'
import { unusedKeys } from './usage-keys.ts'
import * as users from './users.ts'

type Params = Record<string, string>
type Answer = Response | Promise<Response>
type Handler = (context: ManagementContext, request: Request, who: SignedIn, params: Params) => Answer
/** Routes for whoever is signed in, by method; what they may do there is the handler's to ask. */
type Routes = Record<'get' | 'delete' | 'post' | 'put' | 'patch', (path: string, handler: Handler) => void>

/** A request's connection: not to be ended for its silence from now on, or again after as long as any other. */
interface Silence {
  keepOpen(request: Request): void
  letIdle(request: Request): void
}

export function managementRoutes(context: ManagementContext, callerOf: (request: Request) => Caller, silence: Silence) {
  const answer = async (request: Request, work: () => Answer): Promise<Response> => {
    const identity = identify(request.headers)
    try {
      if (!URL.canParse(request.url)) throw badRequest('The Host header is not a host.')
      const response = await work()
      for (const [name, value] of Object.entries(identity.headers)) response.headers.set(name, value)
      response.headers.set('cache-control', 'no-store')
      return response
    } catch (error) {
      const { aborted, reason } = request.signal
      const fault = aborted && error === reason ? callerGone(error) : toFault(error)
      logFailure(fault, error, identity)
      return problem(fault, identity)
    }
  }
  const signed =
    (handler: Handler) =>
    ({ request, params }: { request: Request; params: unknown }) =>
      answer(request, async () =>
        handler(context, request, await signedIn(context, request, callerOf(request)), params as Params),
      )

  /** Work takes as long as it takes: Bun would end the connection of a request without a body meanwhile, as if nothing were to come. */
  const working =
    (handler: Handler): Handler =>
    async (context, request, who, params) => {
      if (hasBody(request)) return handler(context, request, who, params)
      silence.keepOpen(request)
      try {
        return await handler(context, request, who, params)
      } finally {
        silence.letIdle(request)
      }
    }

  const app = new Elysia({ prefix: '/api' })
  const on: Routes = {
    get: (path, handler) => void app.get(path, signed(handler)),
    delete: (path, handler) => void app.delete(path, signed(working(handler))),
    post: (path, handler) => void app.post(path, signed(working(handler)), raw),
    put: (path, handler) => void app.put(path, signed(working(handler)), raw),
    patch: (path, handler) => void app.patch(path, signed(working(handler)), raw),
  }
  app.post(
    '/auth/login',
    ({ request }) => answer(request, () => auth.login(context, request, callerOf(request).address)),
    raw,
  )
  app.post(
    '/auth/session',
    ({ request }) => answer(request, () => browser.begin(context, request, callerOf(request))),
    raw,
  )
  on.get('/auth/session', (c, _r, who) => browser.current(c, who))
  on.delete('/auth/session', (c, _r, who) => browser.signOut(c, who))
  on.get('/auth/sessions', (c, r, who) => browser.sessions(c, r, who))
  on.delete('/auth/sessions', (c, _r, who) => browser.endOthers(c, who))
  on.delete('/auth/sessions/:id', (c, _r, who, p) => browser.endOne(c, who, p.id!))
  app.get('/auth/setup', ({ request }) => answer(request, () => browser.setupState(context)))
  app.post(
    '/auth/setup',
    ({ request }) => answer(request, () => browser.setup(context, request, callerOf(request))),
    raw,
  )
  on.post('/auth/password', (c, r, who) => browser.changePassword(c, r, who))
  on.get('/auth/me', (c, _r, who) => auth.me(c, who))
  on.get('/version', () => auth.instance())
  on.get('/auth/tokens', (c, r, who) => auth.tokens(c, r, who))
  on.post('/auth/tokens', (c, r, who) => auth.mintToken(c, r, who))
  on.delete('/auth/tokens/:id', (c, _r, who, p) => auth.endToken(c, who, p.id!))

  on.get('/users', (c, r, who) => users.users(c, r, who))
  on.post('/users', (c, r, who) => users.addUser(c, r, who))
  on.get('/users/:id', (c, _r, who, p) => users.oneUser(c, who, p.id!))
  on.patch('/users/:id', (c, r, who, p) => users.changeUser(c, r, who, p.id!))
  on.delete('/users/:id', (c, r, who, p) => users.removeUser(c, r, who, p.id!))

  on.get('/projects', (c, r, who) => projects.projects(c, r, who))
  on.post('/projects', (c, r, who) => projects.addProject(c, r, who))
  on.get('/projects/:id', (c, _r, who, p) => projects.oneProject(c, who, p.id!))
  on.patch('/projects/:id', (c, r, who, p) => projects.changeProject(c, r, who, p.id!))
  on.get('/projects/:id/members', (c, r, who, p) => members.members(c, r, who, p.id!))
  on.put('/projects/:id/members/:username', (c, r, who, p) => members.putMember(c, r, who, p.id!, p.username!))
  on.delete('/projects/:id/members/:username', (c, _r, who, p) => members.endMember(c, who, p.id!, p.username!))
  deploymentRoutes(on, silence)
  keyRoutes(on, '/projects/:id/api-keys', (who, p) => keys.projectOwner(context, who, p.id!))

  on.get('/connections', (c, r, who) => connections.connections(c, r, who))
  on.post('/connections', (c, r, who) => connections.addConnection(c, r, who))
  on.get('/connections/:name', (c, _r, who, p) => connections.oneConnection(c, who, p.name!))
  on.post('/connections/:name/test', (c, _r, who, p) => connections.testConnection(c, who, p.name!))
  on.delete('/connections/:name', (c, r, who, p) => connections.removeConnection(c, r, who, p.name!))

  on.get('/datasets', (c, r, who) => datasets.datasets(c, r, who))
  on.post('/datasets', (c, r, who) => addDataset(c, r, who))
  on.post('/datasets/file/upload', (c, r, who) => uploadDataset(c, r, who))
  on.get('/datasets/file/upload/:id', (_c, _r, who, p) => importProgress(who, p.id!))
  on.get('/datasets/:name', (c, r, who, p) => datasets.oneDataset(c, r, who, p.name!))
  on.patch('/datasets/:name', (c, r, who, p) => datasets.changeDataset(c, r, who, p.name!))
  on.delete('/datasets/:name', (c, r, who, p) => datasets.removeDataset(c, r, who, p.name!))
  on.get('/datasets/:name/preview', (c, r, who, p) => rows.preview(c, r, who, p.name!))
  on.get('/datasets/:name/explore', (c, r, who, p) => rows.explore(c, r, who, p.name!))
  on.get('/datasets/:name/profile', (c, r, who, p) => rows.profile(c, r, who, p.name!))
  on.get('/datasets/:name/schema', (c, r, who, p) => schemaOf(c, r, who, p.name!))
  on.get('/datasets/:name/settings', (c, r, who, p) => settings.settings(c, r, who, p.name!))
  on.put('/datasets/:name/settings', (c, r, who, p) => settings.changeSettings(c, r, who, p.name!))
  on.post('/datasets/:name/refresh', (c, r, who, p) => refreshDataset(c, r, who, p.name!))

  on.get('/models', (c, r, who) => models.models(c, r, who))
  on.post('/models', (c, r, who) => models.uploadModel(c, r, who))
  on.get('/models/:id', (c, _r, who, p) => models.oneModel(c, who, p.id!))
  on.post('/models/:id/activate', (c, r, who, p) => models.activateModel(c, r, who, p.id!))
  on.post('/models/:id/test', (c, r, who, p) => models.testModel(c, r, who, p.id!))
  on.delete('/models/:id', (c, r, who, p) => models.removeModel(c, r, who, p.id!))

  on.get('/publish/assets', (c, r, who) => assets.assets(c, r, who))
  on.post('/publish/assets', (c, r, who) => assets.addAsset(c, r, who))
  on.get('/publish/assets/:id', (c, _r, who, p) => assets.oneAsset(c, who, p.id!))
  on.put('/publish/assets/:id', (c, r, who, p) => assets.changeAsset(c, r, who, p.id!))
  on.delete('/publish/assets/:id', (c, r, who, p) => assets.removeAsset(c, r, who, p.id!))
  on.post('/publish/assets/:id/publish', (c, r, who, p) => assets.publishAsset(c, r, who, p.id!))
  on.post('/publish/assets/:id/unpublish', (c, r, who, p) => assets.unpublishAsset(c, r, who, p.id!))
  on.post('/publish/assets/:id/rollback/:version', (c, r, who, p) => assets.rollback(c, r, who, p.id!, p.version!))
  on.get('/publish/assets/:id/versions/:a', (c, _r, who, p) => assets.oneVersion(c, who, p.id!, p.a!))
  on.get('/publish/assets/:id/versions/:a/diff/:b', (c, _r, who, p) => assets.diffVersions(c, who, p.id!, p.a!, p.b!))
  keyRoutes(on, '/publish/assets/:id/api-keys', (who, p) => keys.serviceOwner(context, who, p.id!))

  on.post('/api-services/:id/endpoints/:endpoint/test', (c, r, who, p) => dryRun(c, r, who, p.id!, p.endpoint!))
  on.post('/api-services/:id/try', (c, r, who, p) => tryEndpoint(c, r, who, p.id!))
  on.post('/api-services/:id/check', (c, r, who, p) => checkEndpoint(c, r, who, p.id!))
  on.get('/functions/types', () => handlerTypes())
  on.get('/settings', (c, _r, who) => serverSettings(c, who))
  on.get('/usage', (c, r, who) => usage.usageOf(c, r, who))
  on.get('/usage/top', (c, r, who) => usage.topOf(c, r, who))
  on.get('/usage/callers', (c, r, who) => callersOf(c, r, who))
  on.get('/usage/unused-keys', (c, r, who) => unusedKeys(c, r, who))
  on.get('/audit', (c, r, who) => auditTrail(c, r, who))

  app.all('/*', ({ request }) => answer(request, () => unknown(request, app.routes)), raw)
  return app
}

const hasBody = ({ headers }: Request): boolean =>
  headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0

/** Bodies are read by the handlers, with their own limits and refusals. */
const raw = { parse: 'none' } as const

function deploymentRoutes(on: Routes, { keepOpen }: Silence): void {
  const path = '/projects/:id/deployments'
  on.get('/deployments', (c, r, who) => deployments.allDeployments(c, r, who))
  on.get(path, (c, r, who, p) => deployments.deployments(c, r, who, p.id!))
  on.post(path, (c, r, who, p) => deployments.addDeployment(c, r, who, p.id!))
  on.get(`${path}/:name`, (c, r, who, p) => deployments.oneDeployment(c, r, who, p.id!, p.name!))
  on.patch(`${path}/:name`, (c, r, who, p) => deployments.changeDeployment(c, r, who, p.id!, p.name!))
  on.delete(`${path}/:name`, (c, r, who, p) => deployments.removeDeployment(c, r, who, p.id!, p.name!))
  for (const action of ['start', 'stop', 'restart'] as const)
    on.post(`${path}/:name/${action}`, (c, r, who, p) => deployments.actOnDeployment(c, r, who, p.id!, p.name!, action))
  on.get(`${path}/:name/logs`, (c, r, who, p) => deploymentLog(c, r, who, p.id!, p.name!, keepOpen))
}

function keyRoutes(on: Routes, path: string, owner: (who: SignedIn, params: Params) => keys.RoutedOwner): void {
  on.get(path, (c, r, who, p) => keys.keys(c, r, owner(who, p)))
  on.post(path, (c, r, who, p) => keys.mintKey(c, r, who, () => owner(who, p)))
  on.get(`${path}/:key`, (c, _r, who, p) => keys.oneKey(c, owner(who, p), p.key!))
  on.patch(`${path}/:key`, (c, r, who, p) => keys.changeKey(c, r, who, () => owner(who, p), p.key!))
  on.delete(`${path}/:key`, (c, r, who, p) => keys.revokeKey(c, r, who, () => owner(who, p), p.key!))
  on.post(`${path}/:key/rotate`, (c, r, who, p) => keys.rotateKey(c, r, who, () => owner(who, p), p.key!))
}

/** The Honeyframe platform's other rooms: its SDK is told so, and does not fall back or retry. */
const PLATFORM =
  /^\/api\/(agents|bundles|cards|catalog|chat|code-environments|connectors|dashboards|data|datasets|dbt|experiments|flow|jobs|knowledge-bases|license|lineage|llm-mesh|meanings|nodes|notebooks|pipeline|plugins|projects|push|quality|sql|statistics|storage|templates|webapps|wiki|discussions)(\/|$)/
/** Of them, and no dataset is called so. */
const IMPORT = '/api/datasets/import'

/** @throws Fault 405 what is there for other methods; 501 what the platform has and this server has not; 404 anything else */
function unknown(request: Request, routes: readonly { method: string; path: string }[]): Response {
  const { pathname } = new URL(request.url)
  const methods = routes.filter(({ method, path }) => method !== 'ALL' && isOf(path, pathname)).map(r => r.method)
  if (methods.length > 0 && pathname !== IMPORT) throw methodNotAllowed(methods)
  if (PLATFORM.test(pathname)) throw notServed()
  throw notFound('No such route in the management API.')
}

/** Whether a path is one of a route's, in which `:name` is any segment. */
function isOf(route: string, path: string): boolean {
  const [wanted, given] = [route.split('/'), path.split('/')]
  return wanted.length === given.length && wanted.every((part, i) => part === given[i] || (part[0] === ':' && given[i]))
}
