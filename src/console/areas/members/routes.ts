import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { projectRoute } from '../../app/root.ts'
import { members as t } from '../../texts/members.ts'

const membersRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: 'members',
  staticData: { title: t.title },
  component: lazyRouteComponent(() => import('./members-page.tsx'), 'MembersPage'),
})

/** Below a project. */
export const memberPages = [membersRoute] as const
