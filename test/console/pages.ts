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
  {
    name: 'service-keys',
    path: '/projects/garden/services/plants/keys',
    ready: page => page.getByRole('row', { name: /head gardener/ }).waitFor(),
  },
  {
    name: 'mint-key',
    path: '/projects/garden/services/plants/keys',
    ready: page => page.getByRole('row', { name: /head gardener/ }).waitFor(),
    prepare: async page => {
      await press('Mint key')(page)
      await page.getByRole('checkbox', { name: /search/ }).waitFor()
    },
  },
  {
    name: 'no-keys',
    path: '/projects/garden/services/drafts/keys',
    ready: page => page.getByText('No key yet').waitFor(),
  },
  {
    name: 'project-keys',
    path: '/projects/garden/keys',
    ready: page => page.getByRole('row', { name: /operations/ }).waitFor(),
  },
  {
    name: 'edit-project-key',
    path: '/projects/garden/keys',
    ready: page => page.getByRole('row', { name: /operations/ }).waitFor(),
    prepare: async page => {
      await press('Actions for operations')(page)
      await page.getByRole('menuitem', { name: 'Edit' }).click()
      await page.getByRole('checkbox', { name: /flowers/ }).waitFor()
    },
  },
  {
    name: 'test-rows',
    path: '/projects/garden/services/plants/test?endpoint=search&as=public',
    ready: page => page.getByRole('button', { name: 'Run' }).waitFor(),
    prepare: async page => {
      await press('Run')(page)
      await page.getByRole('table', { name: 'Answer' }).waitFor()
    },
  },
  {
    name: 'test-model',
    path: '/projects/garden/services/plants/test?endpoint=species',
    ready: page => page.getByRole('button', { name: 'Run' }).waitFor(),
    prepare: async page => {
      await press('Run')(page)
      await page.getByText('"predictions"').waitFor()
    },
  },
  { name: 'not-found', path: '/nothing-here', ready: heading('There is no such page') },
]
