/**
 * A Chromium for the console's tests, one for all files of a run, and a Callgate that somebody is signed in to. Without a
 * Chromium those tests are skipped, but in CI.
 */
import { describe, expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core'
import type { Callgate } from '../harness.ts'

const EXECUTABLE =
  process.env.CHROMIUM ?? ['chromium', 'chromium-browser', 'google-chrome'].flatMap(name => Bun.which(name) ?? []).at(0)

if (!EXECUTABLE && process.env.CI) throw new Error('no Chromium is installed, and in CI nothing is skipped')
if (!EXECUTABLE) console.warn('console tests are skipped: no Chromium is installed (Debian: apt-get install chromium)')

/** `describe` of tests that need a browser. */
export const describeInBrowser = EXECUTABLE ? describe : describe.skip

/** How long something may take to come about on a page, on a machine that others use, too. */
const PATIENCE_MS = 60_000

export const PASSWORD = 'correct horse battery'

/** Leads to this machine, but is no name that a browser trusts without TLS, as it does localhost. */
export const PLAIN_HOST = 'callgate.test'

let browser: Promise<Browser> | undefined
const contexts = new Set<BrowserContext>()

interface TabOptions {
  width?: number
  height?: number
  scheme?: 'light' | 'dark'
  /** default: that of the machine */
  timezoneId?: string
  /** JavaScript errors and refusals of the page's policy end in this, and a test that looks at it */
  trouble?: string[]
}

/** A tab with cookies of its own. */
export async function openTab({
  width = 1440,
  height = 900,
  scheme = 'light',
  timezoneId,
  trouble,
}: TabOptions = {}): Promise<Page> {
  browser ??= chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      ...['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
      `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
    ],
  })
  const context = await (await browser).newContext({
    viewport: { width, height },
    colorScheme: scheme,
    timezoneId,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  contexts.add(context)
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  page.on('pageerror', error => trouble?.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      trouble?.push(message.text())
  })
  return page
}

/** Signs in through the page. */
export async function signInTo(page: Page, callgate: Callgate, username: string, password = PASSWORD): Promise<void> {
  await page.goto(`${callgate.url}/console/sign-in`)
  await page.getByLabel('Username').fill(username)
  await page.getByRole('textbox', { name: /^Password/ }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: `Account of ${username}` }).waitFor()
}

/**
 * Holds something to come about on a page, which goes on moving after what was done there: `hold` is asked until it throws no more.
 * What must never be there is looked at once, when all else is there. @throws what it throws after a minute
 */
export async function soon(hold: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return void (await hold())
    } catch (problem) {
      if (Date.now() > end) throw problem
    }
    await Bun.sleep(20)
  }
}

/** Waits until what is typed goes there: a dialog has its focus a moment after it is there. */
export const hasFocus = (field: Locator) =>
  soon(async () => expect(await field.evaluate(element => element === document.activeElement)).toBe(true))

/** Waits until nothing on the page is being read. */
export const settled = (page: Page) => page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'))

interface TraceEvent {
  name: string
  /** microseconds of CPU time */
  tdur?: number
}

/**
 * The longest task of a page while `work` is done, in milliseconds of CPU time: on a machine that others use, too, the time
 * that passes says nothing.
 */
export async function longestTask(page: Page, work: () => Promise<unknown>): Promise<number> {
  const chromium = page.context().browser()!
  await chromium.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] })
  let trace = ''
  try {
    await work()
  } finally {
    trace = (await chromium.stopTracing()).toString()
  }
  const { traceEvents } = JSON.parse(trace) as { traceEvents: TraceEvent[] }
  const tasks = traceEvents.filter(({ name, tdur }) => name.endsWith('RunTask') && tdur !== undefined)
  expect(tasks.length).toBeGreaterThan(0)
  return Math.max(...tasks.map(({ tdur }) => tdur! / 1000))
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Finding {
  id: string
  impact: string | null
  nodes: { html: string; failureSummary: string }[]
}

/** Beyond WCAG: everything is in a landmark, and no two have the same name. */
const LANDMARKS = ['region', 'landmark-unique', 'landmark-one-main', 'landmark-no-duplicate-main']

/** Holds the page to have no serious finding of axe (WCAG 2.2 A and AA), and all of it to be in landmarks that can be told apart. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  await page.evaluate(AXE)
  const violations = await page.evaluate(async landmarks => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: Finding[] }> } }
    const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
    const rules = Object.fromEntries(landmarks.map(id => [id, { enabled: true }]))
    return (await axe.run({ runOnly, rules })).violations
  }, LANDMARKS)
  const serious = violations
    .filter(({ id, impact }) => impact === 'serious' || impact === 'critical' || LANDMARKS.includes(id))
    .map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(node => `${node.html}\n${node.failureSummary}`).join('\n')}`)
  expect(serious).toEqual([])
}

/** Holds the page to be no wider than its window. */
export async function expectNoSideways(page: Page, where: string): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(`${where}: ${content! - window!} px too wide`).toBe(`${where}: 0 px too wide`)
}

/** Holds nothing to be a pixel or two taller than its own frame: bars that the tests' browser hides would stand there. */
export async function expectNoStrayBars(page: Page, where: string): Promise<void> {
  const stray = await page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter(element => /auto|scroll/.test(getComputedStyle(element).overflowY))
      .filter(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight && scrollHeight - clientHeight < 4)
      .map(({ className }) => className),
  )
  expect([where, stray]).toEqual([where, []])
}

/** For `afterAll`: closes the tabs of this file. The browser goes with the last. */
export async function closeTabs(): Promise<void> {
  for (const context of contexts) await context.close()
  contexts.clear()
}

process.on('exit', () => void browser?.then(b => b.close()))
