import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { projectsQuery } from '../api/projects.ts'
import { servicesQuery } from '../api/services.ts'
import { userQuery } from '../areas/users/api.ts'

/** What pages call the project, the service and the user of the URL; undefined while that is not read, or is not there. */
export interface Called {
  project?: string
  service?: string
  user?: string
}

/** As the pages say it, which have read the same. */
export function useCalled(): Called {
  const { project: slug, service: key, user: id } = useParams({ strict: false })
  const { data: projects } = useQuery({ ...projectsQuery, enabled: slug !== undefined })
  const project = projects?.find(known => known.slug === slug)
  const { data: services } = useQuery({
    ...servicesQuery(project?.project_id ?? 0),
    enabled: project !== undefined && key !== undefined,
  })
  const { data: user } = useQuery({ ...userQuery(id ?? ''), enabled: id !== undefined })
  return {
    project: project?.name,
    service: services?.find(({ asset_key }) => asset_key === key)?.title,
    user: user?.value.username,
  }
}
