import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { projectRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const membersRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'members',
  staticData: { title: t.members },
  component: lazyPage(() => import('./members-page.tsx'), 'MembersPage'),
})

/** Below a project. */
export const memberPages = [membersRoute] as const
