/** Ten thousand rows are as quick as ten: what is not in view is not drawn, and the page never stands still. */
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { type Callgate, cleanUp } from '../harness.ts'
import { closeTabs, describeInBrowser, openTab, signInTo } from './browser.ts'
import { startConsole } from './world.ts'

setDefaultTimeout(120_000)
const LONGEST_TASK_MS = 200

describeInBrowser('a table of 10,000 rows', () => {
  let callgate: Callgate
  beforeAll(async () => {
    callgate = await startConsole()
    const db = new Database(join(callgate.dataDir, 'catalog.db'))
    db.run(`INSERT INTO audit (actor, action, target, detail)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
      SELECT 'actor-' || (i % 97), 'row.write', 'target-' || i, '{"fields":["a","b"]}' FROM n`)
    db.close()
  })
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })

  test('is shown, scrolled, sorted and searched without a task of over 200 ms', async () => {
    const page = await openTab()
    await page.addInitScript(() => {
      const seen: number[] = []
      Object.assign(window, { longTasks: seen })
      new PerformanceObserver(list => seen.push(...list.getEntries().map(entry => entry.duration))).observe({
        type: 'longtask',
      })
    })
    await signInTo(page, callgate, 'root')
    /** The longest task of one walk through the table. */
    const walk = async (): Promise<number> => {
      await page.getByRole('link', { name: 'Home' }).click()
      await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
      await page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks.splice(0))
      await page.getByRole('link', { name: 'Audit' }).click()
      const table = page.getByRole('table', { name: 'Audit' })
      await table.waitFor()
      await page.getByText('10,000 rows').waitFor()
      expect(await table.locator('tbody tr').count()).toBeLessThan(100)
      const scroller = page.getByRole('region', { name: 'Audit' })
      await scroller.evaluate(async element => {
        for (let top = 0; top < element.scrollHeight; top += element.scrollHeight / 40) {
          element.scrollTop = top
          await new Promise(requestAnimationFrame)
        }
        element.scrollTop = element.scrollHeight
      })
      await table.locator('tr[aria-rowindex="10001"]').waitFor()
      expect(await table.locator('tbody tr').count()).toBeLessThan(100)
      await table.getByRole('button', { name: 'Of', exact: true }).click()
      await page.getByRole('searchbox').pressSequentially('target-99')
      await page.getByText(/ of 10,000 rows/).waitFor()
      await page.getByRole('searchbox').fill('')
      await page.getByText('10,000 rows', { exact: true }).waitFor()
      const tasks = await page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks)
      return Math.max(0, ...tasks)
    }
    // other programs on the machine lengthen tasks, too: the quietest of five walks counts
    let longest = await walk()
    for (let more = 0; more < 4 && longest > LONGEST_TASK_MS; more++) longest = Math.min(longest, await walk())
    expect(longest).toBeLessThanOrEqual(LONGEST_TASK_MS)
  })
})
