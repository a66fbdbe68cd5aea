import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { projectsQuery } from '../api/projects.ts'
import { servicesQuery } from '../api/services.ts'

/** What pages call the project and the service of the URL; undefined while that is not read, or is not there. */
export interface Called {
  project?: string
  service?: string
}

/** As the pages say it, which have read the same. */
export function useCalled(): Called {
  const { project: slug, service: key } = useParams({ strict: false })
  const { data: projects } = useQuery({ ...projectsQuery, enabled: slug !== undefined })
  const project = projects?.find(known => known.slug === slug)
  const { data: services } = useQuery({
    ...servicesQuery(project?.project_id ?? 0),
    enabled: project !== undefined && key !== undefined,
  })
  return { project: project?.name, service: services?.find(({ asset_key }) => asset_key === key)?.title }
}
