/**
 * The console of a server that is reached over plain HTTP by its name, as within a company: browsers keep what they call
 * powerful from such pages (`isSecureContext` is false), `navigator.clipboard` and `crypto.randomUUID` among it.
 */
import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { describeInBrowser, openTab, PLAIN_HOST, settled, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('over plain HTTP, by the name of the server', () => {
  const { callgate } = useConsole()

  beforeAll(() => {
    callgate.url = callgate.url.replace('127.0.0.1', PLAIN_HOST)
  })

  /** One signed in, at a page below `/console`. */
  async function at(path: string) {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.goto(`${callgate.url}/console${path}`)
    await settled(page)
    expect(await page.evaluate(() => isSecureContext)).toBe(false)
    return page
  }

  test('a file is uploaded', async () => {
    const page = await at('/projects/garden/datasets/upload')
    const file = { name: 'pots.csv', mimeType: 'text/csv', buffer: Buffer.from('pot,litres\n1,12\n2,30\n') }
    await page.locator('input[type=file]').setInputFiles([file])
    await page.getByRole('button', { name: 'Import' }).click()
    await page.getByRole('region', { name: 'pots.csv' }).getByText('2 rows').waitFor()
  })

  test('what destroys something asks first, and does it', async () => {
    const page = await at('/projects/garden/services/drafts/settings')
    await page.getByRole('button', { name: 'Delete service' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill('drafts')
    await dialog.getByRole('button', { name: 'Delete service' }).click()
    await page.getByRole('table', { name: 'Services' }).waitFor()
    await soon(async () => expect(await page.getByRole('row', { name: /drafts/ }).count()).toBe(0))
  })

  test('a key for some rows is minted, copied and pasted', async () => {
    const page = await at('/projects/garden/services/plants/keys')
    await page.getByRole('button', { name: 'Mint key' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('north')
    await dialog.getByRole('button', { name: 'Add a condition' }).click()
    await dialog.getByLabel('Column', { exact: true }).fill('bed')
    await dialog.getByRole('combobox', { name: 'Values' }).fill('north')
    await dialog.getByRole('button', { name: 'Mint key' }).click()
    const secret = await page.locator('[data-secret]').textContent()
    const copy = page.getByRole('button', { name: 'Copy', exact: true })
    await copy.click()
    await page.getByRole('button', { name: 'Copied', exact: true }).waitFor()
    expect(await page.locator('textarea').count()).toBe(0)
    await page.getByRole('button', { name: 'Mint key' }).click()
    const other = dialog.getByRole('textbox', { name: 'Name' })
    await other.focus()
    await page.keyboard.press('Control+V')
    await soon(async () => expect(await other.inputValue()).toBe(secret!))
  })
})
