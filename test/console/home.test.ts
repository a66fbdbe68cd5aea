/** The home page says what was called, and leads to what answers. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { describeInBrowser, expectAccessible, openTab, settled, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('home', () => {
  const { callgate } = useConsole()

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

  test('a key of the project is one, too: the first steps are over with it', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'ed')
    const steps = page.getByRole('region', { name: 'From nothing to an endpoint' })
    const only = { drafts: 'published' as const }
    await page.route(/\/api\/publish\/assets\?/, async route => {
      const response = await route.fetch()
      const rows = (await response.json()) as { asset_key: keyof typeof only; status: string }[]
      const known = rows.filter(({ asset_key }) => asset_key in only)
      await route.fulfill({ response, json: known.map(row => ({ ...row, status: only[row.asset_key] })) })
    })
    const keys = /\/api\/projects\/\d+\/api-keys$/
    await page.route(keys, route => route.fulfill({ json: [] }))
    await page.goto(`${callgate.url}/console`)
    await steps.getByRole('listitem').filter({ hasText: 'Make a key and call it' }).getByRole('link').waitFor()
    await page.unroute(keys)
    await page.reload()
    await page.getByRole('table', { name: 'Published' }).getByText('Not yet published').waitFor()
    await settled(page)
    await soon(async () => expect(await steps.count()).toBe(0))
  })

  test('leads to the pages of services and deployments that answer', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'vera')
    const published = page.getByRole('table', { name: 'Published' })
    await published.getByRole('link', { name: 'Flowers', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Flowers' }).waitFor()
    await page.goBack()
    await published.getByRole('link', { name: 'species', exact: true }).press('Enter')
    await page.getByRole('heading', { level: 1, name: 'species' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/console/projects/garden/deployments/species')
    await page.goto(`${callgate.url}/console/projects/garden`)
    await published.getByRole('link', { name: 'species', exact: true }).waitFor()
    expect(await published.getByText('Not yet published').count()).toBe(0)
  })

  test('says which deployment fails, there and in its project', async () => {
    const { items } = (await callgate.admin('GET', '/api/deployments')).json
    const { project_id } = items.find(({ name }: { name: string }) => name === 'broken')
    await callgate.admin('POST', `/api/projects/${project_id}/deployments/broken/start`, {})
    const page = await openTab()
    await signInTo(page, callgate, 'vera')
    const row = page.getByRole('row', { name: /^broken Failing/ })
    await row.waitFor()
    await row.getByRole('link', { name: 'Garden' }).click()
    await page.getByRole('heading', { level: 1, name: 'Garden' }).waitFor()
    await row.waitFor()
  })
})
