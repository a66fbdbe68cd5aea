import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const sectionRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'deployments',
  staticData: { title: t.deployments },
})

const listRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '/',
  component: lazyPage(() => import('./list-page.tsx'), 'DeploymentsPage'),
})

/** Beside the deployments, as one may be called `new`. */
const newRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'new-deployment',
  staticData: { title: t.newDeployment },
  component: lazyPage(() => import('./new-page.tsx'), 'NewDeploymentPage'),
})

const deploymentRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '$deployment',
  staticData: { title: params => params.deployment ?? '' },
  component: lazyPage(() => import('./deployment-page.tsx'), 'DeploymentPage'),
})

const overviewRoute = createRoute({
  getParentRoute: () => deploymentRoute,
  path: '/',
  component: lazyPage(() => import('./overview-page.tsx'), 'OverviewPage'),
})

const logsRoute = createRoute({
  getParentRoute: () => deploymentRoute,
  path: 'logs',
  staticData: { title: t.logs },
  component: lazyPage(() => import('./logs-page.tsx'), 'LogsPage'),
})

const callersRoute = createRoute({
  getParentRoute: () => deploymentRoute,
  path: 'callers',
  staticData: { title: t.callers },
  component: lazyPage(() => import('./callers-page.tsx'), 'CallersPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => deploymentRoute,
  path: 'settings',
  staticData: { title: t.settings },
  component: lazyPage(() => import('./settings-page.tsx'), 'SettingsPage'),
})

/** Below a project. */
export const deploymentPages = [
  newRoute,
  sectionRoute.addChildren([
    listRoute,
    deploymentRoute.addChildren([overviewRoute, logsRoute, callersRoute, settingsRoute]),
  ]),
] as const
