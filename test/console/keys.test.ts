/** What people do with keys, and in the test pane, in a real browser. */
import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { waitFor } from '../harness.ts'
import { describeInBrowser, hasFocus, openTab, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

const KEYS = '/console/projects/garden/services/plants/keys'
const TEST = '/console/projects/garden/services/plants/test'

describeInBrowser('keys', () => {
  const { callgate } = useConsole()
  let page: Page
  let assetPath: string
  beforeAll(async () => {
    const assets = (await callgate.admin('GET', '/api/publish/assets')).json as { id: number; asset_key: string }[]
    assetPath = `/api/publish/assets/${assets.find(asset => asset.asset_key === 'plants')!.id}`
    page = await openTab()
    await signInTo(page, callgate, 'ed')
  })

  const mint = async (fields: object): Promise<{ id: number; key: string }> =>
    (await callgate.admin('POST', `${assetPath}/api-keys`, fields)).json
  const keyNow = async (id: number) => (await callgate.admin('GET', `${assetPath}/api-keys/${id}`)).json
  const dialog = (name: RegExp | string) => page.getByRole('dialog', { name })
  const act = async (name: string, action: string) => {
    await page.getByRole('button', { name: `Actions for ${name}`, exact: true }).click()
    await page.getByRole('menuitem', { name: action }).click()
  }

  test('a key is minted with what was chosen, shown once, and its curl line runs as it stands', async () => {
    await page.goto(callgate.url + KEYS)
    await page.getByRole('button', { name: 'Mint key' }).click()
    const form = dialog('Mint a key')
    await form.getByText('None is checked: this key reaches all endpoints of the service, 4 endpoints now').waitFor()
    await form.getByRole('button', { name: 'Mint key' }).click()
    await form.getByText('Give it a name.').waitFor()
    await form.getByLabel(/^Name/).fill('kiosk')
    await form.getByRole('checkbox', { name: /^plant/ }).check()
    await soon(async () => expect(await form.getByText('None is checked').count()).toBe(0))
    await form.getByText('Unmasked', { exact: true }).click()
    await form
      .getByRole('combobox', { name: 'Highest sensitivity' })
      .or(form.getByLabel('Highest sensitivity'))
      .first()
      .click()
    await page.getByRole('option', { name: 'High', exact: true }).click()
    await form.getByText('This key sees personal data as it is.').waitFor()
    await form.getByRole('button', { name: 'Add a condition' }).click()
    await form.getByLabel('Column', { exact: true }).fill('bed')
    await form.getByRole('combobox', { name: 'Values' }).fill('north')
    await page.keyboard.press('Enter')
    await form.getByLabel(/^Calls a minute/).fill('50')
    await form.getByRole('button', { name: 'Mint key' }).click()

    const banner = page.getByRole('region', { name: 'Key kiosk' })
    const secret = (await banner.locator('[data-secret]').textContent())!
    expect(secret).toMatch(/^dk_[0-9A-Za-z]{36}$/)
    await banner.getByText('The values are examples').waitFor()
    const sample = banner.getByRole('region', { name: 'A call with this key' })
    await soon(async () => expect(await sample.textContent()).toContain(secret))
    const { stdout, exitCode } = Bun.spawnSync(['bash', '-c', (await sample.textContent())!])
    expect(exitCode).toBe(0)
    const { rows } = JSON.parse(stdout.toString())
    expect(rows).toMatchObject([{ plant_id: 1, gardener: 'Ada Lovelace', email: 'ada@example.org' }])

    const row = page.getByRole('row', { name: /kiosk/ })
    for (const text of ['Active', 'plant', 'Unmasked, up to high', 'Rows by bed', '50 / min'])
      await soon(async () => expect(await row.textContent()).toContain(text))
    await soon(async () => expect(await row.textContent()).toMatch(/in [23] months/))
    expect(await row.textContent()).not.toContain(secret)
    await page.getByRole('link', { name: 'Test', exact: true }).click()
    await dialog('Leave without the key?').getByRole('button', { name: 'Stay' }).click()
    await dialog('Leave without the key?').waitFor({ state: 'detached' })
    await banner.waitFor()
    await banner.getByRole('button', { name: 'I have copied it' }).click()
    await soon(async () => expect(await page.getByText(secret).count()).toBe(0))
    await page.reload()
    await row.waitFor()
    expect(await page.content()).not.toContain(secret)
  })

  test('a new key of any name is whole on a phone, with the button that copies it, and on paper', async () => {
    const phone = await openTab({ width: 390, scheme: 'dark' })
    await signInTo(phone, callgate, 'ed')
    await phone.goto(callgate.url + KEYS)
    await phone.getByRole('button', { name: 'Mint key' }).click()
    const form = phone.getByRole('dialog', { name: 'Mint a key' })
    await form.getByLabel(/^Name/).fill('long'.repeat(15))
    await form.getByRole('button', { name: 'Mint key' }).click()
    const copy = phone.getByRole('button', { name: 'Copy', exact: true })
    await copy.scrollIntoViewIfNeeded()
    // the last shows what is drawn there: it may be cut off by what is around it
    const isWhole = (thing: typeof copy) =>
      thing.evaluate(element => {
        const { left, right, top, bottom } = element.getBoundingClientRect()
        const middle = (top + bottom) / 2
        return [left + 2, right - 2].every(x => element.contains(document.elementFromPoint(x, middle)))
      })
    expect(await isWhole(copy)).toBe(true)
    expect(await isWhole(phone.locator('[data-secret]'))).toBe(true)

    await phone.emulateMedia({ media: 'print' })
    await phone.setViewportSize({ width: 794, height: 1123 })
    const navigation = phone.getByRole('navigation')
    expect(await navigation.filter({ visible: true }).count()).toBe(1) // the parts of the service
    const secret = phone.locator('[data-secret]')
    expect(await secret.isVisible()).toBe(true)
    expect(await secret.evaluate(element => getComputedStyle(element).color)).toBe('rgb(0, 0, 0)')
    expect(await phone.locator('html').evaluate(element => getComputedStyle(element).colorScheme)).toBe('light')
    await phone.emulateMedia({ media: 'screen' })
    await phone.getByRole('button', { name: 'Actions for longlong' }).click()
    await phone.getByRole('menuitem', { name: 'Revoke' }).click()
    const question = phone.getByRole('dialog')
    await question.getByRole('button', { name: 'Revoke' }).click()
    await question.waitFor({ state: 'detached' })
  })

  test('a double click mints one key, and its call without values is not said to have examples', async () => {
    await page.goto(callgate.url + KEYS)
    await page.getByRole('button', { name: 'Mint key' }).click()
    const form = dialog('Mint a key')
    await form.getByLabel(/^Name/).fill('twice')
    await form.getByRole('checkbox', { name: /^search/ }).check()
    await form.getByText('Query', { exact: true }).waitFor()
    await form.getByRole('button', { name: 'Mint key' }).dblclick()
    const banner = page.getByRole('region', { name: 'Key twice' })
    await banner.getByRole('region', { name: 'A call with this key' }).waitFor()
    expect(await banner.getByText('The values are examples').count()).toBe(0)
    const { json } = await callgate.admin('GET', `${assetPath}/api-keys`)
    expect(json.filter(({ name }: { name: string }) => name === 'twice')).toHaveLength(1)
    await banner.getByRole('button', { name: 'I have copied it' }).click()
  })

  test('a key that somebody else changed meanwhile is not overwritten, and nothing that was typed is lost', async () => {
    const { id } = await mint({ name: 'contested', rate_limit: 10 })
    await page.goto(callgate.url + KEYS)
    await act('contested', 'Edit')
    const form = dialog('Edit key contested')
    await form.getByLabel(/^Name/).fill('contested by two')
    await callgate.admin('PATCH', `${assetPath}/api-keys/${id}`, { rate_limit: 20 })
    await form.getByRole('button', { name: 'Save' }).click()
    const told = form.getByRole('alert', { name: 'Somebody changed this key meanwhile' })
    await told.waitFor()
    await soon(async () => expect(await told.textContent()).toContain('rate_limit: 20'))
    expect(await keyNow(id)).toMatchObject({ name: 'contested', rate_limit: 20 })
    expect(await form.getByLabel(/^Name/).inputValue()).toBe('contested by two')
    await told.getByRole('button', { name: 'Take the other version' }).click()
    await soon(async () => expect(await form.getByLabel(/^Name/).inputValue()).toBe('contested'))
    await form.getByLabel(/^Name/).fill('settled')
    await form.getByRole('button', { name: 'Save' }).click()
    await page.getByText('settled was saved').waitFor()
    expect(await keyNow(id)).toMatchObject({ name: 'settled', rate_limit: 20, expires_at: expect.any(String) })
  })

  test('a key that is being saved stays in sight until it is, or why it is not is said', async () => {
    const { id } = await mint({ name: 'held' })
    await page.goto(callgate.url + KEYS)
    await act('held', 'Edit')
    const form = dialog('Edit key held')
    await form.getByLabel(/^Name/).fill('held back')
    const held = Promise.withResolvers<() => void>()
    const path = new RegExp(`/api-keys/${id}$`)
    await page.route(path, async route => {
      if (route.request().method() !== 'PATCH') return route.continue()
      await new Promise<void>(resolve => held.resolve(resolve))
      await route.fulfill({ status: 500, json: { title: 'Unavailable', detail: 'Not at the moment.' } })
    })
    await form.getByRole('button', { name: 'Save' }).click()
    const letGo = await held.promise
    await page.keyboard.press('Escape')
    await form.getByRole('button', { name: 'Close' }).click()
    letGo()
    await form.getByRole('alert').getByText('Not at the moment.').waitFor()
    expect(await form.getByLabel(/^Name/).inputValue()).toBe('held back')
    await page.unroute(path)
    await page.keyboard.press('Escape')
    await form.waitFor({ state: 'detached' })
  })

  test('only what was changed is sent: the end of a key keeps its minute', async () => {
    const { id } = await mint({
      name: 'exact',
      expires_at: '2031-05-06T07:08:09.000Z',
      row_scope: { plant_id: [1, null] },
    })
    await page.goto(callgate.url + KEYS)
    await act('exact', 'Edit')
    const form = dialog('Edit key exact')
    await form.getByRole('checkbox', { name: /^search/ }).check()
    await form.getByRole('button', { name: 'Save' }).click()
    await page.getByText('exact was saved').waitFor()
    expect(await keyNow(id)).toMatchObject({
      allowed_endpoints: ['search'],
      expires_at: '2031-05-06T07:08:09.000Z',
      row_scope: { plant_id: [1, null] },
    })
  })

  test('when a key ends is said as the clock of its reader shows it, and a day that is chosen counts to its end', async () => {
    const { id } = await mint({ name: 'abroad', expires_at: '2031-01-30T16:30:00.000Z' })
    const tab = await openTab({ timezoneId: 'Pacific/Chatham' })
    await signInTo(tab, callgate, 'ed')
    await tab.goto(callgate.url + KEYS)
    await tab.getByRole('button', { name: 'Actions for abroad', exact: true }).click()
    await tab.getByRole('menuitem', { name: 'Edit' }).click()
    const form = tab.getByRole('dialog', { name: 'Edit key abroad' })
    await form.getByText('The key works until Jan 31, 2031, 06:15 GMT+13:45.').waitFor()
    await form.getByLabel(/^Last day/).fill('2031-01-31')
    await form.getByText('The key works until Feb 1, 2031, 13:44 GMT+13:45.').waitFor()
    await form.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('abroad was saved').waitFor()
    expect((await keyNow(id)).expires_at).toBe('2031-01-31T23:59:59.000Z')
    await tab.context().close()
  })

  test('a rotated key goes on for its overlap, beside its successor', async () => {
    const old = await mint({ name: 'turning' })
    await page.goto(callgate.url + KEYS)
    await act('turning', 'Rotate')
    await dialog('Rotate key turning').getByRole('button', { name: 'Rotate' }).click()
    const banner = page.getByRole('region', { name: 'Key turning' })
    const secret = (await banner.locator('[data-secret]').textContent())!
    for (const key of [old.key, secret])
      expect((await callgate.call('/api/service/plants/plant?id=1', { key })).status).toBe(200)
    await page.getByRole('row', { name: /turning.*Ends soon.*Replaced/ }).waitFor()
    const left = Date.parse((await keyNow(old.id)).expires_at) - Date.now()
    expect(left).toBeWithin(23.5 * 3_600_000, 24 * 3_600_000)
    await banner.getByRole('button', { name: 'I have copied it' }).click()
  })

  test('revoking says what the key called and asks; the key is refused, and can be made to work again', async () => {
    const { id, key } = await mint({ name: 'leaver' })
    const used = await mint({ name: 'busy' })
    for (const id of [1, 2]) await callgate.call(`/api/service/plants/plant?id=${id}`, { key: used.key })
    await page.goto(callgate.url + KEYS)
    await act('busy', 'Revoke')
    await dialog('Revoke key busy?').getByRole('listitem').filter({ hasText: 'plants/plant, 2 calls' }).waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await act('leaver', 'Revoke')
    const asked = dialog('Revoke key leaver?')
    await asked.getByText('It was never used.').waitFor()
    await asked.getByRole('button', { name: 'Cancel' }).click()
    expect((await keyNow(id)).is_active).toBe(true)
    await act('leaver', 'Revoke')
    await asked.getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('leaver was revoked').waitFor()
    expect((await callgate.call('/api/service/plants/plant?id=1', { key })).status).toBe(403)
    const row = page.getByRole('row', { name: /leaver/ })
    await row.waitFor({ state: 'detached' })
    await page.getByRole('switch', { name: 'Show revoked and expired' }).click()
    await soon(async () => expect(await row.textContent()).toContain('Revoked'))
    await act('leaver', 'Make it work again')
    await page.getByText('leaver works again').waitFor()
    expect((await callgate.call('/api/service/plants/plant?id=1', { key })).status).toBe(200)
  })

  test('a key of the project reaches what is chosen, by keyboard alone', async () => {
    await page.goto(`${callgate.url}/console/projects/garden/keys`)
    await page.getByRole('row', { name: /operations/ }).waitFor()
    await page.getByRole('button', { name: 'Mint key' }).focus()
    await page.keyboard.press('Enter')
    const form = dialog('Mint a key')
    await form.getByText('Nothing is chosen: this key reaches everything').waitFor()
    await form.getByRole('checkbox', { name: 'flowers' }).waitFor()
    await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT')
    await page.keyboard.type('courier')
    await page.keyboard.press('Tab')
    const focused = () => page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.value)
    for (let tabs = 0; tabs < 5 && (await focused()) !== 'flowers'; tabs++) await page.keyboard.press('Tab')
    expect(await focused()).toBe('flowers')
    await page.keyboard.press('Space')
    await form.getByLabel(/^Name/).focus()
    await page.keyboard.press('Enter')
    const banner = page.getByRole('region', { name: 'Key courier' })
    const key = (await banner.locator('[data-secret]').textContent())!
    const body = { features: { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 } }
    const reached = await callgate.call('/api/service/flowers/species', { key, body })
    expect(reached.status).not.toBe(404)
    expect((await callgate.call('/api/service/plants/plant?id=1', { key })).status).toBe(404)
    await banner.getByRole('button', { name: 'I have copied it' }).press('Enter')
    await soon(async () => expect(await page.getByRole('row', { name: /courier/ }).textContent()).toContain('flowers'))
  })

  test('a key that has expired does not work again when it is restored, and that is said', async () => {
    const { id } = await mint({ name: 'too late', expires_at: new Date(Date.now() + 1000).toISOString() })
    await waitFor(async () => Date.parse((await keyNow(id)).expires_at) < Date.now() || undefined)
    await callgate.admin('DELETE', `${assetPath}/api-keys/${id}`)
    await page.goto(callgate.url + KEYS)
    await page.getByRole('switch', { name: 'Show revoked and expired' }).click()
    await act('too late', 'Make it work again')
    await page.getByText('too late is not revoked any more, but has expired').waitFor()
  })

  test('the focus is where it was after a dialog that was opened from a menu', async () => {
    await page.goto(callgate.url + KEYS)
    const menu = page.getByRole('button', { name: 'Actions for shop window' })
    for (const action of ['Edit', 'Revoke']) {
      await menu.press('Enter')
      await page.getByRole('menuitem', { name: action }).press('Enter')
      const name = page.getByRole('dialog').getByLabel(/^Name/)
      if (action === 'Edit') await hasFocus(name)
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).press('Enter')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await hasFocus(menu)
    }
  })

  test('a menu stays open where what comes in late moves its button out of sight', async () => {
    const { key } = await mint({ name: 'late' })
    await callgate.call('/api/service/plants/plant', { key })
    const tab = await openTab({ width: 390, height: 844 })
    await signInTo(tab, callgate, 'root')
    const usage = Promise.withResolvers<void>()
    await tab.route(/\/api\/usage/, async route => {
      await usage.promise
      await route.continue()
    })
    await tab.goto(callgate.url + KEYS)
    await tab.getByRole('button', { name: 'Actions for late' }).press('Enter')
    const item = tab.getByRole('menuitem', { name: 'Edit' })
    await item.waitFor()
    usage.resolve()
    await tab.locator('a[aria-label^="Usage of late"], a[title*="late"]').first().waitFor()
    await tab.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
    expect(await item.isVisible()).toBe(true)
  })

  test('so it is after one whose form was there at once, as it was opened before', async () => {
    await page.goto(callgate.url + KEYS)
    const button = page.getByRole('button', { name: 'Mint key' })
    for (let times = 0; times < 2; times++) {
      await button.press('Enter')
      await hasFocus(dialog('Mint a key').getByLabel(/^Name/))
      await page.keyboard.press('Escape')
      await hasFocus(button)
    }
  })

  test('values that differ in case are two, and one with a comma is one', async () => {
    await page.goto(callgate.url + KEYS)
    await page.getByRole('button', { name: 'Mint key' }).click()
    const form = dialog('Mint a key')
    await form.getByLabel(/^Name/).fill('two cases')
    await form.getByRole('button', { name: 'Add a condition' }).click()
    await form.getByLabel('Column', { exact: true }).first().fill('bed')
    for (const value of ['north', 'North', 'north, upper']) {
      await form.getByLabel('Values').first().pressSequentially(value)
      await page.keyboard.press('Enter')
    }
    await form.getByRole('button', { name: 'Mint key' }).click()
    const banner = page.getByRole('region', { name: 'Key two cases' })
    await banner.waitFor()
    const keys = (await callgate.admin('GET', `${assetPath}/api-keys`)).json as { name: string; row_scope: object }[]
    const scope = keys.find(({ name }) => name === 'two cases')!.row_scope
    expect(scope).toEqual({ bed: ['north', 'North', 'north, upper'] })
    await banner.getByRole('button', { name: 'I have copied it' }).click()

    await page.goto(`${callgate.url + TEST}?endpoint=search`)
    await page.getByLabel('bed', { exact: true }).first().pressSequentially('north, upper')
    await page.keyboard.press('Enter')
    const code = page.getByRole('region', { name: 'This call' })
    await soon(async () => expect(await code.textContent()).toContain('bed=north%2C+upper'))
  })

  test('what scrolls in a dialog goes behind its title, and is not seen above it', async () => {
    await page.goto(callgate.url + KEYS)
    await page.getByRole('button', { name: 'Mint key' }).click()
    const form = dialog('Mint a key')
    const end = form.getByRole('button', { name: 'Cancel' })
    await end.waitFor()
    await end.scrollIntoViewIfNeeded()
    await soon(async () => {
      const [top, title] = await form.evaluate(element => [
        element.getBoundingClientRect().top,
        element.querySelector('header')!.getBoundingClientRect().top,
      ])
      expect(title! - top!).toBeLessThanOrEqual(1)
    })
    await end.click()
  })

  test('a condition on a column that no table here has is said to refuse, before the key is minted', async () => {
    await page.goto(callgate.url + KEYS)
    await page.getByRole('button', { name: 'Mint key' }).click()
    const form = dialog('Mint a key')
    await form.getByRole('button', { name: 'Add a condition' }).click()
    const column = form.getByLabel('Column', { exact: true }).first()
    const warning = form.getByText('No endpoint here reads a table with a column', { exact: false })
    await column.fill('Bed')
    await warning.waitFor()
    // what is typed so far may become one
    await column.fill('be')
    await warning.waitFor({ state: 'detached' })
    await column.press('Tab')
    await warning.waitFor()
    await column.fill('bed')
    await column.press('Tab')
    await warning.waitFor({ state: 'detached' })
    await form.getByRole('button', { name: 'Cancel' }).click()
  })

  test('a table that is only written to is not run, and its sample adds a row with a key that may', async () => {
    const headers = { 'x-project-id': String(callgate.garden) }
    const endpoints = [{ id: 'beds', kind: 'table', dataset: 'marts.beds', methods: ['POST'] }]
    const service = { asset_type: 'api_service', asset_key: 'inbox', title: 'Inbox', config: { endpoints } }
    const { json: asset } = await callgate.admin('POST', '/api/publish/assets', service, headers)
    await callgate.admin('POST', `/api/publish/assets/${asset.id}/publish`)
    await page.goto(`${callgate.url}/console/projects/garden/services/inbox/test`)
    await page.getByText('a call changes it: it is not run').waitFor()
    expect(await page.getByRole('button', { name: 'Run', exact: true }).count()).toBe(0)
    await page.goto(`${callgate.url}/console/projects/garden/services/inbox/keys`)
    const mintIt = async (name: string, post: boolean) => {
      await page.getByRole('button', { name: 'Mint key' }).first().click()
      await dialog('Mint a key').getByLabel(/^Name/).fill(name)
      if (post) await dialog('Mint a key').getByRole('checkbox', { name: 'POST' }).check()
      await dialog('Mint a key').getByRole('button', { name: 'Mint key' }).click()
      return page.getByRole('region', { name: `Key ${name}` })
    }
    const reader = await mintIt('reads', false)
    await reader.getByRole('button', { name: 'I have copied it' }).waitFor()
    expect(await reader.getByRole('region', { name: 'A call with this key' }).count()).toBe(0)
    await reader.getByRole('button', { name: 'I have copied it' }).click()
    const writer = await mintIt('writes', true)
    const code = await writer.getByRole('region', { name: 'A call with this key' }).textContent()
    const { stdout } = Bun.spawnSync(['bash', '-c', code!])
    expect(JSON.parse(stdout.toString())).toMatchObject({ plant: 'text', planted: '2026-01-31' })
    await writer.getByRole('button', { name: 'I have copied it' }).click()
  })

  test('an endpoint is run as the public and as a key, which see what they are let see', async () => {
    await page.goto(`${callgate.url + TEST}?endpoint=search`)
    const answer = page.getByRole('region', { name: 'Answer' }).first()
    const run = () => page.getByRole('button', { name: 'Run' }).click()
    const runAs = async (name: RegExp) => {
      await page.getByRole('combobox', { name: 'Run as' }).or(page.getByLabel('Run as')).first().click()
      await page.getByRole('option', { name }).click()
      // what another was answered is not shown as theirs
      await answer.getByText('Run the endpoint to see what it answers.').waitFor()
      await run()
    }
    await run()
    await answer.getByRole('cell', { name: 'alan@example.org' }).waitFor()
    await runAs(/^The public/)
    await answer.getByRole('cell', { name: 'A. T.' }).waitFor()
    expect(await answer.textContent()).not.toContain('alan@example.org')
    expect(page.url()).toContain('as=public')
    await runAs(/^shop window/)
    await answer.getByText('2 rows').waitFor()
    expect(await answer.getByRole('cell', { name: 'south' }).count()).toBe(0)
    await page.getByRole('textbox', { name: 'min_height' }).fill('high')
    await run()
    await answer.getByRole('alert').waitFor()
    await soon(async () => expect(await answer.locator('[data-status]').textContent()).toBe('422'))
    await soon(async () =>
      expect(await page.getByRole('textbox', { name: 'min_height' }).getAttribute('aria-invalid')).toBe('true'),
    )
    await soon(async () =>
      expect(await page.getByRole('region', { name: 'This call' }).textContent()).toContain('min_height=high'),
    )
  })

  test('of many keys the one to run as is found by typing, and a long name is seen whole', async () => {
    const long = `found ${'by its name '.repeat(4)}${'k'.repeat(90)}`
    for (let i = 0; i < 10; i++) await mint({ name: `one of many ${i}` })
    await mint({ name: long })
    await page.goto(`${callgate.url + TEST}?endpoint=plant`)
    const as = page.getByRole('combobox', { name: 'Run as' }).or(page.getByLabel('Run as')).first()
    await soon(async () => {
      await as.fill('its name')
      expect(await page.getByRole('option').count()).toBe(1)
    })
    const option = page.getByRole('option', { name: long })
    expect(await option.evaluate(text => text.scrollWidth <= text.clientWidth)).toBe(true)
    await option.click()
    await soon(async () => expect(page.url()).toMatch(/as=(%22)?\d+/))
  })

  test('a model’s features are a form with refusals at the feature; a function shows its log', async () => {
    await page.goto(`${callgate.url + TEST}?endpoint=species`)
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByText('"predictions"').waitFor()
    const first = page.getByRole('form', { name: 'Parameters' }).getByRole('textbox').first()
    await first.fill('wide')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.locator('[data-status="422"]').waitFor()
    await soon(async () => expect(await first.getAttribute('aria-invalid')).toBe('true'))

    await page.goto(`${callgate.url + TEST}?endpoint=greet`)
    await page.getByLabel('JSON body').fill('{"name": ')
    await page.getByText('This is not JSON yet.').waitFor()
    await soon(async () => expect(await page.getByRole('button', { name: 'Run' }).isDisabled()).toBe(true))
    await page.getByLabel('JSON body').fill('{"name": "Ada"}')
    await page.getByLabel('Query string').fill('as=guest')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByText('"hello": "Ada"').waitFor()
    await soon(async () =>
      expect(await page.getByRole('region', { name: 'Answer' }).first().textContent()).toContain('"as": "guest"'),
    )
    await page.getByText('greeting').waitFor()
  })

  test('a viewer sees what a call looks like, and neither keys nor anything to run or change', async () => {
    const viewer = await openTab()
    await signInTo(viewer, callgate, 'vera')
    for (const path of [KEYS, '/console/projects/garden/keys']) {
      await viewer.goto(callgate.url + path)
      await viewer.getByText('Keys are for editors').waitFor()
      expect(await viewer.getByRole('button', { name: /Mint|Actions/ }).count()).toBe(0)
      expect(await viewer.getByText('shop window').count()).toBe(0)
    }
    await viewer.goto(`${callgate.url + TEST}?endpoint=plant`)
    const code = viewer.getByRole('region', { name: 'This call' })
    await soon(async () => expect(await code.textContent()).toContain('/api/service/plants/plant?id=1'))
    await viewer.getByText('Running takes the role editor').waitFor()
    expect(await viewer.getByRole('button', { name: 'Run' }).count()).toBe(0)
  })
})
