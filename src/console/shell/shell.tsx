import { AppShell, Burger, Group } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { modals } from '@mantine/modals'
import { useQuery } from '@tanstack/react-query'
import { Outlet, useRouter, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef } from 'react'
import { sessionQuery } from '../api/session.ts'
import { shell as t } from '../texts/shell.ts'
import { AccountMenu } from './account-menu.tsx'
import { Breadcrumbs } from './breadcrumbs.tsx'
import { Navigation } from './navigation-list.tsx'
import { OfflineBanner } from './offline-banner.tsx'
import { ProjectSwitcher } from './project-switcher.tsx'
import { SchemeSwitch } from './scheme-switch.tsx'

const SignInAgain = lazy(async () => ({ default: (await import('../areas/auth/sign-in-again.tsx')).SignInAgain }))

/** Goes once, from where one was: that must not be asked for again while the page for signing in is on its way. */
function ToSignIn() {
  const router = useRouter()
  useEffect(() => {
    void router.navigate({ to: '/sign-in', search: { to: router.state.location.href }, replace: true })
  }, [router])
  return null
}

/** Where somebody else has signed in in another tab, the page reads for them what it has forgotten. */
function useReadAnewForOthers(user: number | undefined) {
  const router = useRouter()
  const before = useRef(user)
  useEffect(() => {
    if (user === before.current) return
    before.current = user
    void router.invalidate()
  }, [user, router])
}

/** A page that was opened by a link of the one before has its focus: that link is gone, and with it where one was. */
function useFocusOfPage() {
  const router = useRouter()
  const content = useRef<HTMLElement>(null)
  useEffect(
    () =>
      router.subscribe('onRendered', ({ fromLocation, pathChanged }) => {
        if (fromLocation && pathChanged && document.activeElement === document.body)
          content.current?.focus({ preventScroll: true })
      }),
    [router],
  )
  return content
}

/** What stands around every page of those who are signed in. Where the session ends, signing in stands before it. */
export function Shell() {
  const [opened, { toggle, close }] = useDisclosure()
  const pathname = useRouterState({ select: state => state.location.pathname })
  const { data: session } = useQuery(sessionQuery)
  // biome-ignore lint/correctness/useExhaustiveDependencies: where a page is opened, what stood over the one before is gone
  useEffect(() => {
    close()
    modals.closeAll()
  }, [pathname])
  useReadAnewForOthers(session?.user_id)
  const content = useFocusOfPage()
  if (!session) return <ToSignIn />
  return (
    <AppShell
      key={session.user_id}
      header={{ height: 52 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', sm: 'xl' }}
    >
      <a className="skip-link" href="#content">
        {t.skip}
      </a>
      <AppShell.Header px="md" aria-label={t.product}>
        <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t.menu}
              aria-expanded={opened}
            />
            <Breadcrumbs />
          </Group>
          <Group gap={4} wrap="nowrap">
            <SchemeSwitch />
            <AccountMenu session={session} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" component="div">
        <ProjectSwitcher session={session} />
        <Navigation session={session} onChoose={close} />
      </AppShell.Navbar>
      <AppShell.Main ref={content} id="content" tabIndex={-1} style={{ outline: 'none' }}>
        <OfflineBanner />
        <div style={{ maxWidth: 1180, margin: '0 auto' }}>
          <Outlet />
        </div>
      </AppShell.Main>
      {session.ended && (
        <Suspense>
          <SignInAgain session={session} />
        </Suspense>
      )}
    </AppShell>
  )
}
