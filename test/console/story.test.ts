/**
 * The whole story in the browser, with nothing done behind its back: data and a model are dropped on pages, decided on, published
 * as endpoints, tried, and called by curl with the line that was copied.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { type Callgate, cleanUp, FIXTURES, startCallgate } from '../harness.ts'
import { closeTabs, describeInBrowser, openTab, PASSWORD, signInTo, soon } from './browser.ts'

setDefaultTimeout(180_000)

describeInBrowser('the story', () => {
  let callgate: Callgate
  let tab: Page
  beforeAll(async () => {
    callgate = await startCallgate({
      env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: PASSWORD },
      flags: ['--scoring-workers', '1'],
    })
    tab = await openTab()
    await signInTo(tab, callgate, 'root')
    await tab.goto(`${callgate.url}/console/projects`)
    await tab.getByRole('button', { name: 'New project' }).click()
    await tab.getByLabel(/^Name/).fill('Nursery')
    await tab.getByRole('button', { name: 'Create' }).click()
    await tab.waitForURL('**/console/projects/nursery')
  })
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })

  test('a table is dropped, its columns decided on, a query built, and the copied curl line answers with what a key may see', async () => {
    await tab.getByRole('navigation').getByRole('link', { name: 'Datasets', exact: true }).click()
    await tab.getByRole('link', { name: 'Upload files' }).click()
    await drop(join(import.meta.dir, 'plants.csv'), 'text/csv')
    const card = tab.getByRole('region', { name: 'plants.csv' })
    await card.getByLabel('Dataset name').fill('marts.plants')
    await card.getByLabel('Primary key').fill('plant_id')
    await tab.getByRole('button', { name: 'Import 1 file' }).click()
    await card.getByText('6 rows in').waitFor()

    await card.getByRole('link', { name: /looks? personal: decide$/ }).click()
    await tab.getByRole('button', { name: 'Accept all' }).click()
    await tab.getByRole('button', { name: 'Save', exact: true }).click()
    await tab.getByText('Saved', { exact: true }).waitFor()

    await newService('Irises')
    await newEndpoint(/^Query/, 'tall')
    await choose(/^From/, 'marts.plants')
    await tab.getByRole('button', { name: 'List all columns' }).click()
    await tab.getByRole('button', { name: 'Add filter', exact: true }).press('Enter')
    const filter = tab.getByRole('group', { name: 'Filter 1' })
    await choose('Column', 'height_cm', filter)
    await choose('Operator', 'at least', filter)
    await tab.getByRole('button', { name: 'Add order' }).click()
    const order = tab.getByRole('group', { name: 'Order 1' })
    await choose('Column', 'height_cm', order)
    await choose('Direction', 'descending', order)
    await tab.getByRole('group', { name: 'Parameters' }).getByRole('textbox').fill('80')
    await tab.getByText('2 rows', { exact: true }).waitFor()
    await publish('tall', 'Irises')

    await tab.getByRole('link', { name: 'Test', exact: true }).press('Enter')
    await tab.getByRole('button', { name: 'Run' }).press('Enter')
    await tab.getByRole('cell', { name: 'Iris pallida' }).waitFor()

    const { rows } = await mintAndCall('tall')
    expect(rows[0]).toMatchObject({ species: 'Iris pseudacorus', height_cm: 131.7 })
    for (const row of rows) expect(JSON.stringify(row)).not.toMatch(/@/)
  })

  test('a model is dropped, published behind a hook, tried, and called by curl', async () => {
    await tab.goto(`${callgate.url}/console/projects/nursery/models`)
    await tab.getByRole('link', { name: 'Upload model' }).click()
    await drop(join(FIXTURES, 'models', 'churn_risk.onnx'), 'application/octet-stream')
    await tab.getByLabel('Model name').fill('churn')
    await tab.getByRole('button', { name: 'Upload 1 model' }).click()
    await tab.getByText('is there as version 1, active').waitFor()

    await newService('Customers')
    await newEndpoint(/^Model/, 'risk')
    await choose(/^Model/, 'churn')
    await tab.getByRole('button', { name: 'Add after' }).click()
    const after = tab.getByRole('textbox', { name: 'After' })
    await after.fill('export default ({ predictions }) => predictions.map(label => ({ customer: label }))')
    await tab.getByText('Publishing would accept this.').waitFor()
    await tab.getByRole('button', { name: 'Run' }).click()
    await tab.getByRole('region', { name: 'Answer' }).getByText('"customer": ').waitFor()
    await publish('risk', 'Customers')

    await tab.getByRole('link', { name: 'Test', exact: true }).click()
    await tab.getByLabel('tenure', { exact: true }).fill('8')
    await tab.getByLabel('plan', { exact: true }).fill('premium')
    await tab.getByRole('button', { name: 'Run' }).click()
    await tab.getByText('"stays"').first().waitFor()

    const { predictions } = await mintAndCall('risk')
    expect(predictions).toEqual([{ customer: expect.stringMatching(/^(stays|leaves)$/) }])
  })

  /** Drops a file on the page, as a mouse does. */
  async function drop(path: string, type: string): Promise<void> {
    const file = { name: path.slice(path.lastIndexOf('/') + 1), type, base64: readFileSync(path).toString('base64') }
    const dataTransfer = await tab.evaluateHandle(({ name, type, base64 }) => {
      const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))
      const carried = new DataTransfer()
      carried.items.add(new File([bytes], name, { type }))
      return carried
    }, file)
    const place = tab.locator('.file-drop')
    for (const event of ['dragenter', 'dragover', 'drop']) await place.dispatchEvent(event, { dataTransfer })
  }

  async function newService(title: string): Promise<void> {
    await tab.getByRole('navigation').getByRole('link', { name: 'Services', exact: true }).click()
    await tab.getByRole('button', { name: 'New service' }).first().click()
    await tab.getByLabel('Title').fill(title)
    await tab.keyboard.press('Enter')
    await tab.getByText('No endpoint yet').waitFor()
  }

  async function newEndpoint(kind: RegExp, id: string): Promise<void> {
    await tab.getByRole('button', { name: 'Add endpoint' }).press('Enter')
    await tab.getByRole('menuitem', { name: kind }).click()
    await tab.getByRole('textbox', { name: /^Id/ }).fill(id)
  }

  async function publish(endpoint: string, title: string): Promise<void> {
    await tab.getByRole('button', { name: 'Add to draft' }).click()
    await tab.waitForURL(`**/endpoints/${endpoint}`)
    await tab.getByRole('button', { name: 'Publish', exact: true }).click()
    await tab.getByText(`${title} is published`).waitFor()
  }

  /** Makes a key that reaches the endpoint, and runs the line that its banner has. */
  async function mintAndCall(endpoint: string) {
    await tab.getByRole('navigation', { name: 'Parts of the service' }).getByRole('link', { name: /^Keys/ }).click()
    await tab.getByText('No key yet').waitFor()
    await tab.getByRole('button', { name: 'Mint key' }).press('Enter')
    const form = tab.getByRole('dialog', { name: 'Mint a key' })
    await form.getByLabel(/^Name/).fill('app')
    await form.getByRole('checkbox', { name: new RegExp(endpoint) }).press('Space')
    await form.getByRole('button', { name: 'Mint key' }).press('Enter')
    const banner = tab.getByRole('region', { name: 'Key app' })
    await banner.getByRole('button', { name: 'Copy: A call with this key' }).press('Enter')
    const copied = () => tab.evaluate(() => navigator.clipboard.readText())
    await soon(async () => expect(await copied()).toMatch(new RegExp(`^curl .*/${endpoint}\\b`)))
    const { stdout } = Bun.spawnSync(['bash', '-c', await copied()])
    await banner.getByRole('button', { name: 'I have copied it' }).press('Enter')
    await soon(async () => expect(await tab.getByRole('row', { name: /app/ }).textContent()).toContain(endpoint))
    return JSON.parse(stdout.toString())
  }

  async function choose(label: string | RegExp, option: string, within: Page | Locator = tab): Promise<void> {
    await within.getByRole('combobox', { name: label }).click()
    await tab.getByRole('option', { name: option, exact: true }).click()
  }
})
