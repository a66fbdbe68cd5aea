/** What holds for every page: no serious finding of axe, no script error or refusal of the policy, and it fits its window. */
import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import {
  describeInBrowser,
  expectAccessible,
  expectNoSideways,
  expectNoStrayBars,
  openTab,
  settled,
  signInTo,
} from './browser.ts'
import { PAGES } from './pages.ts'
import { addPastCalls } from './past-calls.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('every page', () => {
  const { callgate } = useConsole()
  beforeAll(async () => {
    await addPastCalls(callgate)
  })

  for (const look of [
    { width: 1440, scheme: 'light' },
    { width: 390, scheme: 'dark' },
  ] as const) {
    const trouble: string[] = []
    let signedIn: Page
    test.each(PAGES)(`$name, ${look.width} px, ${look.scheme}`, async ({ path, signedOut, ready, prepare }) => {
      let tab = signedIn
      if (signedOut) tab = await openTab({ ...look, trouble })
      else if (!tab) {
        tab = signedIn = await openTab({ ...look, trouble })
        await signInTo(tab, callgate, 'root')
      }
      await tab.goto(`${callgate.url}/console${path}`)
      await ready(tab)
      await prepare?.(tab)
      await settled(tab)
      await expectAccessible(tab, path)
      await expectNoSideways(tab, path)
      await expectNoStrayBars(tab, path)
      expect(trouble).toEqual([])
    })
  }
})
