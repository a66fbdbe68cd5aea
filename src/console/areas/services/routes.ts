import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { navigation as t } from '../../texts/navigation.ts'
import { keyTabs } from '../keys/routes.ts'
import { sectionRoute, serviceRoute } from './service-route.ts'

const listRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '/',
  component: lazyPage(() => import('./list-page.tsx'), 'ServicesPage'),
})

const endpointsRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: '/',
  component: lazyPage(() => import('./endpoints-page.tsx'), 'EndpointsPage'),
})

const newEndpointRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'new-endpoint',
  staticData: { title: t.newEndpoint },
  validateSearch: ({ kind }: Record<string, unknown>): { kind?: string } => (typeof kind === 'string' ? { kind } : {}),
  component: lazyPage(() => import('./new-endpoint-page.tsx'), 'NewEndpointPage'),
})

const endpointRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'endpoints/$endpoint',
  staticData: { title: params => params.endpoint ?? '' },
  component: lazyPage(() => import('./endpoint-page.tsx'), 'EndpointPage'),
})

const versionsRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'versions',
  staticData: { title: t.versions },
  validateSearch: ({ from, to }: Record<string, unknown>): { from?: number; to?: number } => ({
    ...(typeof from === 'number' ? { from } : {}),
    ...(typeof to === 'number' ? { to } : {}),
  }),
  component: lazyPage(() => import('./versions-page.tsx'), 'VersionsPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'settings',
  staticData: { title: t.settings },
  component: lazyPage(() => import('./settings-page.tsx'), 'SettingsPage'),
})

const serviceTabs = [endpointsRoute, newEndpointRoute, endpointRoute, ...keyTabs, versionsRoute, settingsRoute] as const

/** Below a project. */
export const servicePages = [sectionRoute.addChildren([listRoute, serviceRoute.addChildren([...serviceTabs])])] as const
