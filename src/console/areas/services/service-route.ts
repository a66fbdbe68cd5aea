/** What the pages of services, and those that other areas add to one, hang on. */
import { createRoute } from '@tanstack/react-router'
import { projectsQuery } from '../../api/projects.ts'
import { serviceQuery, servicesQuery } from '../../api/services.ts'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

export const sectionRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'services',
  staticData: { title: t.services },
})

/** One service, which the URL names by its key: its header and tabs stand around the pages below. */
export const serviceRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '$service',
  staticData: { title: (params, called) => called.service ?? params.service ?? '' },
  component: lazyPage(() => import('./service-page.tsx'), 'ServicePage'),
  loader: async ({ context: { queryClient }, params }) => {
    const projects = await queryClient.ensureQueryData(projectsQuery)
    const project = projects.find(({ slug }) => slug === params.project)
    if (!project) return
    const query = servicesQuery(project.project_id)
    const named = ({ asset_key }: { asset_key: string }) => asset_key === params.service
    const known = (await queryClient.ensureQueryData(query)).find(named)
    const row = known ?? (await queryClient.fetchQuery({ ...query, staleTime: 0 })).find(named)
    if (row) await queryClient.ensureQueryData(serviceQuery(project.project_id, row.id))
  },
})
