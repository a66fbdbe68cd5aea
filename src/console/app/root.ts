/** The routes that every area hangs its own on. */

import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, redirect } from '@tanstack/react-router'
import { type ComponentType, createElement } from 'react'
import { projectsQuery } from '../api/projects.ts'
import { sessionQuery } from '../api/session.ts'
import type { Called } from '../shell/called.ts'
import { ErrorPage } from '../shell/error-page.tsx'
import { NotFoundPage } from '../shell/not-found-page.tsx'
import { PendingPage } from '../shell/pending-page.tsx'
import { Shell } from '../shell/shell.tsx'

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** What the page is called in the breadcrumbs and the window's title; a function of what the URL names, and what that is called. */
    title?: string | ((params: Record<string, string>, called: Called) => string)
  }
}

/** Of what is shown in place of the shell, whose part the main one is elsewhere. */
const alone =
  <Props extends object>(Part: ComponentType<Props>) =>
  (props: Props) =>
    createElement('main', { className: 'alone' }, createElement(Part, props))

/** Of a route without the shell around it. */
export const ALONE = { errorComponent: alone(ErrorPage), pendingComponent: alone(PendingPage) }

export const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  notFoundComponent: alone(NotFoundPage),
  ...ALONE,
})

/** Everything that is for those who are signed in: others come back here after they have. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  component: Shell,
  notFoundComponent: NotFoundPage,
  ...ALONE,
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery)
    if (!session)
      throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { to: location.href }, replace: true })
  },
})

/** Everything in one project, which the URL names by its slug. */
export const projectRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'projects/$project',
  staticData: { title: (params, called) => called.project ?? params.project ?? '' },
  loader: ({ context }) => context.queryClient.ensureQueryData(projectsQuery),
})
