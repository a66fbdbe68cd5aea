import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const sectionRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'models',
  staticData: { title: t.models },
})

const listRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '/',
  component: lazyPage(() => import('./list-page.tsx'), 'ModelsPage'),
})

/** `name`: the model that a new version is for. It is beside the models, as one may be called `upload`. */
const uploadRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'upload-model',
  staticData: { title: t.uploadModels },
  validateSearch: ({ name }: Record<string, unknown>): { name?: string } => (typeof name === 'string' ? { name } : {}),
  component: lazyPage(() => import('./upload-page.tsx'), 'UploadModelPage'),
})

const modelRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '$model',
  staticData: { title: params => params.model ?? '' },
  validateSearch: ({ version }: Record<string, unknown>): { version?: number } =>
    typeof version === 'number' ? { version } : {},
  component: lazyPage(() => import('./model-page.tsx'), 'ModelPage'),
})

const overviewRoute = createRoute({
  getParentRoute: () => modelRoute,
  path: '/',
  component: lazyPage(() => import('./overview-page.tsx'), 'OverviewPage'),
})

const tryRoute = createRoute({
  getParentRoute: () => modelRoute,
  path: 'try',
  staticData: { title: t.tryIt },
  component: lazyPage(() => import('./try-page.tsx'), 'TryPage'),
})

const versionsRoute = createRoute({
  getParentRoute: () => modelRoute,
  path: 'versions',
  staticData: { title: t.versions },
  component: lazyPage(() => import('./versions-page.tsx'), 'VersionsPage'),
})

const usesRoute = createRoute({
  getParentRoute: () => modelRoute,
  path: 'used-by',
  staticData: { title: t.usedBy },
  component: lazyPage(() => import('./used-by-page.tsx'), 'ModelUsedByPage'),
})

/** Below a project. */
export const modelPages = [
  uploadRoute,
  sectionRoute.addChildren([listRoute, modelRoute.addChildren([overviewRoute, tryRoute, versionsRoute, usesRoute])]),
] as const
