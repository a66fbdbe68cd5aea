import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const auditRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'audit',
  staticData: { title: t.audit },
  component: lazyRouteComponent(() => import('./audit-page.tsx'), 'AuditPage'),
})

export const auditRoutes = [auditRoute] as const
