import { type Static, Type } from '@sinclair/typebox'
import {
  createUser,
  deleteUser,
  getUser,
  hashPassword,
  listUsers,
  rolesOf,
  type User,
  updateUser,
} from '../catalog/users.ts'
import { closed, literals } from '../lib/shape.ts'
import { change, idOf, jsonBody, type ManagementContext, needAdmin, type SignedIn } from './context.ts'
import { checkMatch, json, list, single } from './respond.ts'

export const ProjectRole = literals(['admin', 'editor', 'viewer'])
const Roles = Type.Record(Type.String(), ProjectRole)
/** A password that somebody chooses. */
export const Password = Type.String({ minLength: 10, maxLength: 1000, error: 'must be 10 to 1000 characters.' })
const NewUser = Type.Object(
  { username: Type.String(), password: Password, roles: Type.Optional(Roles), is_admin: Type.Optional(Type.Boolean()) },
  closed,
)
export type NewUserInput = Static<typeof NewUser>
const UserPatch = Type.Object(
  {
    password: Type.Optional(Password),
    roles: Type.Optional(Roles),
    is_admin: Type.Optional(Type.Boolean()),
    is_active: Type.Optional(Type.Boolean()),
  },
  closed,
)

export type UserPatchInput = Static<typeof UserPatch>

/** Another user, for administrators. @throws Fault 403, 404 */
function userFor(context: ManagementContext, who: SignedIn, id: string): User {
  needAdmin(who)
  return getUser(context.db, idOf(id))
}

export function users(context: ManagementContext, request: Request, who: SignedIn): Response {
  needAdmin(who)
  return list(
    request,
    listUsers(context.db).map(u => userRow(context, u)),
    rows => ({ items: rows }),
  )
}

export async function addUser(context: ManagementContext, request: Request, who: SignedIn) {
  needAdmin(who)
  const { username, password, roles = {}, is_admin = false } = await jsonBody(context, request, NewUser)
  const passwordHash = await hashPassword(password)
  const made = change(
    context,
    () => needAdmin(who),
    tx => createUser(tx, who.actor, { username, passwordHash, isAdmin: is_admin, roles }),
  )
  return shown(context, made, 201)
}

export function oneUser(context: ManagementContext, who: SignedIn, id: string): Response {
  return shown(context, userFor(context, who, id))
}

export async function changeUser(context: ManagementContext, request: Request, who: SignedIn, id: string) {
  const target = () => userFor(context, who, id)
  target()
  const { password, roles, is_admin, is_active } = await jsonBody(context, request, UserPatch)
  const passwordHash = password === undefined ? undefined : await hashPassword(password)
  const fields = {
    ...(passwordHash ? { passwordHash } : {}),
    ...(is_admin === undefined ? {} : { isAdmin: is_admin }),
    ...(is_active === undefined ? {} : { isActive: is_active }),
    ...(roles ? { roles } : {}),
  }
  const changed = change(context, target, (tx, user) => {
    checkMatch(request, userRow(context, user))
    updateUser(tx, who.actor, user, fields)
    return getUser(tx, user.id)
  })
  return shown(context, changed)
}

export function removeUser(context: ManagementContext, request: Request, who: SignedIn, id: string) {
  const target = () => userFor(context, who, id)
  change(context, target, (tx, user) => {
    checkMatch(request, userRow(context, user))
    deleteUser(tx, who.actor, user)
  })
  return json({ deleted: true })
}

const userRow = (context: ManagementContext, user: User) => ({
  user_id: user.id,
  username: user.username,
  is_admin: user.isAdmin,
  is_active: user.isActive,
  roles: rolesOf(context.db, user.id),
  created_at: user.createdAt,
})
export type UserRow = ReturnType<typeof userRow>

const shown = (context: ManagementContext, user: User, status = 200) =>
  single(userRow(context, user), { self: `/api/users/${user.id}` }, status)
