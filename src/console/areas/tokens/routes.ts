import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../app/root.ts'
import { tokens as t } from '../../texts/tokens.ts'

const tokensRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'tokens',
  staticData: { title: t.title },
  component: lazyRouteComponent(() => import('./tokens-page.tsx'), 'TokensPage'),
})

export const tokenRoutes = [tokensRoute] as const
