import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { ModalsProvider } from '@mantine/modals'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { common } from '../texts/common.ts'
import { nonce } from './nonce.ts'
import { queryClient } from './query-client.ts'
import { cssVariables, theme } from './theme.ts'

/** The same name as in the page's own script, which sets the scheme before anything is painted. */
const colorScheme = localStorageColorSchemeManager({ key: 'callgate-color-scheme' })

export function Providers({ children }: { children: ReactNode }) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      colorSchemeManager={colorScheme}
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <ModalsProvider modalProps={{ closeButtonProps: { 'aria-label': common.close } }}>
          {/* over no button: forms are saved at the end of a page, and what a page can do stands at its right */}
          <Notifications position="top-center" limit={4} />
          {children}
        </ModalsProvider>
      </QueryClientProvider>
    </MantineProvider>
  )
}
