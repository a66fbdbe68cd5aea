/** What pages show is what there is: numbers of any size, what was added or deleted a moment ago, and what could not be read. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Locator, Page } from 'playwright-core'
import type { Callgate } from '../harness.ts'
import {
  describeInBrowser,
  expectAccessible,
  expectNoSideways,
  hasFocus,
  openTab,
  settled,
  signInTo,
  soon,
} from './browser.ts'
import { uploadTable } from './data.ts'
import { DEPLOYED, useConsole } from './world.ts'

setDefaultTimeout(180_000)
/** 2^53 + 1, which a double makes 2^53 of. */
const LARGE = '9007199254740993'

describeInBrowser('as it is', () => {
  const { callgate, openAs } = useConsole()

  test('a model’s integers beyond 2^53 are shown with every digit, where it is tried and where its endpoint is edited', async () => {
    const tab = await openAs('ed', 'models/iris/try')
    const json = `{"predictions":[${LARGE}],"model_id":1,"count":1}`
    await tab.route(/\/api\/models\/\d+\/test$/, route =>
      route.fulfill({ contentType: 'application/json', body: json }),
    )
    await tab.getByRole('button', { name: 'Predict' }).click()
    await tab.getByText(LARGE, { exact: true }).waitFor()
    const raw = tab.getByRole('region', { name: 'As it is answered' }).last()
    await soon(async () => expect(JSON.parse((await raw.textContent())!.replace(LARGE, '0')).predictions).toEqual([0]))
    await soon(async () => expect(await raw.textContent()).toContain(`\n    ${LARGE}\n`))

    await tab.goto(`${callgate.url}/console/projects/garden/services/plants/endpoints/species`)
    const answer = `{"status":200,"body":${json},"log":[],"warnings":[]}`
    await tab.route(/\/try$/, route => route.fulfill({ contentType: 'application/json', body: answer }))
    await tab.getByRole('button', { name: 'Run', exact: true }).click()
    await tab.getByText('Status 200').waitFor()
    await soon(async () => expect(await tab.getByRole('region', { name: 'Answer' }).textContent()).toContain(LARGE))
  })

  test('in the test pane they go from the form to JSON, into the code and back as they were typed', async () => {
    const tab = await openAs('ed', 'services/plants/test?endpoint=species')
    const form = tab.getByRole('form', { name: 'Parameters' })
    const first = form.getByRole('textbox').first()
    await first.fill(LARGE)
    await form.getByText('JSON', { exact: true }).click()
    const body = form.getByRole('textbox', { name: 'JSON body' })
    await soon(async () => expect(await body.inputValue()).toContain(`: ${LARGE}`))
    const code = tab.getByRole('region', { name: 'This call' })
    for (const language of ['curl', 'Python', 'TypeScript']) {
      await tab.getByText(language, { exact: true }).click()
      await soon(async () => expect(await code.last().textContent()).toContain(LARGE))
    }
    await body.fill((await body.inputValue()).replace(LARGE, '9007199254740995'))
    await form.getByText('Form', { exact: true }).click()
    await soon(async () => expect(await form.getByRole('textbox').first().inputValue()).toBe('9007199254740995'))
    await form.getByText('JSON', { exact: true }).click()
    await body.fill('{"rows": []}')
    await form.getByText('Form', { exact: true }).click()
    await form.getByRole('alert').waitFor()
    expect(await body.inputValue()).toBe('{"rows": []}')
  })

  test('where the server is slow, the page that was asked for is said to be read', async () => {
    const tab = await openAs('ed', 'services')
    let answer = () => {}
    const late = new Promise<void>(resolve => {
      answer = resolve
    })
    await tab.route(/\/api\/publish\/assets\/\d+$/, route => late.then(() => route.continue()))
    await tab.getByRole('link', { name: 'Plants' }).click()
    await tab.getByRole('status', { name: 'Loading' }).waitFor()
    expect(await tab.getByRole('heading', { name: 'Services' }).count()).toBe(0)
    answer()
    await tab.getByRole('heading', { name: 'Plants' }).waitFor()
  })

  test('the focus is back at the menu of an endpoint whose removal was not confirmed', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/species')
    const menu = tab.getByRole('button', { name: 'More', exact: true })
    await menu.press('Enter')
    await tab.getByRole('menuitem', { name: 'Remove endpoint' }).press('Enter')
    await tab.getByRole('dialog').getByRole('button', { name: 'Cancel' }).press('Enter')
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    await hasFocus(menu)
  })

  test('a service that is deleted is left for the list, and is not in it; nothing says meanwhile that it is not there', async () => {
    const service = { asset_type: 'api_service', asset_key: 'weeds', title: 'Weeds', config: { endpoints: [] } }
    await callgate.admin('POST', '/api/publish/assets', service, { 'x-project-id': String(callgate.garden) })
    const tab = await openAs('ed', 'services/weeds/settings')
    await settled(tab)
    await tab.evaluate(() => {
      const { titles } = Object.assign(window, { titles: [] as string[] })
      const note = () => {
        const title = document.querySelector('h1')?.textContent ?? ''
        const row = document.querySelector('td')?.closest('table')?.textContent?.includes('Weeds') ? ' with it' : ''
        if (title && titles.at(-1) !== title + row) titles.push(title + row)
      }
      new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true })
    })
    await tab.getByRole('button', { name: 'Delete service' }).click()
    await tab.getByRole('dialog').getByRole('textbox').fill('weeds')
    await tab.getByRole('dialog').getByRole('button', { name: 'Delete service' }).click()
    await tab.getByRole('table', { name: 'Services' }).waitFor()
    await settled(tab)
    const titles = await tab.evaluate(() => (window as unknown as { titles: string[] }).titles)
    expect([titles.at(0), titles.at(-1)]).toEqual(['Weeds', 'Services'])
    expect(titles).not.toContain('There is no such page')
  })

  test('who has opened another page before something is deleted stays there', async () => {
    const service = { asset_type: 'api_service', asset_key: 'moss', title: 'Moss', config: { endpoints: [] } }
    await callgate.admin('POST', '/api/publish/assets', service, { 'x-project-id': String(callgate.garden) })
    const tab = await openAs('ed', 'services/moss/versions')
    await tab.getByRole('navigation', { name: 'Parts of the service' }).getByRole('link', { name: 'Settings' }).click()
    const held = Promise.withResolvers<() => void>()
    await tab.route(/\/publish\/assets\/\d+$/, async route => {
      if (route.request().method() === 'DELETE') await new Promise<void>(resolve => held.resolve(resolve))
      await route.continue()
    })
    await tab.getByRole('button', { name: 'Delete service' }).click()
    await tab.getByRole('dialog').getByRole('textbox').fill('moss')
    await tab.getByRole('dialog').getByRole('button', { name: 'Delete service' }).click()
    const letGo = await held.promise
    await tab.goBack()
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    await tab.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Models' }).click()
    await tab.getByRole('table', { name: 'Models' }).waitFor()
    letGo()
    await tab.getByText('Moss was deleted').waitFor()
    await settled(tab)
    expect(new URL(tab.url()).pathname).toBe('/console/projects/garden/models')
  })

  test('what went wrong before signing in is told in the main part of the page', async () => {
    const tab = await openTab()
    await tab.route(/\/api\/auth\/setup$/, route =>
      route.fulfill({ status: 500, json: { detail: 'Something broke.' } }),
    )
    await tab.goto(`${callgate.url}/console/sign-in`)
    await tab.getByRole('main').getByText('Something broke.').waitFor()
    await expectAccessible(tab, 'sign-in')
  })

  test('a page that is opened while the server does not answer says so, and goes on when it does', async () => {
    const tab = await openAs('ed', 'services')
    const away = /\/api\/|\/-\/alive/
    await tab.route(away, route => route.abort())
    await tab.reload()
    await tab.getByRole('heading', { level: 1, name: 'The server does not answer' }).waitFor()
    await expectAccessible(tab, 'without the server')
    await tab.unroute(away)
    await tab.getByRole('table', { name: 'Services' }).waitFor()
  })

  test('a service whose title is empty is called by its key', async () => {
    const service = { asset_type: 'api_service', asset_key: 'nameless', title: '', config: { endpoints: [] } }
    const project = { 'x-project-id': String(callgate.garden) }
    const { json } = await callgate.admin('POST', '/api/publish/assets', service, project)
    const tab = await openAs('ed', 'services')
    await tab.getByRole('link', { name: 'nameless' }).click()
    await tab.getByRole('heading', { level: 1, name: 'nameless' }).waitFor()
    await callgate.admin('DELETE', `/api/publish/assets/${json.id}`)
  })

  test('a dataset that was uploaded a moment ago can be chosen for an endpoint', async () => {
    const tab = await openAs('ed', 'services/plants/new-endpoint?kind=lookup')
    await tab.getByRole('combobox', { name: /^Dataset/ }).click()
    await tab.getByRole('option', { name: 'marts.plants' }).waitFor()
    await tab.keyboard.press('Escape')
    const open = (name: string) => tab.getByRole('navigation', { name: 'Project' }).getByRole('link', { name }).click()
    await open('Datasets')
    await tab.getByRole('link', { name: 'Upload files' }).click()
    const files = { name: 'ponds.csv', mimeType: 'text/csv', buffer: Buffer.from('pond,depth\n1,2') }
    await tab.locator('input[type="file"]').setInputFiles(files)
    await tab.getByRole('button', { name: 'Import 1 file' }).click()
    await tab.getByRole('link', { name: 'uploads.ponds' }).waitFor()
    await open('Services')
    await tab.getByRole('link', { name: 'Plants' }).click()
    await tab.getByRole('button', { name: 'Add endpoint' }).click()
    await tab.getByRole('menuitem', { name: /^Lookup/ }).click()
    await tab.getByRole('combobox', { name: /^Dataset/ }).click()
    await tab.getByRole('option', { name: 'uploads.ponds' }).waitFor()
  })

  test('what cannot be read is said in the server’s words, and is not waited for', async () => {
    const tab = await openTab()
    await signInTo(tab, callgate, 'ed')
    const problem = { title: 'Error', status: 500, detail: 'The disk is gone.' }
    const fails = (path: RegExp) => tab.route(path, route => route.fulfill({ status: 500, json: problem }))
    const says = async (path: string, prepare?: () => Promise<void>) => {
      await tab.goto(`${callgate.url}/console${path}`)
      await prepare?.()
      await tab.getByText('The disk is gone.').first().waitFor()
      await settled(tab)
    }
    await fails(/\/api\/datasets$/)
    await says('/projects/garden/services/plants/test')
    await says('/projects/garden/services/plants/new-endpoint?kind=lookup')
    await says('/projects/garden/services/plants/keys', () => tab.getByRole('button', { name: 'Mint key' }).click())
    await fails(/\/api\/projects$/)
    await says('/projects')
    await says('/')
  })

  test('what was read stays where it cannot be read again, and why it may be old is said', async () => {
    const tab = await openAs('ed', 'datasets')
    const problem = { title: 'Error', status: 500, detail: 'The disk is gone.' }
    const stays = async (path: string, table: string, request: RegExp) => {
      const page = await tab.context().newPage()
      await page.goto(`${callgate.url}/console/projects/garden/${path}`)
      await page.getByRole('table', { name: table, exact: true }).waitFor()
      await settled(page)
      await page.route(request, route => route.fulfill({ status: 500, json: problem }))
      // what is not fresh any more is read again where the window comes to the front
      await soon(async () => {
        await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')))
        expect(await page.getByText('The disk is gone.').count()).toBeGreaterThan(0)
      })
      expect(await page.getByRole('table', { name: table, exact: true }).count()).toBe(1)
      await page.close()
    }
    await Promise.all([
      stays('datasets', 'Datasets', /\/api\/datasets$/),
      stays('datasets/marts.plants', 'Preview', /\/explore\?/),
      stays('models', 'Models', /\/api\/models$/),
      stays('services/plants/keys', 'Keys', /\/api-keys$/),
      stays('usage?range=week', 'Published, not called', /\/api\/usage(\/top)?\?/),
    ])
  })

  test('on a phone a long name leaves room for what stands beside it, and is told whole', async () => {
    const name = `marts.${'perennials_'.repeat(5)}`.slice(0, 60)
    await uploadTable(callgate, callgate.garden, name, 'a,b\n1,2', { primary_key: 'a' })
    const tab = await openTab({ width: 390, height: 844 })
    await signInTo(tab, callgate, 'ed')
    await tab.goto(`${callgate.url}/console/projects/garden/datasets`)
    const link = tab.getByRole('link', { name })
    await link.hover()
    const cell = tab.locator('td').filter({ has: link })
    await soon(async () => expect(await cell.getAttribute('title')).toBe(name))
    const edge = await tab
      .getByRole('columnheader', { name: 'Rows' })
      .evaluate(head => head.getBoundingClientRect().right)
    expect(edge).toBeLessThan(390)
    await expectWholeMethod(tab, callgate)
  })

  test('on a phone long names of projects, deployments, variables, endpoints and parameters stay within the page', async () => {
    const slug = 'perennials-'.repeat(5)
    const made = await callgate.admin('POST', '/api/projects', { name: 'Perennials'.repeat(6), slug })
    const path = `/api/projects/${made.json.project_id}/deployments`
    const deployment = { name: `${slug}servers`, command: DEPLOYED, env: { [`${'PERENNIAL_'.repeat(6)}`]: 'x' } }
    expect((await callgate.admin('POST', path, deployment)).status).toBe(201)
    const endpoint = { id: slug.repeat(2), kind: 'model', model: 'iris' }
    const asking = { id: 'ask', kind: 'lookup', dataset: 'm.none', key_column: 'a', key_param: 'Perennials'.repeat(9) }
    const config = { endpoints: [endpoint, asking] }
    const service = { asset_type: 'api_service', asset_key: 'long', title: 'Long', config }
    await callgate.admin('POST', '/api/publish/assets', service, { 'x-project-id': `${made.json.project_id}` })
    const tab = await openTab({ width: 390, height: 844 })
    await signInTo(tab, callgate, 'root')
    for (const [page, heading] of [
      ['/', 'Home'],
      ['/users/2', 'ed'],
      [`/projects/${slug}/deployments`, 'Deployments'],
      [`/projects/${slug}/deployments/${deployment.name}/settings`, deployment.name],
      // of the project that was looked at last
      ['/', 'Home'],
      [`/projects/${slug}/services/long/test?endpoint=ask`, 'Long'],
      [`/projects/${slug}/services/long/endpoints/${endpoint.id}`, 'Long'],
    ] as const) {
      await tab.goto(`${callgate.url}/console${page}`)
      await tab.getByRole('heading', { level: 1, name: heading }).waitFor()
      await settled(tab)
      await expectNoSideways(tab, page)
      await expectAccessible(tab, page)
    }
    const kind = tab.getByRole('main').getByText('Model', { exact: true }).first()
    expect(await kind.evaluate(text => text.scrollWidth <= text.clientWidth)).toBe(true)
    await tab.goto(`${callgate.url}/console/projects/${slug}/deployments/${deployment.name}/settings`)
    await tab.getByRole('button', { name: 'Delete deployment' }).click()
    const close = tab.getByRole('dialog').getByRole('button', { name: 'Close' })
    await soon(async () => expect((await close.boundingBox())!.x).toBeLessThan(350))
  })

  test('with the colours of a system in high contrast, what is chosen or on can be told from what is not', async () => {
    const tab = await openTab()
    await signInTo(tab, callgate, 'root')
    await tab.emulateMedia({ forcedColors: 'active' })
    await tab.goto(`${callgate.url}/console/projects/garden/services`)
    /** All that is drawn of an element but its text. */
    const drawn = (element: Locator) =>
      element.evaluate(node => {
        const { backgroundColor, borderBottomColor, borderBottomWidth, textDecorationLine } = getComputedStyle(node)
        return [backgroundColor, borderBottomColor, borderBottomWidth, textDecorationLine].join()
      })
    const track = (name: string) => tab.getByRole('row', { name }).locator('.mantine-Switch-track')
    await tab.getByRole('row', { name: 'Not yet published' }).waitFor()
    const [on, off] = [await drawn(track('Plants')), await drawn(track('Not yet published'))]
    expect(on).not.toBe(off)
    expect(off).not.toContain(',0px,')
    const links = tab.getByRole('navigation', { name: 'Project', exact: true })
    expect(await drawn(links.getByRole('link', { name: 'Services' }))).not.toBe(
      await drawn(links.getByRole('link', { name: 'Datasets' })),
    )
    await tab.getByRole('link', { name: 'Plants', exact: true }).click()
    const tabs = tab.getByRole('navigation', { name: 'Parts of the service' })
    await soon(async () =>
      expect(await drawn(tabs.getByRole('link', { name: 'Endpoints' }))).not.toBe(
        await drawn(tabs.getByRole('link', { name: 'Versions' })),
      ),
    )
  })
})

/** Beside a path that takes several lines. */
async function expectWholeMethod(tab: Page, callgate: Callgate): Promise<void> {
  await tab.goto(`${callgate.url}/console/projects/garden/services/plants/test?endpoint=plant`)
  const badge = tab.getByRole('form', { name: 'Parameters' }).getByText('GET', { exact: true })
  expect(await badge.evaluate(text => text.scrollWidth <= text.clientWidth)).toBe(true)
}
