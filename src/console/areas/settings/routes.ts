import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'settings',
  staticData: { title: t.settings },
  component: lazyPage(() => import('./settings-page.tsx'), 'SettingsPage'),
})

export const settingsRoutes = [settingsRoute] as const
