import { type Static, Type } from '@sinclair/typebox'
import { createProject, getProject, listProjects, type Project, updateProject } from '../catalog/projects.ts'
import { transaction } from '../catalog/store.ts'
import { idOf, jsonBody, type ManagementContext, needAdmin, projectFor, type SignedIn, sees } from './context.ts'
import { checkMatch, list, single } from './respond.ts'

const Text = Type.String({ maxLength: 2000 })
const NewProject = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200 }),
  slug: Type.String(),
  description: Type.Optional(Text),
  icon: Type.Optional(Text),
  color: Type.Optional(Text),
})
export type NewProjectInput = Static<typeof NewProject>
const ProjectPatch = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    description: Type.Optional(Text),
    icon: Type.Optional(Text),
    color: Type.Optional(Text),
  },
  { additionalProperties: false },
)
export type ProjectPatchInput = Static<typeof ProjectPatch>

export const projects = (context: ManagementContext, request: Request, { user }: SignedIn): Response =>
  list(
    request,
    listProjects(context.db)
      .filter(p => sees(context, user, p.id))
      .map(projectRow),
    rows => ({ items: rows }),
  )

export async function addProject(context: ManagementContext, request: Request, { user, actor }: SignedIn) {
  needAdmin(user)
  const { name, slug, description, icon, color } = await jsonBody(context, request, NewProject)
  return shown(
    transaction(context.db, tx => createProject(tx, actor, { name, slug, description, icon, color })),
    201,
  )
}

export const oneProject = (context: ManagementContext, { user }: SignedIn, id: string): Response =>
  shown(projectFor(context, user, idOf(id), 'viewer'))

export async function changeProject(
  context: ManagementContext,
  request: Request,
  { user, actor }: SignedIn,
  id: string,
) {
  const project = projectFor(context, user, idOf(id), 'admin')
  const fields = await jsonBody(context, request, ProjectPatch)
  return shown(
    transaction(context.db, tx => {
      const current = getProject(tx, project.id)
      checkMatch(request, projectRow(current))
      updateProject(tx, actor, current, fields)
      return getProject(tx, project.id)
    }),
  )
}

const projectRow = (project: Project) => ({
  project_id: project.id,
  slug: project.slug,
  name: project.name,
  description: project.description,
  icon: project.icon,
  color: project.color,
  created_at: project.createdAt,
})
export type ProjectRow = ReturnType<typeof projectRow>

const shown = (project: Project, status = 200) => {
  const self = `/api/projects/${project.id}`
  return single(projectRow(project), { self, api_keys: `${self}/api-keys`, deployments: `${self}/deployments` }, status)
}
