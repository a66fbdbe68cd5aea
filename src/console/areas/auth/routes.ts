import { createRoute, redirect } from '@tanstack/react-router'
import { sessionQuery, setupQuery } from '../../api/session.ts'
import { lazyPage } from '../../app/lazy-page.ts'
import { ALONE, rootRoute } from '../../app/root.ts'

interface Back {
  /** the path of the console to go on to */
  to?: string
}

/** Only a path of the console: never another site. */
const back = ({ to }: Record<string, unknown>): Back =>
  typeof to === 'string' && /^\/(?!\/)[^\\]*$/.test(to) ? { to } : {}

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: 'sign-in',
  validateSearch: back,
  component: lazyPage(() => import('./sign-in-page.tsx'), 'SignInPage'),
  ...ALONE,
  beforeLoad: async ({ context, search }) => {
    if (await context.queryClient.ensureQueryData(sessionQuery)) throw redirect({ to: (search.to ?? '/') as '/' })
    const { needed } = await context.queryClient.fetchQuery(setupQuery)
    if (needed) throw redirect({ to: '/setup', search })
  },
})

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: 'setup',
  validateSearch: back,
  component: lazyPage(() => import('./setup-page.tsx'), 'SetupPage'),
  ...ALONE,
  beforeLoad: async ({ context, search }) => {
    const { needed } = await context.queryClient.fetchQuery(setupQuery)
    if (!needed) throw redirect({ to: '/sign-in', search })
  },
})

export const authRoutes = [signInRoute, setupRoute] as const
