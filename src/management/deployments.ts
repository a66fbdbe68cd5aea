/** Deployments over the API: who may declare which, what they do, and their logs. */
import { Type } from '@sinclair/typebox'
import {
  type CommandConfig,
  createDeployment,
  type Deployment,
  deleteDeployment,
  deploymentKind,
  enableDeployment,
  getDeployment,
  listDeployments,
  updateDeployment,
} from '../catalog/deployments.ts'
import type { Project } from '../catalog/projects.ts'
import { followed, lastLines } from '../deployments/log.ts'
import { forbidden } from '../lib/fault.ts'
import { idOf, jsonBody, type ManagementContext, projectFor, type SignedIn } from './context.ts'
import { checkMatch, json, list, single, wholeNumber } from './respond.ts'

const NewDeployment = Type.Object({ name: Type.String() })
const DeploymentPatch = Type.Record(Type.String(), Type.Unknown())
const MOST_LINES = 10_000

export function deployments(context: ManagementContext, request: Request, { user }: SignedIn, projectId: string) {
  const project = projectFor(context, user, idOf(projectId), 'viewer')
  return list(
    request,
    listDeployments(context.db, project.id).map(d => ({ ...declared(d), ...now(context, request, project, d) })),
    items => ({ items }),
  )
}

export async function addDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
): Promise<Response> {
  const project = projectFor(context, who.user, idOf(projectId), 'editor')
  const { name, ...config } = await jsonBody(context, request, NewDeployment)
  checkMayDeclare(context, who, project, config)
  const created = context.publisher.change((tx, touched) => {
    touched.deployments.add(project.id)
    return createDeployment(tx, who.actor, project.id, name, config)
  })
  return shown(context, request, project, created, 201)
}

export function oneDeployment(
  context: ManagementContext,
  request: Request,
  { user }: SignedIn,
  projectId: string,
  name: string,
): Response {
  const project = projectFor(context, user, idOf(projectId), 'viewer')
  return shown(context, request, project, getDeployment(context.db, project.id, name))
}

/** Changes what the body names; null takes a field away. A program's next revision takes over when it is ready. */
export async function changeDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
): Promise<Response> {
  const project = projectFor(context, who.user, idOf(projectId), 'editor')
  const given = await jsonBody(context, request, DeploymentPatch)
  const changed = context.publisher.change((tx, touched) => {
    const current = getDeployment(tx, project.id, name)
    checkMayDeclare(context, who, project, current.config, given)
    checkMatch(request, declared(current))
    touched.deployments.add(project.id)
    return updateDeployment(tx, who.actor, current, given)
  })
  return shown(context, request, project, changed)
}

export function removeDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
): Response {
  const project = projectFor(context, who.user, idOf(projectId), 'editor')
  context.publisher.change((tx, touched) => {
    const current = getDeployment(tx, project.id, name)
    if (deploymentKind(current.config) !== 'model') projectFor(context, who.user, project.id, 'admin')
    checkMatch(request, declared(current))
    touched.deployments.add(project.id)
    deleteDeployment(tx, who.actor, current)
  })
  return json({ deleted: true })
}

export type DeploymentAction = 'start' | 'stop' | 'restart'

/** `stop` holds until `start`, over restarts of Callgate too. `restart` puts new processes in the place of the old ones. */
export function actOnDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
  action: DeploymentAction,
): Response {
  const project = projectFor(context, who.user, idOf(projectId), 'editor')
  const wasEnabled = getDeployment(context.db, project.id, name).enabled
  const deployment = context.publisher.change((tx, touched) => {
    const current = getDeployment(tx, project.id, name)
    touched.deployments.add(project.id)
    return enableDeployment(tx, who.actor, current, action !== 'stop')
  })
  if (action === 'restart' && wasEnabled) context.fleet.restart(deployment.id)
  else if (action !== 'stop') context.fleet.start(deployment.id)
  return shown(context, request, project, deployment)
}

/** The last `lines` of what a program wrote; with `follow=true` what it writes from now on too, until the caller goes. */
export function deploymentLog(
  context: ManagementContext,
  request: Request,
  { user }: SignedIn,
  projectId: string,
  name: string,
  keepOpen: (request: Request) => void,
): Response {
  const project = projectFor(context, user, idOf(projectId), 'editor')
  const path = context.fleet.places.logOf(getDeployment(context.db, project.id, name).id)
  const url = new URL(request.url)
  const lines = wholeNumber(url, 'lines', 100, MOST_LINES)
  const headers = { 'content-type': 'text/plain; charset=utf-8' }
  if (url.searchParams.get('follow') !== 'true') return new Response(lastLines(path, lines), { headers })
  keepOpen(request)
  const pieces = followed(path, lines, AbortSignal.any([request.signal, context.fleet.closing]))
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: () => void pieces.return(undefined),
  })
  return new Response(body, { headers })
}

/**
 * A program runs on this machine, and an upstream lets callers reach what this machine reaches: both are for administrators of
 * the installation, and for those of the project where a setting says so. Programs of the latter never run as root.
 * @param parts what is there and what is given: the rule is for both, and for each field, whatever stands beside it
 * @throws Fault 403
 */
function checkMayDeclare(context: ManagementContext, { user }: SignedIn, project: Project, ...parts: object[]): void {
  const says = (field: string) => parts.some(part => field in part)
  if (user.isAdmin || !(says('command') || says('upstream'))) return
  const { projectDeployments, deploymentUser } = context.config
  if (projectDeployments !== 'all')
    throw forbidden(
      'Only administrators of the installation deploy programs and upstreams here (--project-deployments).',
    )
  projectFor(context, user, project.id, 'admin')
  if (!says('command')) return
  if (process.getuid?.() === 0 && !deploymentUser)
    throw forbidden('Callgate runs as root: programs of projects need another user (--deployment-user).')
  if (says('user')) throw forbidden('Only administrators of the installation say whom a program runs as.')
}

function declared({ config, ...deployment }: Deployment) {
  const { env, ...rest } = config as CommandConfig
  return {
    id: deployment.id,
    name: deployment.name,
    project_id: deployment.projectId,
    kind: deploymentKind(config) ?? null,
    // what variables are set to may be secret
    config: env ? { ...rest, env_names: Object.keys(env) } : rest,
    enabled: deployment.enabled,
    revision: deployment.revision,
    created_at: deployment.createdAt,
    updated_at: deployment.updatedAt,
  }
}

/** What it does, and where it answers. */
function now(context: ManagementContext, request: Request, project: Project, deployment: Deployment) {
  const served = context.publisher.registry.deployment(project.slug, deployment.name)
  return {
    ...(deploymentKind(deployment.config) === 'model'
      ? {
          status: !deployment.enabled ? 'stopped' : served?.model ? 'running' : 'failing',
          reason: null,
          replicas: [],
        }
      : context.fleet.describe(deployment)),
    endpoint_url: `${new URL(request.url).origin}/v1/${project.slug}/${deployment.name}`,
  }
}

function shown(
  context: ManagementContext,
  request: Request,
  project: Project,
  deployment: Deployment,
  status = 200,
): Response {
  const self = `/api/projects/${project.id}/deployments/${deployment.name}`
  const links = { self, project: `/api/projects/${project.id}`, logs: `${self}/logs` }
  return single(declared(deployment), links, status, now(context, request, project, deployment))
}
