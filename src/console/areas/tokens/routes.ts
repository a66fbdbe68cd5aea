import { createRoute } from '@tanstack/react-router'
import { lazyPage } from '../../app/lazy-page.ts'
import { shellRoute } from '../../app/root.ts'
import { navigation as t } from '../../texts/navigation.ts'

const tokensRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: 'tokens',
  staticData: { title: t.tokens },
  component: lazyPage(() => import('./tokens-page.tsx'), 'TokensPage'),
})

export const tokenRoutes = [tokensRoute] as const
