import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'
import { usageSearch } from './search.ts'

const usageRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'usage',
  staticData: { title: t.usage },
  validateSearch: usageSearch,
  component: lazyPage(() => import('./usage-page.tsx'), 'UsagePage'),
})

/** Below a project. */
export const usagePages = [usageRoute] as const
