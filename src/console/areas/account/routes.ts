import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const accountRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'account',
  staticData: { title: t.account },
  component: lazyPage(() => import('./account-page.tsx'), 'AccountPage'),
})

export const accountRoutes = [accountRoute] as const
