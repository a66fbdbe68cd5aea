import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { projectRoute, shellRoute } from '../../app/root.ts'
import { projects as t } from '../../texts/projects.ts'

const listRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'projects',
  staticData: { title: t.title },
  component: lazyRouteComponent(() => import('./list-page.tsx'), 'ProjectsPage'),
})

const overviewRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./project-page.tsx'), 'ProjectPage'),
})

/** Below the installation. */
export const projectRoutes = [listRoute] as const
/** Below a project. */
export const projectPages = [overviewRoute] as const
