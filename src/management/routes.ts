/** The management API: one line a route (honeyframe-sdk.md section 3, A to D, and ours). */
import { Elysia } from 'elysia'
import { badRequest, notFound, notServed, toFault } from '../lib/fault.ts'
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
import * as deployments from './deployments.ts'
import { dryRun } from './dryrun.ts'
import * as keys from './keys.ts'
import * as members from './members.ts'
import * as models from './models.ts'
import { schemaOf } from './new-table.ts'
import * as projects from './projects.ts'
import { refreshDataset } from './refresh.ts'
import { signedIn } from './session.ts'
import { settings as serverSettings } from './settings.ts'
import * as usage from './usage.ts'
import { callersOf } from './usage-callers.ts'
import * as users from './users.ts'

type Params = Record<string, string>
type Answer = Response | Promise<Response>
type Handler = (context: ManagementContext, request: Request, who: SignedIn, params: Params) => Answer

/** @param keepOpen keeps a connection from being ended for its silence */
export function managementRoutes(
  context: ManagementContext,
  callerOf: (request: Request) => Caller,
  keepOpen: (request: Request) => void,
) {
  const answer = async (request: Request, work: () => Answer): Promise<Response> => {
    const identity = identify(request.headers)
    try {
      if (!URL.canParse(request.url)) throw badRequest('The Host header is not a host.')
      const response = await work()
      for (const [name, value] of Object.entries(identity.headers)) response.headers.set(name, value)
      response.headers.set('cache-control', 'no-store')
      return response
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return problem(fault, identity)
    }
  }
  /** A route for whoever is signed in; what they may do there is the handler's to ask. */
  const on =
    (handler: Handler) =>
    ({ request, params }: { request: Request; params: unknown }) =>
      answer(request, async () =>
        handler(context, request, await signedIn(context, request, callerOf(request)), params as Params),
      )

  const app = new Elysia({ prefix: '/api' })
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
  app.get(
    '/auth/session',
    on((c, _r, who) => browser.current(c, who)),
  )
  app.delete(
    '/auth/session',
    on((c, _r, who) => browser.signOut(c, who)),
  )
  app.get(
    '/auth/sessions',
    on((c, r, who) => browser.sessions(c, r, who)),
  )
  app.delete(
    '/auth/sessions',
    on((c, _r, who) => browser.endOthers(c, who)),
  )
  app.delete(
    '/auth/sessions/:id',
    on((c, _r, who, p) => browser.endOne(c, who, p.id!)),
  )
  app.get('/auth/setup', ({ request }) => answer(request, () => browser.setupState(context)))
  app.post(
    '/auth/setup',
    ({ request }) => answer(request, () => browser.setup(context, request, callerOf(request))),
    raw,
  )
  app.post(
    '/auth/password',
    on((c, r, who) => browser.changePassword(c, r, who)),
    raw,
  )
  app.get(
    '/auth/me',
    on((c, _r, who) => auth.me(c, who)),
  )
  app.get(
    '/version',
    on(() => auth.instance()),
  )
  app.get(
    '/auth/tokens',
    on((c, r, who) => auth.tokens(c, r, who)),
  )
  app.post(
    '/auth/tokens',
    on((c, r, who) => auth.mintToken(c, r, who)),
    raw,
  )
  app.delete(
    '/auth/tokens/:id',
    on((c, _r, who, p) => auth.endToken(c, who, p.id!)),
  )

  app.get(
    '/users',
    on((c, r, who) => users.users(c, r, who)),
  )
  app.post(
    '/users',
    on((c, r, who) => users.addUser(c, r, who)),
    raw,
  )
  app.get(
    '/users/:id',
    on((c, _r, who, p) => users.oneUser(c, who, p.id!)),
  )
  app.patch(
    '/users/:id',
    on((c, r, who, p) => users.changeUser(c, r, who, p.id!)),
    raw,
  )
  app.delete(
    '/users/:id',
    on((c, r, who, p) => users.removeUser(c, r, who, p.id!)),
  )

  app.get(
    '/projects',
    on((c, r, who) => projects.projects(c, r, who)),
  )
  app.post(
    '/projects',
    on((c, r, who) => projects.addProject(c, r, who)),
    raw,
  )
  app.get(
    '/projects/:id',
    on((c, _r, who, p) => projects.oneProject(c, who, p.id!)),
  )
  app.patch(
    '/projects/:id',
    on((c, r, who, p) => projects.changeProject(c, r, who, p.id!)),
    raw,
  )
  app.get(
    '/projects/:id/members',
    on((c, r, who, p) => members.members(c, r, who, p.id!)),
  )
  app.put(
    '/projects/:id/members/:username',
    on((c, r, who, p) => members.putMember(c, r, who, p.id!, p.username!)),
    raw,
  )
  app.delete(
    '/projects/:id/members/:username',
    on((c, _r, who, p) => members.endMember(c, who, p.id!, p.username!)),
  )
  deploymentRoutes(app, on, keepOpen)
  keyRoutes(app, '/projects/:id/api-keys', (who, p) => keys.projectOwner(context, who, p.id!), on)

  app.get(
    '/connections',
    on((c, r, who) => connections.connections(c, r, who)),
  )
  app.post(
    '/connections',
    on((c, r, who) => connections.addConnection(c, r, who)),
    raw,
  )
  app.get(
    '/connections/:name',
    on((c, _r, who, p) => connections.oneConnection(c, who, p.name!)),
  )
  app.post(
    '/connections/:name/test',
    on((c, _r, who, p) => connections.testConnection(c, who, p.name!)),
    raw,
  )
  app.delete(
    '/connections/:name',
    on((c, r, who, p) => connections.removeConnection(c, r, who, p.name!)),
  )

  app.get(
    '/datasets',
    on((c, r, who) => datasets.datasets(c, r, who)),
  )
  app.post(
    '/datasets',
    on((c, r, who) => addDataset(c, r, who)),
    raw,
  )
  app.post(
    '/datasets/file/upload',
    on((c, r, who) => datasets.uploadDataset(c, r, who)),
    raw,
  )
  app.get(
    '/datasets/:name',
    on((c, r, who, p) => datasets.oneDataset(c, r, who, p.name!)),
  )
  app.patch(
    '/datasets/:name',
    on((c, r, who, p) => datasets.changeDataset(c, r, who, p.name!)),
    raw,
  )
  app.delete(
    '/datasets/:name',
    on((c, r, who, p) => datasets.removeDataset(c, r, who, p.name!)),
  )
  app.get(
    '/datasets/:name/preview',
    on((c, r, who, p) => rows.preview(c, r, who, p.name!)),
  )
  app.get(
    '/datasets/:name/explore',
    on((c, r, who, p) => rows.explore(c, r, who, p.name!)),
  )
  app.get(
    '/datasets/:name/profile',
    on((c, r, who, p) => rows.profile(c, r, who, p.name!)),
  )
  app.get(
    '/datasets/:name/schema',
    on((c, r, who, p) => schemaOf(c, r, who, p.name!)),
  )
  app.get(
    '/datasets/:name/settings',
    on((c, r, who, p) => settings.settings(c, r, who, p.name!)),
  )
  app.put(
    '/datasets/:name/settings',
    on((c, r, who, p) => settings.changeSettings(c, r, who, p.name!)),
    raw,
  )
  app.post(
    '/datasets/:name/refresh',
    on((c, r, who, p) => refreshDataset(c, r, who, p.name!)),
    raw,
  )

  app.get(
    '/models',
    on((c, r, who) => models.models(c, r, who)),
  )
  app.post(
    '/models',
    on((c, r, who) => models.uploadModel(c, r, who)),
    raw,
  )
  app.get(
    '/models/:id',
    on((c, _r, who, p) => models.oneModel(c, who, p.id!)),
  )
  app.post(
    '/models/:id/activate',
    on((c, r, who, p) => models.activateModel(c, r, who, p.id!)),
    raw,
  )
  app.delete(
    '/models/:id',
    on((c, r, who, p) => models.removeModel(c, r, who, p.id!)),
  )

  app.get(
    '/publish/assets',
    on((c, r, who) => assets.assets(c, r, who)),
  )
  app.post(
    '/publish/assets',
    on((c, r, who) => assets.addAsset(c, r, who)),
    raw,
  )
  app.get(
    '/publish/assets/:id',
    on((c, _r, who, p) => assets.oneAsset(c, who, p.id!)),
  )
  app.put(
    '/publish/assets/:id',
    on((c, r, who, p) => assets.changeAsset(c, r, who, p.id!)),
    raw,
  )
  app.delete(
    '/publish/assets/:id',
    on((c, r, who, p) => assets.removeAsset(c, r, who, p.id!)),
  )
  app.post(
    '/publish/assets/:id/publish',
    on((c, r, who, p) => assets.publishAsset(c, r, who, p.id!)),
    raw,
  )
  app.post(
    '/publish/assets/:id/unpublish',
    on((c, r, who, p) => assets.unpublishAsset(c, r, who, p.id!)),
    raw,
  )
  app.post(
    '/publish/assets/:id/rollback/:version',
    on((c, r, who, p) => assets.rollback(c, r, who, p.id!, p.version!)),
    raw,
  )
  app.get(
    '/publish/assets/:id/versions/:a/diff/:b',
    on((c, _r, who, p) => assets.diffVersions(c, who, p.id!, p.a!, p.b!)),
  )
  keyRoutes(app, '/publish/assets/:id/api-keys', (who, p) => keys.serviceOwner(context, who, p.id!), on)

  app.post(
    '/api-services/:id/endpoints/:endpoint/test',
    on((c, r, who, p) => dryRun(c, r, who, p.id!, p.endpoint!)),
    raw,
  )
  app.get(
    '/settings',
    on((c, _r, who) => serverSettings(c, who)),
  )
  app.get(
    '/usage',
    on((c, r, who) => usage.usageOf(c, r, who)),
  )
  app.get(
    '/usage/top',
    on((c, r, who) => usage.topOf(c, r, who)),
  )
  app.get(
    '/usage/callers',
    on((c, r, who) => callersOf(c, r, who)),
  )
  app.get(
    '/audit',
    on((c, r, who) => auditTrail(c, r, who)),
  )

  app.all('/*', ({ request }) => answer(request, () => unknown(request)), raw)
  return app
}

/** Bodies are read by the handlers, with their own limits and refusals. */
const raw = { parse: 'none' } as const

interface Router {
  get: unknown
  post: unknown
  patch: unknown
  delete: unknown
}
type Routes = Record<string, (path: string, handler: unknown, hook?: unknown) => void>

function deploymentRoutes(app: Router, on: (handler: Handler) => unknown, keepOpen: (request: Request) => void): void {
  const routes = app as unknown as Routes
  const path = '/projects/:id/deployments'
  routes.get!(
    path,
    on((c, r, who, p) => deployments.deployments(c, r, who, p.id!)),
  )
  routes.post!(
    path,
    on((c, r, who, p) => deployments.addDeployment(c, r, who, p.id!)),
    raw,
  )
  routes.get!(
    `${path}/:name`,
    on((c, r, who, p) => deployments.oneDeployment(c, r, who, p.id!, p.name!)),
  )
  routes.patch!(
    `${path}/:name`,
    on((c, r, who, p) => deployments.changeDeployment(c, r, who, p.id!, p.name!)),
    raw,
  )
  routes.delete!(
    `${path}/:name`,
    on((c, r, who, p) => deployments.removeDeployment(c, r, who, p.id!, p.name!)),
  )
  for (const action of ['start', 'stop', 'restart'] as const)
    routes.post!(
      `${path}/:name/${action}`,
      on((c, r, who, p) => deployments.actOnDeployment(c, r, who, p.id!, p.name!, action)),
      raw,
    )
  routes.get!(
    `${path}/:name/logs`,
    on((c, r, who, p) => deployments.deploymentLog(c, r, who, p.id!, p.name!, keepOpen)),
  )
}

function keyRoutes(
  app: Router,
  path: string,
  owner: (who: SignedIn, params: Params) => keys.KeyOwner,
  on: (handler: Handler) => unknown,
): void {
  const routes = app as unknown as Routes
  routes.get!(
    path,
    on((c, r, who, p) => keys.keys(c, r, owner(who, p))),
  )
  routes.post!(
    path,
    on((c, r, who, p) => keys.mintKey(c, r, who, owner(who, p))),
    raw,
  )
  routes.get!(
    `${path}/:key`,
    on((c, _r, who, p) => keys.oneKey(c, owner(who, p), p.key!)),
  )
  routes.patch!(
    `${path}/:key`,
    on((c, r, who, p) => keys.changeKey(c, r, who, owner(who, p), p.key!)),
    raw,
  )
  routes.delete!(
    `${path}/:key`,
    on((c, _r, who, p) => keys.revokeKey(c, who, owner(who, p), p.key!)),
  )
  routes.post!(
    `${path}/:key/rotate`,
    on((c, r, who, p) => keys.rotateKey(c, r, who, owner(who, p), p.key!)),
    raw,
  )
}

/** The Honeyframe platform's other rooms (honeyframe-sdk.md 1.9): its SDK is told so, and does not fall back or retry. */
const PLATFORM =
  /^\/api\/(agents|bundles|cards|catalog|chat|code-environments|connectors|dashboards|data|datasets|dbt|experiments|flow|jobs|knowledge-bases|license|lineage|llm-mesh|meanings|nodes|notebooks|pipeline|plugins|projects|push|quality|sql|statistics|storage|templates|webapps|wiki|discussions)(\/|$)/

function unknown(request: Request): Response {
  if (PLATFORM.test(new URL(request.url).pathname)) throw notServed()
  throw notFound('No such route in the management API.')
}
