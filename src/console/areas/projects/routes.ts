import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute, shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const listRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'projects',
  staticData: { title: t.projects },
  component: lazyPage(() => import('./list-page.tsx'), 'ProjectsPage'),
})

const overviewRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/',
  component: lazyPage(() => import('./project-page.tsx'), 'ProjectPage'),
})

/** Below the installation. */
export const projectRoutes = [listRoute] as const
/** Below a project. */
export const projectPages = [overviewRoute] as const
