/** What is told of calls, in a real browser, of calls that were really made; and who is told of before something goes. */
import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { timeLabels } from '../../src/console/ui/time-labels.ts'
import { readCsv } from '../read-csv.ts'
import { describeInBrowser, openTab, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

const SPECIES = { features: { X: [5.1, 3.5, 1.4, 0.2] } }

test('hours are told apart also where a day has the same one at both ends or clocks are put back, and none is said to be where they are put forward', () => {
  const zone = process.env.TZ
  process.env.TZ = 'Europe/Berlin'
  try {
    const hours = (from: string, count: number) => {
      const at = (hour: number) => new Date(Date.parse(from) + hour * 3_600_000).toISOString()
      const label = timeLabels({ from, to: at(count), step: 'hour' })
      return Array.from({ length: count }, (_, hour) => label(at(hour)))
    }
    expect(hours('2026-10-24T23:00:00Z', 4)).toEqual(['01:00', '02:00 GMT+2', '02:00 GMT+1', '03:00'])
    expect(hours('2026-03-29T00:00:00Z', 3)).toEqual(['01:00', '03:00', '04:00'])
    const day = hours('2026-11-03T13:00:00Z', 25)
    expect([day[0], day[1], day[24]]).toEqual(['Nov 3, 14:00', '15:00', 'Nov 4, 14:00'])
    for (const shorter of ['2026-03-28T13:00:00Z', '2026-10-24T12:00:00Z']) {
      const around = hours(shorter, 25)
      expect([shorter, new Set(around).size]).toEqual([shorter, 25])
    }
    const week = hours('2026-10-20T00:00:00Z', 168)
    expect(new Set(week).size).toBe(168)
    expect(week.filter(label => label.includes('GMT'))).toEqual(['Oct 25, 02:00 GMT+2', 'Oct 25, 02:00 GMT+1'])
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

describeInBrowser('usage', () => {
  const { callgate, openAs } = useConsole()
  let calm: { id: number; key: string }
  let eager: { id: number; key: string }

  beforeAll(async () => {
    calm = await mint('plants', { name: 'calm' })
    eager = await mint('plants', { name: 'eager', rate_limit: 2 })
    await mint('plants', { name: 'idle', allowed_endpoints: ['greet'] })
    for (let call = 0; call < 3; call++) await get('/api/service/plants/plant?id=1', calm.key)
    await get('/api/service/plants/search', calm.key)
    await callgate.call('/api/service/plants/species', { key: calm.key, body: { no: 'features' } })
    for (let call = 0; call < 5; call++) await get('/api/service/plants/plant?id=1', eager.key)
  })

  const get = (path: string, key?: string) => callgate.call(path, { key })
  async function assetId(service: string): Promise<number> {
    const assets = (await callgate.admin('GET', '/api/publish/assets')).json as { id: number; asset_key: string }[]
    return assets.find(({ asset_key }) => asset_key === service)!.id
  }
  async function mint(service: string, fields: object): Promise<{ id: number; key: string }> {
    return (await callgate.admin('POST', `/api/publish/assets/${await assetId(service)}/api-keys`, fields)).json
  }
  const figure = (page: Page, label: string, value: string) =>
    page
      .getByRole('region', { name: 'In this time' })
      .getByText(label, { exact: true })
      .locator('..')
      .getByText(value, { exact: true })
      .waitFor()
  const rowsOf = async (page: Page, table: string) => {
    const texts = await page.getByRole('table', { name: table, exact: true }).locator('tbody tr').allTextContents()
    return texts.map(text => text.replaceAll('\u00a0', ' '))
  }
  const choose = async (page: Page, filter: string, option: string) => {
    await page.getByRole('combobox', { name: filter, exact: true }).click()
    await page.getByRole('option', { name: option, exact: true }).click()
  }

  test('how many calls there were, how they ended and when: as charts, and as tables', async () => {
    const trouble: string[] = []
    const page = await openTab({ trouble })
    await signInTo(page, callgate, 'ed')
    await page.getByRole('link', { name: 'Usage', exact: true }).click()
    for (const [label, value] of [
      ['Calls', '10'],
      ['Refused', '1'],
      ['Throttled', '3'],
      ['Failed', '0'],
    ] as const)
      await figure(page, label, value)
    const chart = page.getByRole('img', { name: '10 calls over time, 4 of them refused, 0 failed' })
    await chart.locator('.recharts-bar-rectangle path').first().waitFor()
    await page.getByRole('img', { name: /^Latency over time: over all of it the median is .* ms/ }).waitFor()
    expect(await page.getByRole('table', { name: 'Calls over time' }).count()).toBe(0)
    await page.locator('summary', { hasText: 'As a table' }).first().focus()
    await page.keyboard.press('Enter')
    const table = page.getByRole('table', { name: 'Calls over time' })
    await table.waitFor()
    await soon(async () => {
      const latest = await table.locator('tbody td:nth-child(2)').allTextContents()
      expect(latest.reduce((sum, calls) => sum + Number(calls), 0)).toBe(10)
    })
    await page.locator('summary', { hasText: 'As a table' }).last().click()
    await page.getByRole('table', { name: 'How long they took' }).getByText(' ms').first().waitFor()
    expect(trouble).toEqual([])
  })

  test('which key was throttled, what is slow, who calls what, and what nobody calls', async () => {
    const page = await openAs('ed', 'usage')
    await figure(page, 'Calls', '10')
    await soon(async () => expect(await rowsOf(page, 'Which key was throttled')).toEqual(['eagerplants/plant3']))
    await soon(async () => {
      const slow = await rowsOf(page, 'What is slow')
      expect(slow.map(row => /^[a-z/]+/.exec(row)![0]).sort()).toEqual(['plants/plant', 'plants/search'])
    })
    await soon(async () => {
      const who = await rowsOf(page, 'Who calls what')
      expect(who.map(row => /^(calm|eager)(plants\/\w+?)(?=\d)/.exec(row)?.slice(1, 3).join(' '))).toEqual([
        'eager plants/plant',
        'calm plants/plant',
        'calm plants/search',
        'calm plants/species',
      ])
    })
    await soon(async () =>
      expect(await rowsOf(page, 'Published, not called')).toEqual([
        ...['plants/greetFunction', 'flowers/speciesModel', 'keepers/keeperLookup'],
        ...['broken', 'elsewhere', 'sentiment', 'species'].map(name => `${name}Deployment`),
      ]),
    )
    await soon(async () => {
      const unused = await rowsOf(page, 'Keys without a call')
      expect(unused.some(row => row.startsWith('idlePlants'))).toBe(true)
      expect(unused.some(row => row.startsWith('operationsthe project'))).toBe(true)
      expect(unused.some(row => /calm|eager/.test(row))).toBe(false)
    })
    await page.getByRole('region', { name: 'What nobody calls' }).getByRole('link', { name: 'plants/greet' }).click()
    await page.waitForURL('**/projects/garden/services/plants')
    await page.goBack()
    await page.getByRole('region', { name: 'What nobody calls' }).getByRole('link', { name: 'sentiment' }).click()
    await page.waitForURL('**/projects/garden/deployments/sentiment')
  })

  test('filters are in the URL: the button back takes them off again, and a link has them for somebody else', async () => {
    const page = await openAs('ed', 'usage')
    await figure(page, 'Calls', '10')
    await choose(page, 'Key', 'calm')
    await figure(page, 'Calls', '5')
    expect(new URL(page.url()).search).toBe(`?key=${calm.id}`)
    await soon(async () => {
      const who = await rowsOf(page, 'Who calls what')
      expect(who).toEqual(who.filter(row => row.startsWith('calm')))
      expect(who).toHaveLength(3)
    })
    await page.getByText('No key was over its limit.').waitFor()
    await choose(page, 'Status', 'Refused (4xx)')
    await figure(page, 'Calls', '1')
    await page.getByText('No call was served in this time.').first().waitFor()
    await page.goBack()
    await figure(page, 'Calls', '5')
    await page.goBack()
    await figure(page, 'Calls', '10')
    await page.goForward()
    await figure(page, 'Calls', '5')
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await figure(page, 'Calls', '10')
    await page.getByRole('button', { name: 'eager' }).first().click()
    await figure(page, 'Calls', '5')
    await figure(page, 'Throttled', '3')

    const other = await openAs('vera', 'usage?range=week&service=plants&endpoint=plant&status=429')
    await figure(other, 'Calls', '3')
    for (const [filter, value] of [
      ['Service', 'Plants'],
      ['Endpoint', 'plant'],
      ['Status', 'Throttled (429)'],
    ] as const)
      await soon(async () =>
        expect(await other.getByRole('combobox', { name: filter, exact: true }).inputValue()).toBe(value),
      )
    await soon(async () => expect(await other.getByRole('radio', { name: '7 days' }).isChecked()).toBe(true))
    await choose(other, 'Service', 'Flowers')
    await other.getByText('No call matches these filters in this time').waitFor()
    expect(Object.fromEntries(new URL(other.url()).searchParams)).toEqual({
      range: 'week',
      service: 'flowers',
      status: '429',
    })
  })

  test('a range that there is not is the usual one', async () => {
    const tab = await openAs('ed', 'usage?range=fortnight')
    await tab.getByRole('table', { name: 'Who calls what' }).waitFor()
    await soon(async () => expect(await tab.getByRole('radio', { name: '24 hours' }).isChecked()).toBe(true))
    expect(await tab.getByRole('alert').count()).toBe(0)
  })

  test('the file has just what is shown', async () => {
    const page = await openAs('ed', `usage?key=${eager.id}`)
    await figure(page, 'Calls', '5')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ])
    expect(download.suggestedFilename()).toMatch(/^usage-garden-\d{4}-\d\d-\d\d\.csv$/)
    const [head, ...lines] = readCsv(await Bun.file((await download.path())!).text())
    const sum = (column: string) => lines.reduce((total, line) => total + Number(line[head!.indexOf(column)]), 0)
    expect([sum('calls'), sum('succeeded'), sum('throttled')]).toEqual([5, 2, 3])
    expect(new Set(lines.map(line => line[head!.indexOf('key')]))).toEqual(new Set(['eager']))
    expect(new Set(lines.map(line => line[head!.indexOf('endpoint')]))).toEqual(new Set(['plant']))
  })

  test('a time of one’s own; what cannot be is said beside its end, by the server where it knows better', async () => {
    const page = await openAs('ed', 'usage')
    await figure(page, 'Calls', '10')
    await page.getByText('Own', { exact: true }).click()
    const from = page.getByLabel('From', { exact: true })
    await soon(async () => expect(await from.inputValue()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/))
    const written = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 16)
    await from.fill(written(10))
    await page.getByLabel('To', { exact: true }).fill(written(12))
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByText('It must be after the first.').waitFor()
    await page.getByLabel('To', { exact: true }).fill(written(5))
    await page.keyboard.press('Enter')
    await page.getByText('No call in this time').waitFor()
    expect(new URL(page.url()).search).toMatch(/^\?from=.*&to=/)
    await page.getByRole('button', { name: 'Look at 30 days' }).click()
    await figure(page, 'Calls', '10')
    await page.goBack()
    await page.getByText('No call in this time').waitFor()

    await page.goto(`${callgate.url}/console/projects/garden/usage?from=1999-01-01T00:00Z&to=2000-01-01T00:00Z`)
    await page.getByRole('alert').getByText('Usage is kept for 5 years').waitFor()
    await page.goto(`${callgate.url}/console/projects/garden/usage?from=2026-02-01T00:00Z&to=2026-01-01T00:00Z`)
    await page.locator('input[type="datetime-local"][aria-invalid="true"]').waitFor()
    expect(await from.getAttribute('aria-invalid')).toBe('true')
    expect(await page.getByText('from must be before to.').count()).toBe(1)
    await page.goto(`${callgate.url}/console/projects/garden/usage?status=teapot`)
    await page.getByRole('alert').getByText('status must be a list of').waitFor()
  })

  test('the last hour is live, on the home page too', async () => {
    const flowers = await mint('flowers', { name: 'live' })
    const page = await openAs('ed', 'usage?range=hour')
    await page.getByText('Live', { exact: true }).waitFor()
    await figure(page, 'Calls', '10')
    expect((await callgate.call('/api/service/flowers/species', { key: flowers.key, body: SPECIES })).status).toBe(200)
    await figure(page, 'Calls', '11')
    await page.getByRole('link', { name: 'Home', exact: true }).click()
    const traffic = page.getByRole('region', { name: 'Traffic' })
    await traffic.getByText('11', { exact: true }).waitFor()
    await traffic.getByRole('link', { name: 'Usage of Garden' }).click()
    await page.waitForURL('**/projects/garden/usage')
  })

  test('a service, an endpoint and a key lead to their usage', async () => {
    const page = await openAs('ed', 'services/plants')
    const week = page.getByRole('region', { name: 'Last 7 days' })
    await week.getByText(/^10 calls · 1 refused · 3 throttled · 95 % within/).waitFor()
    await page.getByRole('link', { name: 'Usage of search: 1 call, Last 7 days' }).click()
    await figure(page, 'Calls', '1')
    expect(new URL(page.url()).search).toBe('?range=week&service=plants&endpoint=search')
    await page.goBack()
    await week.getByRole('link', { name: 'Usage' }).click()
    await figure(page, 'Calls', '10')
    await page.goto(`${callgate.url}/console/projects/garden/services/plants/keys`)
    await page.getByRole('link', { name: 'Usage of eager: 5 calls, Last 7 days' }).click()
    await figure(page, 'Throttled', '3')
    expect(new URL(page.url()).search).toBe(`?range=week&key=${eager.id}`)
    await soon(async () =>
      expect(await page.getByRole('combobox', { name: 'Key', exact: true }).inputValue()).toBe('eager'),
    )
    await page.goBack()
    await page.getByRole('button', { name: 'Actions for idle' }).click()
    await page.getByRole('menuitem', { name: 'Usage' }).click()
    await page.getByText('No call matches these filters in this time').waitFor()
    await soon(async () =>
      expect(await page.getByRole('combobox', { name: 'Key', exact: true }).inputValue()).toBe('idle'),
    )
  })

  test('a viewer sees all of it but the keys that made no call', async () => {
    const page = await openAs('vera', 'usage')
    await figure(page, 'Throttled', '3')
    await page.getByText('Keys without a call are for editors to see.').waitFor()
    expect(await page.getByText('idle').count()).toBe(0)
    await page.getByRole('button', { name: 'Export CSV' }).waitFor()
    await page.goto(`${callgate.url}/console/projects/bank/usage`)
    await page.getByText('There is no such page').or(page.getByText('No such project')).first().waitFor()
  })

  test('an empty project says what to do first', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.goto(`${callgate.url}/console/projects/bank/usage`)
    await page.getByText('Nothing is published here yet').waitFor()
    await page.getByRole('link', { name: 'Go to the services' }).click()
    await page.waitForURL('**/projects/bank/services')
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('main').getByRole('link', { name: 'Upload files' }).click()
    await page.waitForURL('**/projects/bank/datasets/upload')
  })

  test('whatever would break callers says which keys called in the last 7 days, before it is done', async () => {
    const garden = { 'x-project-id': String(callgate.garden) }
    const endpoint = { id: 'second', kind: 'model', model: 'iris', version: 2 }
    const service = {
      asset_type: 'api_service',
      asset_key: 'pinned',
      title: 'Pinned',
      config: { endpoints: [endpoint] },
    }
    const { id } = (await callgate.admin('POST', '/api/publish/assets', service, garden)).json
    await callgate.admin('POST', `/api/publish/assets/${id}/publish`)
    const pinned = await mint('pinned', { name: 'trial' })
    const scored = await callgate.call('/api/service/pinned/second', { key: pinned.key, body: SPECIES })
    expect(scored.status).toBe(200)
    await callgate.admin('PUT', `/api/publish/assets/${id}`, { is_public: true })
    expect((await callgate.call('/api/service/pinned/second', { body: SPECIES })).status).toBe(200)

    const page = await openAs('ed', 'services/plants')
    const asked = page.getByRole('dialog')
    const says = async (lines: string[], not: string[]) => {
      const told = async () =>
        (await asked.getByRole('listitem').allTextContents())
          .join('\n')
          .replaceAll('the last one 1 hour ago', 'the last one within the hour') // the test may run past the full hour
      for (const line of lines) await soon(async () => expect(await told()).toContain(line))
      for (const name of not) expect(await told()).not.toContain(name)
      await asked.getByRole('button', { name: 'Cancel' }).click()
      await asked.waitFor({ state: 'detached' })
    }
    const goto = (path: string) => page.goto(`${callgate.url}/console/projects/garden/${path}`)
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

    await press('Unpublish')
    await says(['calm, 5 calls, the last one within the hour', 'eager, 5 calls'], ['idle', 'trial'])
    await goto('services')
    await page.getByRole('switch', { name: 'Publish Plants' }).press('Space')
    await says(['calm, 5 calls', 'eager, 5 calls'], ['idle'])
    await goto('services/plants/settings')
    await press('Delete service')
    await says(['calm, 5 calls', 'eager, 5 calls'], ['idle'])
    await goto('services/plants/endpoints/search')
    await press('More')
    await page.getByRole('menuitem', { name: 'Remove endpoint' }).click()
    await says(['calm, 1 call,'], ['eager'])
    await goto('services/pinned/settings')
    await page.getByRole('switch', { name: /^Public/ }).click({ force: true })
    await says(['anyone, without a key, 1 call,'], ['trial'])
    await goto('services/plants/keys')
    await page.getByRole('button', { name: 'Actions for calm' }).click()
    await page.getByRole('menuitem', { name: 'Revoke' }).click()
    await says(['plants/plant, 3 calls', 'plants/search, 1 call', 'plants/species, 1 call'], ['greet'])
    await goto('datasets/marts.plants/settings')
    await press('Delete dataset')
    await says(['calm, 4 calls', 'eager, 5 calls'], ['trial'])
    await goto('models/iris')
    await press('Delete model')
    await says(['calm, 1 call', 'trial, 1 call'], ['eager'])
    await goto('models/iris/versions')
    await press('Delete version 2')
    await says(['trial, 1 call'], ['calm', 'eager'])
  })
})
