import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const connectionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'connections',
  staticData: { title: t.connections },
  component: lazyPage(() => import('./connections-page.tsx'), 'ConnectionsPage'),
})

export const connectionRoutes = [connectionsRoute] as const
