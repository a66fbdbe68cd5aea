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
const press = (name: string) => (page: Page) => page.getByRole('button', { name, exact: true }).first().click()

export const PAGES: ConsolePage[] = [
  { name: 'sign-in', path: '/sign-in', signedOut: true, ready: heading('Sign in') },
  { name: 'home', path: '/', ready: heading('Home') },
  { name: 'projects', path: '/projects', ready: page => page.getByRole('table', { name: 'Projects' }).waitFor() },
  { name: 'new-project', path: '/projects', ready: heading('Projects'), prepare: press('New project') },
  { name: 'project', path: '/projects/garden', ready: heading('Garden') },
  { name: 'not-found', path: '/nothing-here', ready: heading('There is no such page') },
]
