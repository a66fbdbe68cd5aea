import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'settings',
  staticData: { title: t.settings },
  component: lazyRouteComponent(() => import('./settings-page.tsx'), 'SettingsPage'),
})

export const settingsRoutes = [settingsRoute] as const
