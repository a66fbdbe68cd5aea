/** Who has a role in a project: seen by whoever has one, changed by its administrators. */

import { Type } from '@sinclair/typebox'
import { listMembers, type Member, removeMember, setMember } from '../catalog/members.ts'
import { closed } from '../lib/shape.ts'
import { change, idOf, jsonBody, type ManagementContext, projectFor, type SignedIn } from './context.ts'
import { json, list } from './respond.ts'
import { ProjectRole } from './users.ts'

const Membership = Type.Object({ role: ProjectRole }, closed)

export function members(context: ManagementContext, request: Request, who: SignedIn, id: string): Response {
  const project = projectFor(context, who, idOf(id), 'viewer')
  return list(request, listMembers(context.db, project.id).map(memberRow), rows => ({ items: rows }))
}

/** `PUT /api/projects/{id}/members/{username}`: gives a user a role, or another one. */
export async function putMember(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  id: string,
  username: string,
): Promise<Response> {
  const may = () => projectFor(context, who, idOf(id), 'admin')
  may()
  const { role } = await jsonBody(context, request, Membership)
  return json(memberRow(change(context, may, (tx, project) => setMember(tx, who.actor, project, username, role))))
}

export function endMember(context: ManagementContext, who: SignedIn, id: string, username: string): Response {
  const may = () => projectFor(context, who, idOf(id), 'admin')
  change(context, may, (tx, project) => removeMember(tx, who.actor, project, username))
  return json({ removed: true })
}

const memberRow = ({ user, role }: Member) => ({
  user_id: user.id,
  username: user.username,
  is_active: user.isActive,
  is_admin: user.isAdmin,
  role,
})
export type MemberRow = ReturnType<typeof memberRow>
