import { type Static, Type } from '@sinclair/typebox'
import { createProject, getProject, listProjects, type Project, updateProject } from '../catalog/projects.ts'
import { closed, Title } from '../lib/shape.ts'
import {
  change,
  idOf,
  jsonBody,
  type ManagementContext,
  needAdmin,
  projectFor,
  type SignedIn,
  sees,
} from './context.ts'
import { checkMatch, list, single } from './respond.ts'

export const ProjectText = Type.String({ maxLength: 2000 })
const NewProject = Type.Object({
  name: Title(200, 1),
  slug: Type.String(),
  description: Type.Optional(ProjectText),
  icon: Type.Optional(ProjectText),
  color: Type.Optional(ProjectText),
})
export type NewProjectInput = Static<typeof NewProject>
const ProjectPatch = Type.Object(
  {
    name: Type.Optional(Title(200, 1)),
    description: Type.Optional(ProjectText),
    icon: Type.Optional(ProjectText),
    color: Type.Optional(ProjectText),
  },
  closed,
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

export async function addProject(context: ManagementContext, request: Request, who: SignedIn) {
  const may = () => needAdmin(who)
  may()
  const { name, slug, description, icon, color } = await jsonBody(context, request, NewProject)
  return shown(
    change(context, may, tx => createProject(tx, who.actor, { name, slug, description, icon, color })),
    201,
  )
}

export const oneProject = (context: ManagementContext, who: SignedIn, id: string): Response =>
  shown(projectFor(context, who, idOf(id), 'viewer'))

export async function changeProject(context: ManagementContext, request: Request, who: SignedIn, id: string) {
  const may = () => projectFor(context, who, idOf(id), 'admin')
  may()
  const fields = await jsonBody(context, request, ProjectPatch)
  return shown(
    change(context, may, (tx, project) => {
      checkMatch(request, projectRow(project))
      updateProject(tx, who.actor, project, fields)
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
