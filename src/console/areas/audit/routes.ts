import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../app/root.ts'
import { audit as t } from '../../texts/audit.ts'

const auditRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'audit',
  staticData: { title: t.title },
  component: lazyRouteComponent(() => import('./audit-page.tsx'), 'AuditPage'),
})

export const auditRoutes = [auditRoute] as const
