/** Takes a picture of every page, in both colour schemes and two widths: `bun test/console/screenshots.ts FOLDER [PAGE...]`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cleanUp } from '../harness.ts'
import { closeTabs, openTab, settled, signInTo } from './browser.ts'
import { PAGES } from './pages.ts'
import { addPastCalls } from './past-calls.ts'
import { startConsole } from './world.ts'

const [folder, ...wanted] = process.argv.slice(2)
if (!folder) throw new Error('bun test/console/screenshots.ts FOLDER [PAGE...]')
mkdirSync(folder, { recursive: true })
const pages = PAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const callgate = await startConsole()
await addPastCalls(callgate)
try {
  for (const scheme of ['light', 'dark'] as const)
    for (const width of [1440, 390]) {
      const tab = await openTab({ width, height: width === 390 ? 844 : 900, scheme })
      for (const { name, path, ready, prepare } of pages.filter(page => page.signedOut)) {
        await tab.goto(`${callgate.url}/console${path}`)
        await ready(tab)
        await prepare?.(tab)
        await tab.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`) })
      }
      await signInTo(tab, callgate, 'root')
      for (const { name, path, ready, prepare } of pages.filter(page => !page.signedOut)) {
        await tab.goto(`${callgate.url}/console${path}`)
        await ready(tab)
        await prepare?.(tab)
        await settled(tab)
        await tab.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`) })
      }
      await closeTabs()
    }
} finally {
  await cleanUp()
}
process.exit(0)
