import { and, asc, eq } from 'drizzle-orm'
import { projects, roles } from '../../db/schema.ts'
import { conflict, notFound } from '../lib/fault.ts'
import { checkSlug } from './names.ts'
import { type Actor, note, type Store } from './store.ts'

export type Project = typeof projects.$inferSelect

interface NewProject {
  slug: string
  name: string
  description?: string
  icon?: string
  color?: string
}

export const listProjects = (store: Store): Project[] => store.select().from(projects).orderBy(asc(projects.id)).all()

/** @throws Fault 404 */
export function getProject(store: Store, id: number): Project {
  const project = store.select().from(projects).where(eq(projects.id, id)).get()
  if (!project) throw notFound('No such project.')
  return project
}

export const findProject = (store: Store, slug: string): Project | undefined =>
  store.select().from(projects).where(eq(projects.slug, slug)).get()

/** @throws Fault 409 the slug is taken; 422 the slug's form */
export function createProject(store: Store, actor: Actor, input: NewProject): Project {
  checkSlug(input.slug)
  if (findProject(store, input.slug)) throw conflict('A project with this slug exists already.')
  const project = store.insert(projects).values(input).returning().get()
  note(store, actor, 'project.create', input.slug, project.id)
  return project
}

/** Changes only what differs. @returns whether anything did */
export function updateProject(store: Store, actor: Actor, project: Project, fields: Partial<NewProject>): boolean {
  const changed = Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== undefined && project[name as keyof Project] !== value),
  )
  if (Object.keys(changed).length === 0) return false
  store.update(projects).set(changed).where(eq(projects.id, project.id)).run()
  note(store, actor, 'project.update', project.slug, project.id, { fields: Object.keys(changed) })
  return true
}

export type Role = 'admin' | 'editor' | 'viewer'

export const roleOf = (store: Store, userId: number, projectId: number): Role | undefined =>
  store
    .select({ role: roles.role })
    .from(roles)
    .where(and(eq(roles.userId, userId), eq(roles.projectId, projectId)))
    .get()?.role
