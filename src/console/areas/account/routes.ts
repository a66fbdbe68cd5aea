import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../app/root.ts'
import { account as t } from '../../texts/account.ts'

const accountRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'account',
  staticData: { title: t.title },
  component: lazyRouteComponent(() => import('./account-page.tsx'), 'AccountPage'),
})

export const accountRoutes = [accountRoute] as const
