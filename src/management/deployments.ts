/** Deployments over the API: who may declare which, and what they do. */
import { Type } from '@sinclair/typebox'
import {
  type CommandConfig,
  createDeployment,
  type Deployment,
  type DeploymentKind,
  deleteDeployment,
  deploymentKind,
  enableDeployment,
  getDeployment,
  listDeployments,
  updateDeployment,
} from '../catalog/deployments.ts'
import { listProjects, type Project } from '../catalog/projects.ts'
import { note } from '../catalog/store.ts'
import type { Described } from '../deployments/command.ts'
import { Fault, forbidden } from '../lib/fault.ts'
import { isObject } from '../lib/json.ts'
import { change, idOf, jsonBody, type ManagementContext, projectFor, type SignedIn, scopeOf, sees } from './context.ts'
import { checkMatch, json, list, single } from './respond.ts'

const NewDeployment = Type.Object({ name: Type.String() })
const DeploymentPatch = Type.Record(Type.String(), Type.Unknown())

/** All of a project, and which kinds the caller may declare there; why not, as a declaration would be refused. */
export function deployments(context: ManagementContext, request: Request, who: SignedIn, projectId: string) {
  const project = projectFor(context, who, idOf(projectId), 'viewer')
  return list(request, rowsOf(context, request, who, project), items => ({
    items,
    kinds: kindsFor(context, who, project),
  }))
}

/** `GET /api/deployments`: of every project that the caller sees, or of the one in scope. */
export function allDeployments(context: ManagementContext, request: Request, who: SignedIn) {
  const scope = scopeOf(request)
  const seen = listProjects(context.db).filter(({ id }) => (scope ?? id) === id && sees(context, who.user, id))
  return list(
    request,
    seen.flatMap(project => rowsOf(context, request, who, project)),
    items => ({ items }),
  )
}

const rowsOf = (context: ManagementContext, request: Request, who: SignedIn, project: Project) =>
  listDeployments(context.db, project.id).map(d => deploymentRow(context, request, who, project, d))

const deploymentRow = (
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  project: Project,
  deployment: Deployment,
) => ({
  ...declared(deployment),
  ...now(context, request, who, project, deployment),
})
export type DeploymentRow = ReturnType<typeof deploymentRow>

/** `refusal` is null where the kind is the caller's to declare, and to change. */
export interface DeclarableKind {
  kind: DeploymentKind
  refusal: string | null
}

function kindsFor(context: ManagementContext, who: SignedIn, project: Project): DeclarableKind[] {
  return KINDS.map(kind => ({
    kind,
    refusal: refusalOf(() => checkMayDeclare(context, who, project, { [kind]: '' })),
  }))
}

function refusalOf(check: () => void): string | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

export async function addDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
): Promise<Response> {
  const may = () => projectFor(context, who, idOf(projectId), 'editor')
  const project = may()
  const { name, ...config } = await jsonBody(context, request, NewDeployment)
  const created = change(context, may, (tx, project, touched) => {
    checkMayDeclare(context, who, project, config)
    touched.deployments.add(project.id)
    return createDeployment(tx, who.actor, project.id, name, config)
  })
  return shown(context, request, who, project, created, 201)
}

export function oneDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
): Response {
  const project = projectFor(context, who, idOf(projectId), 'viewer')
  return shown(context, request, who, project, getDeployment(context.db, project.id, name))
}

/** Changes what the body names; null takes a field away, a variable too. A program's next revision takes over when it is ready. */
export async function changeDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
): Promise<Response> {
  const may = () => projectFor(context, who, idOf(projectId), 'editor')
  const project = may()
  const given = await jsonBody(context, request, DeploymentPatch)
  const changed = change(context, may, (tx, project, touched) => {
    const current = getDeployment(tx, project.id, name)
    checkMayDeclare(context, who, project, current.config, given)
    checkMatch(request, declared(current))
    touched.deployments.add(project.id)
    return updateDeployment(tx, who.actor, current, withVariables(current, given))
  })
  return shown(context, request, who, project, changed)
}

/** Nobody is shown what variables are set to, so those that `env` does not name stay; null takes one away. */
function withVariables({ config }: Deployment, given: Record<string, unknown>): Record<string, unknown> {
  const { env } = given
  if (!isObject(env)) return given
  const merged = Object.entries({ ...(config as CommandConfig).env, ...env }).filter(([, value]) => value !== null)
  return { ...given, env: merged.length > 0 ? Object.fromEntries(merged) : null }
}

export function removeDeployment(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
): Response {
  const may = () => projectFor(context, who, idOf(projectId), 'editor')
  change(context, may, (tx, project, touched) => {
    const current = getDeployment(tx, project.id, name)
    if (deploymentKind(current.config) !== 'model') projectFor(context, who, project.id, 'admin')
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
  const may = () => projectFor(context, who, idOf(projectId), 'editor')
  const project = may()
  const wasEnabled = getDeployment(context.db, project.id, name).enabled
  const deployment = change(context, may, (tx, project, touched) => {
    const current = getDeployment(tx, project.id, name)
    checkMatch(request, declared(current))
    touched.deployments.add(project.id)
    if (action === 'restart' && current.enabled) note(tx, who.actor, 'deployment.restart', name, project.id)
    return enableDeployment(tx, who.actor, current, action !== 'stop')
  })
  if (action === 'restart' && wasEnabled) context.fleet.restart(deployment.id)
  else if (action !== 'stop') context.fleet.start(deployment.id)
  return shown(context, request, who, project, deployment)
}

/**
 * A program runs on this machine, and an upstream lets callers reach what this machine reaches: both are for administrators of
 * the installation, and for those of the project where a setting says so. Programs of the latter never run as root.
 * @param parts what is there and what is given: the rule is for both, and for each field, whatever stands beside it
 * @throws Fault 403
 */
function checkMayDeclare(context: ManagementContext, who: SignedIn, project: Project, ...parts: object[]): void {
  projectFor(context, who, project.id, 'editor')
  const says = (field: string) => parts.some(part => field in part)
  if (who.userNow().isAdmin || !(says('command') || says('upstream'))) return
  const { projectDeployments, deploymentUser } = context.config
  if (projectDeployments !== 'all')
    throw forbidden(
      'Only administrators of the installation deploy programs and upstreams here (--project-deployments).',
    )
  projectFor(context, who, project.id, 'admin')
  if (!says('command')) return
  if (process.getuid?.() === 0 && !deploymentUser)
    throw forbidden('Callgate runs as root: programs of projects need another user (--deployment-user).')
  if (says('user')) throw forbidden('Only administrators of the installation choose the user that a program runs as.')
}

const KINDS = ['command', 'upstream', 'model'] as const satisfies DeploymentKind[]

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
function now(
  context: ManagementContext,
  request: Request,
  { caller }: SignedIn,
  project: Project,
  deployment: Deployment,
): Described & { endpoint_url: string } {
  const served = context.publisher.registry.deployment(project.slug, deployment.name)
  return {
    ...(deploymentKind(deployment.config) === 'model'
      ? {
          status: !deployment.enabled ? 'stopped' : served?.model ? 'running' : 'failing',
          reason: null,
          replicas: [],
          requests_in_flight: null,
        }
      : context.fleet.describe(deployment)),
    endpoint_url: `${caller.secure ? 'https' : 'http'}://${new URL(request.url).host}/v1/${project.slug}/${deployment.name}`,
  }
}

function shown(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  project: Project,
  deployment: Deployment,
  status = 200,
): Response {
  const self = `/api/projects/${project.id}/deployments/${deployment.name}`
  const links = { self, project: `/api/projects/${project.id}`, logs: `${self}/logs` }
  return single(declared(deployment), links, status, now(context, request, who, project, deployment))
}
