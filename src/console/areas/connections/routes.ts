import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../app/root.ts'
import { connections as t } from '../../texts/connections.ts'

const connectionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'connections',
  staticData: { title: t.title },
  component: lazyRouteComponent(() => import('./connections-page.tsx'), 'ConnectionsPage'),
})

export const connectionRoutes = [connectionsRoute] as const
