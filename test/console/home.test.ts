/** The home page says what was called. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Callgate, cleanUp } from '../harness.ts'
import { closeTabs, describeInBrowser, expectAccessible, openTab, signInTo } from './browser.ts'
import { startConsole } from './world.ts'

setDefaultTimeout(60_000)

describeInBrowser('home', () => {
  let callgate: Callgate
  beforeAll(async () => {
    callgate = await startConsole()
  })
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })

  test('draws the calls of the last hour, refused ones among them', async () => {
    const assets = (await callgate.admin('GET', '/api/publish/assets?status=published')).json
    const { id } = assets.find(({ asset_key }: { asset_key: string }) => asset_key === 'flowers')
    const { key } = (await callgate.admin('POST', `/api/publish/assets/${id}/api-keys`, { name: 'app' })).json
    for (let call = 0; call < 3; call++)
      expect((await callgate.call('/api/service/flowers/species', { key, body: { no: 'features' } })).status).toBe(422)
    const trouble: string[] = []
    const page = await openTab({ trouble })
    await signInTo(page, callgate, 'vera')
    const traffic = page.getByRole('region', { name: 'Traffic' })
    const figure = (label: string) => traffic.getByText(label, { exact: true }).locator('..')
    await figure('Refused').getByText('3', { exact: true }).waitFor()
    await figure('Calls').getByText('3', { exact: true }).waitFor()
    await traffic.locator('.recharts-bar-rectangle').first().waitFor({ state: 'attached' })
    await expectAccessible(page, 'home with traffic')
    expect(trouble).toEqual([])
  })
})
