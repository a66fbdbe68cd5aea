import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { projectsQuery } from '../../api/projects.ts'
import { serviceQuery, servicesQuery } from '../../api/services.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const sectionRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'services',
  staticData: { title: t.services },
})

const listRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./list-page.tsx'), 'ServicesPage'),
})

/** One service, which the URL names by its key: its header and tabs stand around the pages below. */
export const serviceRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '$service',
  staticData: { title: params => params.service ?? '' },
  component: lazyRouteComponent(() => import('./service-page.tsx'), 'ServicePage'),
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

const endpointsRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./endpoints-page.tsx'), 'EndpointsPage'),
})

const newEndpointRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'new-endpoint',
  staticData: { title: t.newEndpoint },
  validateSearch: ({ kind }: Record<string, unknown>): { kind?: string } => (typeof kind === 'string' ? { kind } : {}),
  component: lazyRouteComponent(() => import('./new-endpoint-page.tsx'), 'NewEndpointPage'),
})

const endpointRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'endpoints/$endpoint',
  staticData: { title: params => params.endpoint ?? '' },
  component: lazyRouteComponent(() => import('./endpoint-page.tsx'), 'EndpointPage'),
})

const versionsRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'versions',
  staticData: { title: t.versions },
  validateSearch: ({ from, to }: Record<string, unknown>): { from?: number; to?: number } => ({
    ...(typeof from === 'number' ? { from } : {}),
    ...(typeof to === 'number' ? { to } : {}),
  }),
  component: lazyRouteComponent(() => import('./versions-page.tsx'), 'VersionsPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'settings',
  staticData: { title: t.settings },
  component: lazyRouteComponent(() => import('./settings-page.tsx'), 'SettingsPage'),
})

const serviceTabs = [endpointsRoute, newEndpointRoute, endpointRoute, versionsRoute, settingsRoute] as const

/** Below a project. */
export const servicePages = [sectionRoute.addChildren([listRoute, serviceRoute.addChildren([...serviceTabs])])] as const
