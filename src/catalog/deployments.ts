/** Deployments: a model, a program or another server below a path of its own. The shape of a declaration, and its rows. */
import { X509Certificate } from 'node:crypto'
import { isAbsolute } from 'node:path'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { and, asc, eq } from 'drizzle-orm'
import { deployments } from '../../db/schema.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { checkShape, closed } from '../lib/shape.ts'
import { checkDeploymentName } from './names.ts'
import { ModelReference } from './service-config.ts'
import { type Actor, note, now, type Store } from './store.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: the NUL is what no argument can hold
const Text = Type.RegExp(/^[^\u0000]*$/, { maxLength: 32_768 })
const optional = Type.Optional
const Seconds = (most: number) => optional(Type.Number({ exclusiveMinimum: 0, maximum: most }))
const Path = Type.RegExp(/^\/[\x21-\x7e]*$/, { maxLength: 2000, error: 'must be a path such as /health.' })

/** Of servers of both kinds. */
const server = {
  /** is asked by GET whether the server is well: 2xx and 3xx say so */
  health: optional(Path),
  /** from the request to the head of the answer; the setting `request-timeout` where it is left out */
  timeout_seconds: Seconds(3600),
  /** whether the caller's key is handed on */
  pass_authorization: optional(Type.Boolean()),
}

const CommandConfig = Type.Object(
  {
    ...server,
    /** a program and its arguments; it listens on 127.0.0.1 at the port in its environment's PORT */
    command: Type.Array(Text, { minItems: 1, maxItems: 256 }),
    /** absolute */
    cwd: optional(Text),
    env: optional(
      Type.Record(Type.RegExp(/^[A-Za-z_][A-Za-z0-9_]*$/), Text, {
        additionalProperties: false,
        maxProperties: 1000,
        error: 'must be an object of variables and their texts, at most 1000.',
      }),
    ),
    /** 1: it runs from the start on, and is not stopped when idle */
    min_instances: optional(Type.Integer({ minimum: 0, maximum: 1 })),
    idle_seconds: Seconds(30 * 86_400),
    /** between two checks of its health while it runs */
    health_interval_seconds: Seconds(3600),
    start_timeout_seconds: Seconds(3600),
    /** how long requests under way may take to end when it is stopped */
    drain_seconds: Seconds(3600),
    replicas: optional(Type.Integer({ minimum: 1, maximum: 64 })),
    /** of data, for each process */
    memory_mb: optional(Type.Integer({ minimum: 16, maximum: 16_777_216 })),
    /** CPUs that it may run on */
    cpus: optional(Type.Integer({ minimum: 1, maximum: 4096 })),
    /** a name or a number */
    user: optional(Type.RegExp(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/)),
  },
  closed,
)
export type CommandConfig = Static<typeof CommandConfig>

const UpstreamConfig = Type.Object(
  {
    ...server,
    upstream: Type.String({ maxLength: 2000 }),
    connect_timeout_seconds: Seconds(300),
    /** how often a request that may be repeated is sent again when its connection was lost */
    retries: optional(Type.Integer({ minimum: 0, maximum: 5 })),
    /** PEM of the authorities that are trusted, instead of the usual ones */
    ca: optional(Type.String({ maxLength: 1_000_000 })),
  },
  closed,
)
export type UpstreamConfig = Static<typeof UpstreamConfig>

export type DeploymentConfig = ModelReference | CommandConfig | UpstreamConfig
export type DeploymentKind = 'model' | 'command' | 'upstream'
export type Deployment = Omit<typeof deployments.$inferSelect, 'config'> & { config: DeploymentConfig }

const KINDS: Record<DeploymentKind, TSchema> = {
  model: ModelReference,
  command: CommandConfig,
  upstream: UpstreamConfig,
}
/** The field that makes a declaration one of its kind. */
const TELLING: Record<string, DeploymentKind> = {
  model: 'model',
  model_id: 'model',
  command: 'command',
  upstream: 'upstream',
}

/** undefined: of no kind, or of several. */
export function deploymentKind(config: object): DeploymentKind | undefined {
  const kinds = new Set(Object.keys(config).flatMap(field => (Object.hasOwn(TELLING, field) ? [TELLING[field]!] : [])))
  return kinds.size === 1 ? [...kinds][0] : undefined
}

/** @throws Fault 422 its shape, naming it */
function checkDeploymentConfig(name: string, config: object): asserts config is DeploymentConfig {
  const where = `deployment ${name}`
  const kind = deploymentKind(config)
  if (!kind) throw unprocessable(`${where}: it needs exactly one of model, command and upstream.`)
  checkShape(KINDS[kind], config, where)
  if (kind === 'command') checkCommand(config as CommandConfig, where)
  if (kind === 'upstream') checkUpstream(config as UpstreamConfig, where)
  if (kind === 'model') {
    const { model, model_id, version } = config as ModelReference
    if (model !== undefined && model_id !== undefined)
      throw unprocessable(`${where}: it names either model or model_id, not both.`)
    if (version !== undefined && model === undefined)
      throw unprocessable(`${where}: version goes with model, not with model_id.`)
  }
}

function checkCommand({ command, cwd, env }: CommandConfig, where: string): void {
  if (command[0] === '') throw unprocessable(`${where}: command[0] must be the name of a program.`)
  if (cwd !== undefined && !isAbsolute(cwd)) throw unprocessable(`${where}: cwd must be an absolute path.`)
  if (env?.PORT !== undefined) throw unprocessable(`${where}: PORT is given to it and cannot be set.`)
}

function checkUpstream({ upstream, ca }: UpstreamConfig, where: string): void {
  // a URL's parser lets white space and control characters go
  const url = !/[\s\p{Cc}]/u.test(upstream) && URL.canParse(upstream) ? new URL(upstream) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw unprocessable(`${where}: upstream must be an http:// or https:// URL.`)
  if (url.username || url.password || url.search || url.hash)
    throw unprocessable(`${where}: upstream has no user, password, query or fragment.`)
  if (ca !== undefined && !isCertificate(ca)) throw unprocessable(`${where}: ca must be certificates in PEM.`)
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

export const listDeployments = (store: Store, projectId: number): Deployment[] =>
  store
    .select()
    .from(deployments)
    .where(eq(deployments.projectId, projectId))
    .orderBy(asc(deployments.name))
    .all() as Deployment[]

export const findDeployment = (store: Store, projectId: number, name: string): Deployment | undefined =>
  store
    .select()
    .from(deployments)
    .where(and(eq(deployments.projectId, projectId), eq(deployments.name, name)))
    .get() as Deployment | undefined

/** @throws Fault 404 */
export function getDeployment(store: Store, projectId: number, name: string): Deployment {
  const found = findDeployment(store, projectId, name)
  if (!found) throw notFound('No such deployment.')
  return found
}

/** @throws Fault 422 its name or shape; 409 there is one of this name */
export function createDeployment(
  store: Store,
  actor: Actor,
  projectId: number,
  name: string,
  given: object,
): Deployment {
  checkDeploymentName(name)
  checkDeploymentConfig(name, given)
  if (findDeployment(store, projectId, name)) throw conflict('The project has a deployment of this name already.')
  const created = store
    .insert(deployments)
    .values({ projectId, name, config: given, updatedAt: now() })
    .returning()
    .get() as Deployment
  note(store, actor, 'deployment.create', name, projectId, auditFields(given))
  return created
}

/**
 * Changes what is given; null takes a field away, and another kind takes the place of all that was there.
 * @returns the deployment as it is now, of the next revision where anything differs
 * @throws Fault 422 its shape
 */
export function updateDeployment(store: Store, actor: Actor, deployment: Deployment, given: object): Deployment {
  const kind = deploymentKind(given)
  const kept = kind === undefined || kind === deploymentKind(deployment.config) ? deployment.config : {}
  const merged: Record<string, unknown> = { ...kept, ...given }
  if (kind === 'model') for (const field of ['model', 'model_id']) if (!(field in given)) delete merged[field]
  const config = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null))
  checkDeploymentConfig(deployment.name, config)
  if (Bun.deepEquals(config, deployment.config)) return deployment
  const updated = store
    .update(deployments)
    .set({ config, revision: deployment.revision + 1, updatedAt: now() })
    .where(eq(deployments.id, deployment.id))
    .returning()
    .get() as Deployment
  note(store, actor, 'deployment.update', deployment.name, deployment.projectId, auditFields(given))
  return updated
}

/** Whether it is served at all. @returns the deployment as it is now */
export function enableDeployment(store: Store, actor: Actor, deployment: Deployment, enabled: boolean): Deployment {
  if (deployment.enabled === enabled) return deployment
  note(store, actor, enabled ? 'deployment.start' : 'deployment.stop', deployment.name, deployment.projectId)
  return store
    .update(deployments)
    .set({ enabled, updatedAt: now() })
    .where(eq(deployments.id, deployment.id))
    .returning()
    .get() as Deployment
}

export function deleteDeployment(store: Store, actor: Actor, deployment: Deployment): void {
  store.delete(deployments).where(eq(deployments.id, deployment.id)).run()
  note(store, actor, 'deployment.delete', deployment.name, deployment.projectId)
}

/** What was named; not what it was set to, as variables hold secrets. */
const auditFields = (given: object) => ({ fields: Object.keys(given) })
