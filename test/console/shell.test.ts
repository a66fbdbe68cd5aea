/** Signing in, and what happens when the server or the session goes. */
import { Database } from 'bun:sqlite'
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { traffic } from '../../src/console/texts/traffic.ts'
import { uploads } from '../../src/console/texts/uploads.ts'
import { relative } from '../../src/console/ui/relative-time.tsx'
import { startCallgate } from '../harness.ts'
import { describeInBrowser, hasFocus, openTab, PASSWORD, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

test('times are said as people do: sixty minutes are an hour', () => {
  const now = Date.parse('2026-06-15T12:00:00Z')
  const said = (seconds: number) => relative(new Date(now + seconds * 1000).toISOString(), now)
  expect([-59, -89, -3569, -3575, -3600, -84_000, -84_700].map(said)).toEqual([
    'just now',
    '1 minute ago',
    '59 minutes ago',
    '1 hour ago',
    '1 hour ago',
    '23 hours ago',
    'yesterday',
  ])
  expect([29.6 * 86_400, 90 * 86_400, 365 * 86_400].map(said)).toEqual(['next month', 'in 3 months', 'next year'])
})

test('one call over time is no calls, and one byte no bytes', () => {
  expect([0, 1, 2, 1500].map(uploads.size)).toEqual(['0 bytes', '1 byte', '2 bytes', '1.5 KB'])
  expect(traffic.chart(1, 0, 0)).toBe('1 call over time, 0 of them refused, 0 failed')
})

describeInBrowser('the console', () => {
  /** A token that is asked for while the server is not there. @returns what says so */
  async function createInVain(page: Page) {
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByRole('textbox', { name: /^Name/ }).fill('kept')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByText('The server cannot be reached.').waitFor()
    const banner = page.getByText('Connection lost')
    await banner.waitFor()
    return banner
  }

  const { callgate } = useConsole()

  function endSessions(): void {
    const db = new Database(join(callgate.dataDir, 'catalog.db'))
    db.run('PRAGMA busy_timeout = 5000')
    db.run('DELETE FROM sessions')
    db.close()
  }

  test('says in the server’s words that a password is wrong, and keeps what was typed; by keyboard', async () => {
    const page = await openTab()
    await page.goto(`${callgate.url}/console/projects/garden/members`)
    await hasFocus(page.getByRole('textbox', { name: 'Username' }))
    await page.keyboard.type('vera')
    await page.keyboard.press('Tab')
    await page.keyboard.type('not the password')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'Wrong username or password.' }).waitFor()
    expect(await page.getByRole('textbox', { name: 'Username' }).inputValue()).toBe('vera')
    await page.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Members' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/console/projects/garden/members')
  })

  test('says that the connection is lost, and is itself again when it is back', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.getByRole('link', { name: 'Tokens' }).click()
    await page.getByRole('table', { name: 'Tokens' }).waitFor()
    await page.context().setOffline(true)
    const banner = await createInVain(page)
    await page.context().setOffline(false)
    await banner.waitFor({ state: 'detached' })
    expect(await page.getByRole('textbox', { name: /^Name/ }).inputValue()).toBe('kept')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('button', { name: 'Done' }).waitFor()
  })

  test('reads once more what the server was too busy for', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'ed')
    const refused = new Set<string>()
    await page.route(/\/api\/(?!auth)/, route => {
      const url = route.request().url()
      if (refused.has(url)) return route.continue()
      refused.add(url)
      const json = { title: 'Service Unavailable', detail: 'Not at the moment.', code: 'busy' }
      return route.fulfill({ status: 503, json, headers: { 'x-request-id': '1' } })
    })
    await page.goto(`${callgate.url}/console/projects/garden/services/plants`)
    await page.getByRole('table', { name: 'Endpoints' }).waitFor()
    expect(refused.size).toBeGreaterThan(1)
  })

  test('is told by a proxy that the server is not there', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.getByRole('link', { name: 'Tokens' }).click()
    await page.getByRole('table', { name: 'Tokens' }).waitFor()
    const all = /\/(api|-)\//
    await page.route(all, route =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<html><h1>502 Bad Gateway</h1></html>' }),
    )
    const banner = await createInVain(page)
    expect(await page.getByText('Bad Gateway').count()).toBe(0)
    await page.unroute(all)
    await banner.waitFor({ state: 'detached' })
    expect(await page.getByRole('textbox', { name: /^Name/ }).inputValue()).toBe('kept')
  })

  test('asks for signing in where the session has ended, and shows then what was asked for', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('table', { name: 'Settings' }).waitFor()
    endSessions()
    await page.getByRole('link', { name: 'Audit' }).click()
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
    await dialog.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('table', { name: 'Audit' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/console/audit')
  })

  test('keeps what was typed when the session ends meanwhile; by keyboard', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.goto(`${callgate.url}/console/projects/garden/services/plants/settings`)
    await page.getByRole('textbox', { name: /^Description/ }).fill('Written for an hour')
    await page.context().clearCookies() // as signing out in another tab does
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
    await hasFocus(dialog.getByRole('textbox', { name: /^Password/ }))
    await page.keyboard.type('not the password')
    await page.keyboard.press('Enter')
    await dialog.getByText('Wrong username or password.').waitFor()
    await dialog.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    expect(await page.getByRole('textbox', { name: /^Description/ }).inputValue()).toBe('Written for an hour')
    await page.getByRole('alert').getByText('this was not done').waitFor()
    expect(await page.getByRole('main').textContent()).not.toContain('Bearer')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved', { exact: true }).waitFor()
    const { json } = await callgate.admin('GET', '/api/publish/assets')
    expect(json.find(({ asset_key }: { asset_key: string }) => asset_key === 'plants').description).toBe(
      'Written for an hour',
    )
  })

  test('shows nothing of it to somebody else who signs in instead', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.goto(`${callgate.url}/console/projects/garden/services/plants/settings`)
    await page.getByRole('textbox', { name: /^Description/ }).fill('not for vera')
    endSessions()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
    await dialog.getByRole('textbox', { name: /^Username/ }).fill('vera')
    await dialog.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Account of vera' }).waitFor()
    await page.getByRole('textbox', { name: /^Description/ }).waitFor()
    expect(await page.getByRole('textbox', { name: /^Description/ }).inputValue()).not.toContain('vera')
    expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0)
  })

  test('saves what was typed where its user has signed in again in another tab; where somebody else has, nothing', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    const [uploads, other] = [await page.context().newPage(), await page.context().newPage()]
    const signInElsewhere = async (before: string, username: string) => {
      await other.goto(`${callgate.url}/console/account`)
      await other.getByRole('button', { name: `Account of ${before}` }).click()
      await other.getByRole('menuitem', { name: 'Sign out' }).click()
      await other.getByLabel('Username').waitFor()
      await signInTo(other, callgate, username)
    }
    const descriptionOf = async (name: string) =>
      (await callgate.admin('GET', `/api/datasets/${name}`, undefined, { 'x-project-id': String(callgate.garden) }))
        .json.description
    await page.goto(`${callgate.url}/console/projects/garden/datasets/marts.beds/settings`)
    await page.getByLabel('Description').fill('Typed before that')
    await uploads.goto(`${callgate.url}/console/projects/garden/datasets/upload`)
    await uploads.locator('input[type=file]').setInputFiles({
      name: 'elsewhere.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('a\n1\n'),
    })
    await signInElsewhere('root', 'root')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved', { exact: true }).waitFor()
    expect(await descriptionOf('marts.beds')).toBe('Typed before that')
    await uploads.getByRole('button', { name: 'Import 1 file' }).click()
    await uploads.getByText('1 row in').waitFor()
    await page.getByLabel('Description').fill('Not as ed')
    await signInElsewhere('root', 'ed')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Account of ed' }).waitFor()
    await soon(async () => expect(await page.getByLabel('Description').inputValue()).toBe('Typed before that'))
    expect(await descriptionOf('marts.beds')).toBe('Typed before that')
  })

  test('says where one is by the names that pages have, not by what stands in the URL', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.goto(`${callgate.url}/console/projects/garden/services/drafts/endpoints/species`)
    const trail = page.getByRole('navigation', { name: 'Where you are' })
    await trail.getByRole('link', { name: 'Not yet published', exact: true }).waitFor()
    const names = ['Callgate', 'Garden', 'Services', 'Not yet published']
    await soon(async () => expect(await trail.getByRole('link').allTextContents()).toEqual(names))
    expect(await trail.locator('[aria-current]').allTextContents()).toEqual(['species'])
    await soon(async () =>
      expect(await page.title()).toBe('species · Not yet published · Services · Garden · Callgate'),
    )
    await page.goto(`${callgate.url}/console/users/2`)
    await soon(async () => expect(await trail.locator('[aria-current]').allTextContents()).toEqual(['ed']))
  })

  test('marks in the navigation what a page is of, also where its path is not below that', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    const marked = page.getByRole('navigation', { name: 'Project' }).locator('[aria-current]')
    for (const [path, name] of [
      ['upload-model', 'Models'],
      ['new-deployment', 'Deployments'],
      ['models/iris', 'Models'],
      ['usage', 'Usage'],
    ] as const) {
      await page.goto(`${callgate.url}/console/projects/garden/${path}`)
      await soon(async () => expect(await marked.allTextContents()).toEqual([name]))
    }
  })

  test('closes the menu of a narrow screen where a page is chosen, though it is the one that is there', async () => {
    const page = await openTab({ width: 390 })
    await signInTo(page, callgate, 'root')
    const menu = page.getByRole('button', { name: 'Menu' })
    for (const name of ['Audit', 'Audit']) {
      await menu.click()
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { level: 1, name }).waitFor()
      await soon(async () => expect(await menu.getAttribute('aria-expanded')).toBe('false'))
    }
  })

  test('forgets who was there when they sign out', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'vera')
    await page.getByRole('button', { name: 'Account of vera' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('textbox', { name: 'Username' }).waitFor()
    await page.goto(`${callgate.url}/console/projects/garden`)
    await page.getByRole('textbox', { name: 'Username' }).waitFor()
    expect(await page.context().cookies()).toEqual([])
  })

  test('begins with the printed token, and says what to do in an empty installation', async () => {
    const fresh = await startCallgate({ flags: ['--scoring-workers', '1'] })
    const page = await openTab()
    await page.goto(fresh.url)
    await page.getByRole('textbox', { name: /^Token/ }).fill(fresh.adminToken)
    await page.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Create administrator' }).click()
    const steps = page.getByRole('region', { name: 'From nothing to an endpoint' })
    await steps.getByRole('listitem').filter({ hasText: 'Create a project' }).getByRole('link').click()
    await page.getByRole('button', { name: 'New project' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Gärten & Söhne')
    await soon(async () => expect(await page.getByRole('textbox', { name: 'Slug' }).inputValue()).toBe('garten-sohne'))
    await page.getByRole('textbox', { name: 'Name' }).fill('My garden')
    await soon(async () => expect(await page.getByRole('textbox', { name: 'Slug' }).inputValue()).toBe('my-garden'))
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'My garden' }).waitFor()
    await page.getByRole('link', { name: 'Home' }).click()
    await steps.getByRole('listitem').filter({ hasText: 'Create a project (Done)' }).waitFor()
    await fresh.stop()
  })
})
