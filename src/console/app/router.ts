import type { QueryClient } from '@tanstack/react-query'
import { createRouter } from '@tanstack/react-router'
import { accountRoutes } from '../areas/account/routes.ts'
import { auditRoutes } from '../areas/audit/routes.ts'
import { authRoutes } from '../areas/auth/routes.ts'
import { connectionRoutes } from '../areas/connections/routes.ts'
import { datasetPages } from '../areas/datasets/routes.ts'
import { deploymentPages } from '../areas/deployments/routes.ts'
import { homeRoutes } from '../areas/home/routes.ts'
import { keyPages } from '../areas/keys/routes.ts'
import { memberPages } from '../areas/members/routes.ts'
import { modelPages } from '../areas/models/routes.ts'
import { projectPages, projectRoutes } from '../areas/projects/routes.ts'
import { servicePages } from '../areas/services/routes.ts'
import { settingsRoutes } from '../areas/settings/routes.ts'
import { tokenRoutes } from '../areas/tokens/routes.ts'
import { usagePages } from '../areas/usage/routes.ts'
import { userRoutes } from '../areas/users/routes.ts'
import { ErrorPage } from '../shell/error-page.tsx'
import { NotFoundPage } from '../shell/not-found-page.tsx'
import { PendingPage } from '../shell/pending-page.tsx'
import { projectRoute, rootRoute, shellRoute } from './root.ts'

/** One line an area: what is below the installation, and what is below a project. */
const routeTree = rootRoute.addChildren([
  ...authRoutes,
  shellRoute.addChildren([
    ...homeRoutes,
    ...projectRoutes,
    ...userRoutes,
    ...connectionRoutes,
    ...auditRoutes,
    ...settingsRoutes,
    ...accountRoutes,
    ...tokenRoutes,
    projectRoute.addChildren([
      ...projectPages,
      ...servicePages,
      ...keyPages,
      ...datasetPages,
      ...modelPages,
      ...usagePages,
      ...deploymentPages,
      ...memberPages,
    ]),
  ]),
])

export const createConsoleRouter = (queryClient: QueryClient) =>
  createRouter({
    routeTree,
    basepath: '/console',
    context: { queryClient },
    defaultPreload: 'intent',
    defaultNotFoundComponent: NotFoundPage,
    defaultErrorComponent: ErrorPage,
    defaultPendingComponent: PendingPage,
    scrollRestoration: true,
  })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>
  }
}
