/**
 * Every page of the console, as the administrator of test/console/world.ts sees it: its pictures are taken by
 * screenshots.ts, and pages.test.ts holds each to be accessible and to fit a phone. A new page adds its line.
 */
import type { Page } from 'playwright-core'

export interface ConsolePage {
  /** of the picture's file */
  name: string
  /** below /console */
  path: string
  /** before anybody has signed in */
  signedOut?: boolean
  /** what is there when the page has read what it shows */
  ready: (page: Page) => Promise<unknown>
  /** what is done on the page before it is looked at: a dialog opened, a form filled in */
  prepare?: (page: Page) => Promise<unknown>
}

const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { level: 1, name }).waitFor()
const table = (name: string) => (page: Page) => page.getByRole('table', { name }).waitFor()
const press = (name: string) => (page: Page) => page.getByRole('button', { name, exact: true }).first().click()

export const PAGES: ConsolePage[] = [
  { name: 'sign-in', path: '/sign-in', signedOut: true, ready: heading('Sign in') },
  { name: 'home', path: '/', ready: heading('Home') },
  { name: 'projects', path: '/projects', ready: table('Projects') },
  { name: 'new-project', path: '/projects', ready: heading('Projects'), prepare: press('New project') },
  { name: 'project', path: '/projects/garden', ready: heading('Garden') },
  { name: 'members', path: '/projects/garden/members', ready: table('Members') },
  { name: 'add-member', path: '/projects/garden/members', ready: table('Members'), prepare: press('Add member') },
  { name: 'users', path: '/users', ready: table('Users') },
  { name: 'new-user', path: '/users', ready: table('Users'), prepare: press('New user') },
  { name: 'user', path: '/users/2', ready: heading('ed') },
  { name: 'connections', path: '/connections', ready: heading('Connections') },
  { name: 'add-connection', path: '/connections', ready: heading('Connections'), prepare: press('Add connection') },
  { name: 'audit', path: '/audit', ready: table('Audit') },
  { name: 'settings', path: '/settings', ready: table('Settings') },
  { name: 'account', path: '/account', ready: table('Sessions') },
  { name: 'tokens', path: '/tokens', ready: table('Tokens') },
  { name: 'new-token', path: '/tokens', ready: table('Tokens'), prepare: press('New token') },
  { name: 'not-found', path: '/nothing-here', ready: heading('There is no such page') },
]
