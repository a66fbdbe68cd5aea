/** Takes a picture of every page, in both colour schemes and two widths: `bun test/console/screenshots.ts FOLDER [PAGE...]`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { cleanUp } from '../harness.ts'
import { closeTabs, openTab, settled, signInTo } from './browser.ts'
import { type ConsolePage, PAGES } from './pages.ts'
import { addPastCalls } from './past-calls.ts'
import { startConsole } from './world.ts'

const [folder, ...wanted] = process.argv.slice(2)
if (!folder) throw new Error('bun test/console/screenshots.ts FOLDER [PAGE...]')
mkdirSync(folder, { recursive: true })
const pages = PAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const failed: string[] = []
const callgate = await startConsole()
await addPastCalls(callgate)

async function take(tab: Page, { name, path, ready, prepare }: ConsolePage, look: string): Promise<void> {
  try {
    await tab.goto(`${callgate.url}/console${path}`)
    await ready(tab)
    await prepare?.(tab)
    await settled(tab)
    await tab.screenshot({ path: join(folder!, `${name}-${look}.png`) })
  } catch (error) {
    failed.push(`${name}-${look}: ${(error as Error).message.split('\n')[0]}`)
  }
}

try {
  for (const scheme of ['light', 'dark'] as const)
    for (const width of [1440, 390]) {
      const tab = await openTab({ width, height: width === 390 ? 844 : 900, scheme })
      const look = `${width}-${scheme}`
      for (const page of pages.filter(page => page.signedOut)) await take(tab, page, look)
      await signInTo(tab, callgate, 'root')
      for (const page of pages.filter(page => !page.signedOut)) await take(tab, page, look)
      await closeTabs()
    }
} finally {
  await cleanUp()
}
for (const page of failed) console.error(page)
process.exit(failed.length > 0 ? 1 : 0)
