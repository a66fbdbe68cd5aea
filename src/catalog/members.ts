import { and, asc, eq } from 'drizzle-orm'
import { roles, users } from '../../db/schema.ts'
import { notFound } from '../lib/fault.ts'
import type { Project, Role } from './projects.ts'
import { type Actor, note, type Store } from './store.ts'
import { findUser, type User } from './users.ts'

export interface Member {
  user: User
  role: Role
}

/** By name. Administrators of the installation are among them only where they have a role of their own. */
export const listMembers = (store: Store, projectId: number): Member[] =>
  store
    .select({ user: users, role: roles.role })
    .from(roles)
    .innerJoin(users, eq(users.id, roles.userId))
    .where(eq(roles.projectId, projectId))
    .orderBy(asc(users.username))
    .all()

/** Gives the role in place of the one that the user had. @throws Fault 404 nobody is called so */
export function setMember(store: Store, actor: Actor, project: Project, username: string, role: Role): Member {
  const user = findUser(store, username)
  if (!user) throw notFound('No such user.')
  store
    .insert(roles)
    .values({ userId: user.id, projectId: project.id, role })
    .onConflictDoUpdate({ target: [roles.userId, roles.projectId], set: { role } })
    .run()
  note(store, actor, 'member.set', username, project.id, { role })
  return { user, role }
}

/** @throws Fault 404 the user has no role in the project */
export function removeMember(store: Store, actor: Actor, project: Project, username: string): void {
  const user = findUser(store, username)
  const theirs = user && and(eq(roles.userId, user.id), eq(roles.projectId, project.id))
  if (!theirs || store.delete(roles).where(theirs).returning().all().length === 0) throw notFound('No such member.')
  note(store, actor, 'member.remove', username, project.id)
}
