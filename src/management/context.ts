import type { Static, TSchema } from '@sinclair/typebox'
import type { Db } from '../../db/connect.ts'
import type { Keys } from '../catalog/keys.ts'
import { getProject, listProjects, type Project, type Role, roleOf } from '../catalog/projects.ts'
import type { Session } from '../catalog/sessions.ts'
import type { Actor, Store } from '../catalog/store.ts'
import type { UsageLog } from '../catalog/usage.ts'
import type { User } from '../catalog/users.ts'
import type { Config } from '../config.ts'
import type { Fleet } from '../deployments/fleet.ts'
import type { Publisher, Touched } from '../endpoints/publisher.ts'
import type { Limits } from '../gate/limits.ts'
import { checkAnnouncedLength, checkJsonType, parseBody, readBytes } from '../lib/body.ts'
import { deadlineIn } from '../lib/deadline.ts'
import { forbidden, notFound, unprocessable } from '../lib/fault.ts'
import { losesWhenStored } from '../lib/json.ts'
import { checkShape } from '../lib/shape.ts'
import type { Connections } from '../query/engines/postgres/connections.ts'

/** What the management API works with. */
export interface ManagementContext {
  config: Config
  db: Db
  keys: Keys
  publisher: Publisher
  fleet: Fleet
  limits: Limits
  usage: UsageLog
  /** the databases that datasets are tables of */
  connections: Connections
  /** the installation's secret: signs sessions */
  secret: Uint8Array
  /** where uploads are received */
  uploadsDir: string
}

/** Where a request comes from. */
export interface Caller {
  address: string
  /** its side of the connection is encrypted */
  secure: boolean
}

/** Who is signed in, as each handler gets it. */
export interface SignedIn {
  /** as they were when the request began */
  user: User
  /** as they are now. @throws Fault 401 they are gone, or what signed them in has ended since */
  userNow: () => User
  actor: Actor
  caller: Caller
  /** the browser's session, when its cookie is what signs the request in */
  session?: Session
}

const RANK: Record<Role, number> = { viewer: 0, editor: 1, admin: 2 }

/**
 * The project, when the user has at least this role in it now. Administrators of the installation have every role.
 * @throws Fault 404 not there, or not the user's to see; 403 the role is too low
 */
export function projectFor(context: ManagementContext, who: SignedIn, projectId: number, need: Role): Project {
  const user = who.userNow()
  const role = user.isAdmin ? 'admin' : roleOf(context.db, user.id, projectId)
  if (!role) throw notFound('No such project.')
  const project = getProject(context.db, projectId)
  if (RANK[role] < RANK[need]) throw forbidden(`This needs the role ${need} in the project; yours is ${role}.`)
  return project
}

export const sees = (context: ManagementContext, user: User, projectId: number): boolean =>
  user.isAdmin || roleOf(context.db, user.id, projectId) !== undefined

export const mayEdit = (context: ManagementContext, user: User, projectId: number): boolean =>
  user.isAdmin || RANK[roleOf(context.db, user.id, projectId) ?? 'viewer'] >= RANK.editor

/** @throws Fault 403 */
export function needAdmin(who: SignedIn): void {
  if (!who.userNow().isAdmin) throw forbidden('This needs an administrator of the installation.')
}

/**
 * A change of the catalog by somebody who may make it. A body may take its time, and so may work on it: so `may`,
 * which was asked before the body was read, is asked again in the transaction.
 * @throws Fault what `may` and `work` refuse, and what publishing does (Publisher.change): then nothing has changed
 */
export const change = <R, T>(
  { publisher }: ManagementContext,
  may: () => R,
  work: (tx: Store, allowed: R, touched: Touched) => T,
): T => publisher.change((tx, touched) => work(tx, may(), touched))

/** A number from a path. @throws Fault 404 what is not one cannot be there */
export function idOf(text: string | undefined): number {
  if (!text || !/^\d{1,15}$/.test(text)) throw notFound('No such resource.')
  return Number(text)
}

/** The project in scope: `X-Project-Id`, or `project_id` in the query. @throws Fault 422 not a number */
export function scopeOf(request: Request): number | undefined {
  const text = request.headers.get('x-project-id') ?? new URL(request.url).searchParams.get('project_id')
  if (text === null || text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) throw unprocessable('X-Project-Id must be a project id.')
  return Number(text)
}

/** The projects that a request is about: the one in scope, or all that the user sees. @throws Fault 404, 422 */
export function projectsInScope(context: ManagementContext, who: SignedIn, request: Request): Project[] {
  const scope = scopeOf(request)
  if (scope !== undefined) return [projectFor(context, who, scope, 'viewer')]
  return listProjects(context.db).filter(({ id }) => sees(context, who.user, id))
}

/**
 * For what is put into the project in scope by its editors.
 * @param what begins the sentence that says so where there is none: "A model is uploaded into"
 * @returns the project, when the user still may: to be asked again after all that takes time. @throws Fault 403, 404
 * @throws Fault 422 no project is in scope; as what is returned
 */
export function editedProject(
  context: ManagementContext,
  who: SignedIn,
  request: Request,
  what: string,
): () => Project {
  const scope = scopeOf(request)
  if (scope === undefined) throw unprocessable(`${what} a project: send X-Project-Id.`)
  const may = () => projectFor(context, who, scope, 'editor')
  may()
  return may
}

/** What names and secrets may be, every character of them an escape, is less. */
const MOST_TO_SIGN_IN = 32 * 1024
/** What is read here is read by the process that everybody waits for. Rows of a model have few names, which are quickly read. */
const MOST_VALUES = { store: 250_000, 'sign-in': 250_000, score: 500_000 }

/**
 * The request's JSON body, checked.
 * @param purpose `score`: a model's body, whose integers beyond 2^53 are kept; `store`: they are refused, as is any number
 * that would be saved as another one; `sign-in`: the same, of anybody, so that there are a few names and secrets at most
 * @throws Fault 413 also of very many values, 415, 400 unparseable or nested too deep, 422 its shape
 */
export async function jsonBody<T extends TSchema>(
  context: ManagementContext,
  request: Request,
  schema: T,
  purpose: 'store' | 'score' | 'sign-in' = 'store',
): Promise<Static<T>> {
  const { maxBody, requestTimeout } = context.config
  const limit = purpose === 'sign-in' ? Math.min(MOST_TO_SIGN_IN, maxBody) : maxBody
  checkAnnouncedLength(request.headers, limit)
  const bytes = await readBytes(request, limit, deadlineIn(requestTimeout))
  if (bytes.length > 0) checkJsonType(request.headers)
  const body = bytes.length === 0 ? {} : parseBody(bytes, MOST_VALUES[purpose])
  if (purpose !== 'score' && losesWhenStored(body))
    throw unprocessable('The body holds a number that cannot be kept exactly; write it as a string.')
  checkShape(schema, body)
  return body
}
