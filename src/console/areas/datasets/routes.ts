import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const sectionRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'datasets',
  staticData: { title: t.datasets },
})

const listRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '/',
  component: lazyPage(() => import('./list-page.tsx'), 'DatasetsPage'),
})

/** `name`: the dataset that new rows are for. A dataset's name has a dot, so none is called `upload`. */
const uploadRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: 'upload',
  staticData: { title: t.uploadDatasets },
  validateSearch: ({ name }: Record<string, unknown>): { name?: string } => (typeof name === 'string' ? { name } : {}),
  component: lazyPage(() => import('./upload-page.tsx'), 'UploadPage'),
})

const connectRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: 'connect',
  staticData: { title: t.connectData },
  component: lazyPage(() => import('./connect-page.tsx'), 'ConnectPage'),
})

const datasetRoute = createRoute({
  getParentRoute: () => sectionRoute,
  path: '$dataset',
  staticData: { title: params => params.dataset ?? '' },
  component: lazyPage(() => import('./dataset-page.tsx'), 'DatasetPage'),
})

interface PreviewSearch {
  /** from 1 */
  page?: number
  /** rows as editors may see them */
  raw?: true
}

const previewRoute = createRoute({
  getParentRoute: () => datasetRoute,
  path: '/',
  validateSearch: ({ page, raw }: Record<string, unknown>): PreviewSearch => ({
    ...(typeof page === 'number' && Number.isInteger(page) && page > 1 ? { page } : {}),
    ...(raw === true ? { raw } : {}),
  }),
  component: lazyPage(() => import('./preview-page.tsx'), 'PreviewPage'),
})

const columnsRoute = createRoute({
  getParentRoute: () => datasetRoute,
  path: 'columns',
  staticData: { title: t.columns },
  component: lazyPage(() => import('./columns-page.tsx'), 'ColumnsPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => datasetRoute,
  path: 'settings',
  staticData: { title: t.settings },
  component: lazyPage(() => import('./settings-page.tsx'), 'SettingsPage'),
})

const usesRoute = createRoute({
  getParentRoute: () => datasetRoute,
  path: 'used-by',
  staticData: { title: t.usedBy },
  component: lazyPage(() => import('./used-by-page.tsx'), 'UsedByPage'),
})

/** Below a project. */
export const datasetPages = [
  sectionRoute.addChildren([
    listRoute,
    uploadRoute,
    connectRoute,
    datasetRoute.addChildren([previewRoute, columnsRoute, settingsRoute, usesRoute]),
  ]),
] as const
