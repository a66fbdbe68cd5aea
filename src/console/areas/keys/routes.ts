import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'
import { serviceRoute } from '../services/service-route.ts'

const serviceKeysRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'keys',
  staticData: { title: t.keys },
  component: lazyPage(() => import('./service-keys-page.tsx'), 'ServiceKeysPage'),
})

interface TestSearch {
  /** an endpoint's id */
  endpoint?: string
  /** `raw`, `public`, or a key's id */
  as?: string
}

const testRoute = createRoute({
  getParentRoute: () => serviceRoute,
  path: 'test',
  staticData: { title: t.test },
  validateSearch: (search: Record<string, unknown>): TestSearch => ({
    ...(search.endpoint === undefined ? {} : { endpoint: String(search.endpoint) }),
    ...(search.as === undefined ? {} : { as: String(search.as) }),
  }),
  component: lazyPage(() => import('./test-page.tsx'), 'TestPage'),
})

const projectKeysRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'keys',
  staticData: { title: t.keys },
  component: lazyPage(() => import('./project-keys-page.tsx'), 'ProjectKeysPage'),
})

/** Tabs of a service. */
export const keyTabs = [serviceKeysRoute, testRoute] as const
/** Below a project. */
export const keyPages = [projectKeysRoute] as const
