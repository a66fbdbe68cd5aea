import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'
import { usageSearch } from './search.ts'

const usageRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'usage',
  staticData: { title: t.usage },
  validateSearch: usageSearch,
  component: lazyRouteComponent(() => import('./usage-page.tsx'), 'UsagePage'),
})

/** Below a project. */
export const usagePages = [usageRoute] as const
