import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const usersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'users',
  staticData: { title: t.users },
})

const listRoute = createRoute({
  getParentRoute: () => usersRoute,
  path: '/',
  component: lazyPage(() => import('./list-page.tsx'), 'UsersPage'),
})

const userRoute = createRoute({
  getParentRoute: () => usersRoute,
  path: '$user',
  staticData: { title: (_, called) => called.user ?? t.user },
  component: lazyPage(() => import('./user-page.tsx'), 'UserPage'),
})

export const userRoutes = [usersRoute.addChildren([listRoute, userRoute])] as const
