/** Where the focus is, for who has a keyboard only or hears the page, in a real browser. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { describeInBrowser, hasFocus, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('by keyboard', () => {
  const { callgate, openAs } = useConsole()

  test('a page that a link opened has the focus, and one that is loaded begins with the skip link', async () => {
    const page = await openAs('root', 'services')
    await page.getByRole('link', { name: 'Plants', exact: true }).press('Enter')
    await page.getByRole('table', { name: 'Endpoints' }).waitFor()
    await hasFocus(page.getByRole('main'))
    const tab = page.getByRole('link', { name: 'Test', exact: true })
    await tab.press('Enter')
    await page.getByRole('button', { name: 'Run' }).waitFor()
    await hasFocus(tab)
    await page.reload()
    await page.getByRole('button', { name: 'Run' }).waitFor()
    await page.keyboard.press('Tab')
    await hasFocus(page.getByRole('link', { name: 'Skip to the content' }))
  })

  test('the focus goes to the table where the row is gone that it was in, and to the page where that is', async () => {
    for (const name of ['first', 'second']) await callgate.admin('POST', '/api/auth/tokens', { name, expires_days: 1 })
    const page = await openAs('root', '')
    await page.goto(`${callgate.url}/console/tokens`)
    await page.getByRole('button', { name: 'Revoke first' }).press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).press('Enter')
    await page.getByRole('row', { name: /first/ }).waitFor({ state: 'detached' })
    await hasFocus(page.getByRole('group', { name: 'Tokens' }))
    await page.getByRole('button', { name: 'Revoke second' }).press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).press('Enter')
    await hasFocus(page.getByRole('button', { name: 'Revoke second' }))

    await page.goto(`${callgate.url}/console/projects/garden/services/drafts/settings`)
    await page.getByRole('button', { name: 'Delete service' }).press('Enter')
    await page.getByRole('dialog').getByRole('textbox').fill('drafts')
    await page.keyboard.press('Enter')
    await page.getByRole('table', { name: 'Services' }).waitFor()
    await hasFocus(page.getByRole('main'))
  })

  test('who signs in again goes on where they were, in the dialog whose button had sent what was refused, too', async () => {
    const page = await openAs('ed', 'services')
    const again = async () => {
      const dialog = page.getByRole('dialog', { name: 'session has ended' })
      await dialog.getByRole('textbox', { name: /^Password/ }).fill('correct horse battery')
      await page.keyboard.press('Enter')
      await dialog.waitFor({ state: 'detached' })
    }
    await page.getByRole('button', { name: 'New service' }).press('Enter')
    const form = page.getByRole('dialog', { name: 'New service' })
    await form.getByLabel(/^Title/).fill('Kept')
    await page.context().clearCookies()
    await form.getByRole('button', { name: 'Create' }).press('Enter')
    await again()
    await soon(async () => expect(await form.evaluate(dialog => dialog.contains(document.activeElement))).toBe(true))
    expect(await form.getByLabel(/^Title/).inputValue()).toBe('Kept')
  })

  test('what is hidden while it is typed can be shown, and each button that does is named for its field', async () => {
    const page = await openAs('root', '')
    await page.goto(`${callgate.url}/console/account`)
    const field = page.getByRole('textbox', { name: /^New password/ })
    await field.fill('not seen')
    expect(await field.getAttribute('type')).toBe('password')
    await page.keyboard.press('Tab')
    await hasFocus(page.getByRole('button', { name: 'Show: New password', exact: true }))
    await page.keyboard.press('Enter')
    await soon(async () => expect(await field.getAttribute('type')).toBe('text'))
    const other = page.getByRole('button', { name: 'Show: Current password', exact: true })
    expect(await other.getAttribute('aria-pressed')).toBe('false')
    await field.fill('')
  })

  test('no part of a chart, which has nothing to do or to say, is a stop of Tab', async () => {
    await callgate.call('/api/service/plants/plant?id=1', { key: await keyOf() })
    const page = await openAs('root', 'usage')
    await soon(async () => expect(await page.locator('main .recharts-surface > g').count()).toBeGreaterThan(5))
    await page.getByRole('main').focus()
    const isPicture = () => page.evaluate(() => document.activeElement instanceof SVGElement)
    const isAtTable = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') === 'Who calls what')
    for (let tabs = 0; tabs < 60 && !(await isAtTable()); tabs++) {
      await page.keyboard.press('Tab')
      expect(await isPicture()).toBe(false)
    }
    expect(await isAtTable()).toBe(true)
    await soon(async () => expect(await page.locator('.recharts-bar-rectangle path').first().isVisible()).toBe(true))
  })

  async function keyOf(): Promise<string> {
    const assets = (await callgate.admin('GET', '/api/publish/assets')).json as { id: number; asset_key: string }[]
    const { id } = assets.find(asset => asset.asset_key === 'plants')!
    return (await callgate.admin('POST', `/api/publish/assets/${id}/api-keys`, { name: 'caller' })).json.key
  }
})
