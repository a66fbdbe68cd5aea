import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const auditRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'audit',
  staticData: { title: t.audit },
  component: lazyPage(() => import('./audit-page.tsx'), 'AuditPage'),
})

export const auditRoutes = [auditRoute] as const
