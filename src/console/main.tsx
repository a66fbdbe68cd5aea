/** The console's beginning: styles, what every page stands in, and the router. */
import './app/mantine-styles.ts'
import '@mantine/notifications/styles.css'
import '@mantine/charts/styles.css'
import './app/styles.css'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { nonce } from './app/nonce.ts'
import { Providers } from './app/providers.tsx'
import { queryClient } from './app/query-client.ts'
import { createConsoleRouter } from './app/router.ts'

setNonce(nonce)
// the server shows the same page at its root, where nothing else owns that
if (location.pathname === '/') history.replaceState(null, '', '/console')
const router = createConsoleRouter(queryClient)

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Providers>
      <RouterProvider router={router} />
    </Providers>
  </StrictMode>,
)
