/** Services in the console: from nothing to a published endpoint, and what happens when two people are at it. */
import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { describeInBrowser, openTab, settled, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('services', () => {
  const { callgate } = useConsole()
  let tab: Page
  beforeAll(async () => {
    tab = await openTab()
    await signInTo(tab, callgate, 'ed')
  })

  const open = (page: Page, path: string) => page.goto(`${callgate.url}/console/projects/garden/services${path}`)
  const stored = async (key: string) => {
    const rows = (await callgate.admin('GET', '/api/publish/assets')).json as { asset_key: string; id: number }[]
    const { json, headers } = await callgate.admin(
      'GET',
      `/api/publish/assets/${rows.find(r => r.asset_key === key)!.id}`,
    )
    return { ...json, etag: headers.get('etag')! }
  }
  const save = async (key: string, change: (endpoints: Record<string, unknown>[]) => object[]) => {
    const { id, config } = await stored(key)
    const body = { config: { ...config, endpoints: change(config.endpoints) }, change_note: 'from elsewhere' }
    expect((await callgate.admin('PUT', `/api/publish/assets/${id}`, body)).status).toBe(200)
  }
  const choose = async (page: Page, label: string | RegExp, option: string) => {
    await page.getByRole('combobox', { name: label }).click()
    await page.getByRole('option', { name: option, exact: true }).click()
  }

  test('a query is built as a form, seen as it is built, saved, published and served', async () => {
    await open(tab, '')
    await tab.getByRole('button', { name: 'New service' }).click()
    await tab.getByLabel('Title').fill('Tall Irises')
    await soon(async () => expect(await tab.getByRole('textbox', { name: /^Key/ }).inputValue()).toBe('tall-irises'))
    await tab.getByRole('button', { name: 'Create' }).click()
    await tab.getByText('No endpoint yet').waitFor()
    expect(new URL(tab.url()).pathname).toBe('/console/projects/garden/services/tall-irises')

    await tab.getByRole('button', { name: 'Add endpoint' }).click()
    await tab.getByRole('menuitem', { name: /^Query/ }).click()
    await tab.getByRole('textbox', { name: /^Id/ }).fill('by_bed')
    await choose(tab, /^From/, 'marts.plants')
    await tab.getByRole('table', { name: 'Rows of the preview' }).waitFor()
    await tab.getByText('SELECT "t0"."plant_id"').waitFor()

    const expectColumns = (...names: string[]) =>
      soon(async () => expect(await tab.getByRole('columnheader').allInnerTexts()).toEqual(names))
    await choose(tab, 'Group by', 'bed')
    await expectColumns('bed')
    await tab.getByRole('option', { name: 'species', exact: true }).click()
    await expectColumns('bed', 'species')
    await tab.getByRole('option', { name: 'species', exact: true }).click()
    await tab.keyboard.press('Escape')
    await expectColumns('bed')
    const addAggregate = tab.getByRole('button', { name: 'Add aggregate' })
    await addAggregate.click()
    await addAggregate.click()
    const second = (name: string) => tab.getByRole('group', { name, exact: true })
    await second('count_2').getByRole('combobox', { name: 'Aggregate' }).click()
    await tab.getByRole('option', { name: 'greatest', exact: true }).click()
    await second('max').getByRole('combobox', { name: 'Column' }).click()
    await tab.getByRole('option', { name: 'height_cm', exact: true }).click()
    await tab.getByRole('columnheader', { name: 'max_height_cm' }).waitFor()
    await second('max_height_cm').getByLabel('Name in the answer').fill('tallest')
    await tab.getByRole('columnheader', { name: 'tallest' }).waitFor()
    await tab.getByRole('button', { name: 'Add filter', exact: true }).click()
    await tab.getByRole('group', { name: 'Filter 1' }).getByRole('combobox', { name: 'Operator' }).click()
    await tab.getByRole('option', { name: 'at least', exact: true }).click()
    await tab.getByRole('group', { name: 'Parameters' }).getByRole('textbox').fill('4')
    await tab.getByText('2 rows').waitFor()

    await tab.keyboard.press('Control+s')
    await tab.getByRole('heading', { level: 2, name: 'by_bed' }).waitFor()
    expect((await stored('tall-irises')).config.endpoints).toEqual([
      {
        id: 'by_bed',
        kind: 'sql',
        query: {
          source: { schema: 'marts', table: 'plants' },
          columns: ['bed', { fn: 'count' }, { fn: 'max', column: 'height_cm', as: 'tallest' }],
          group_by: ['bed'],
          filters: [{ column: 'plant_id', op: 'gte', param: 'plant_id' }],
        },
      },
    ])
    await tab.getByRole('button', { name: 'Publish' }).click()
    await tab.getByText('Tall Irises is published').waitFor()
    const { json } = await callgate.admin('POST', `/api/publish/assets/${(await stored('tall-irises')).id}/api-keys`, {
      name: 'e2e',
    })
    const served = await callgate.call('/api/service/tall-irises/by_bed?plant_id=4', { key: json.key })
    expect([served.status, served.json.count]).toEqual([200, 2])
  })

  test('a name that was typed stays where what it is of changes, also one as counts are given', async () => {
    const tab = await openTab()
    await signInTo(tab, callgate, 'ed')
    await tab.goto(`${callgate.url}/console/projects/garden/services/plants/endpoints/search`)
    await tab.getByRole('button', { name: 'Add aggregate' }).click()
    const entry = (name: string) => tab.getByRole('group', { name, exact: true })
    await entry('count').getByLabel('Name in the answer').fill('count_2')
    await entry('count_2').getByRole('combobox', { name: 'Column' }).click()
    await tab.getByRole('option', { name: 'bed', exact: true }).click()
    await soon(async () =>
      expect(await entry('count_2').getByRole('combobox', { name: 'Column' }).inputValue()).toBe('bed'),
    )
    expect(await entry('count_2').getByLabel('Name in the answer').inputValue()).toBe('count_2')
  })

  test('an endpoint that cannot be published is refused where it is named, and nothing is served', async () => {
    await save('drafts', endpoints => [
      ...endpoints,
      { id: 'broken', kind: 'lookup', dataset: 'marts.nowhere', key_column: 'x' },
    ])
    await open(tab, '/drafts')
    await tab.getByRole('button', { name: 'Publish' }).click()
    await tab.getByRole('alert').getByText('endpoint broken: The project has no dataset').waitFor()
    const row = tab.getByRole('row').filter({ hasText: 'broken' })
    await row.getByText('Refused').waitFor()
    expect(await tab.getByText('Refused').count()).toBe(1)
    await row.getByRole('link', { name: 'broken' }).click()
    await tab.getByRole('heading', { level: 2, name: 'broken' }).waitFor()
    const told = tab.getByRole('alert').filter({ hasText: 'marts.nowhere' })
    await told.first().waitFor()
    const inPreview = tab.getByRole('region', { name: 'Preview' }).getByRole('alert')
    expect((await told.count()) - (await inPreview.count())).toBe(1)
    expect((await stored('drafts')).status).toBe('draft')
    await choose(tab, /^Dataset/, 'marts.plants')
    await choose(tab, /^Column that is looked up/, 'plant_id')
    await tab.keyboard.press('Control+s')
    await tab.getByText('Unsaved changes').waitFor({ state: 'detached' })
    // of the draft as it is now it has not been said
    await soon(async () => expect(await tab.getByText('marts.nowhere').count()).toBe(0))
    await tab.getByRole('link', { name: /^Endpoints/ }).click()
    await tab.getByRole('table', { name: 'Endpoints' }).waitFor()
    expect(await tab.getByText('Refused').count()).toBe(0)
  })

  test('a refusal to save is shown in the server’s words, and what was typed stays', async () => {
    await open(tab, '/plants/endpoints/plant')
    const id = tab.getByRole('textbox', { name: /^Id/ })
    await id.fill('search')
    await tab.getByRole('button', { name: 'Save draft' }).click()
    await tab.getByRole('alert').getByText('Two endpoints have the id search').waitFor()
    expect(await id.inputValue()).toBe('search')
    await tab.getByRole('button', { name: 'Discard changes' }).click()
    await soon(async () => expect(await id.inputValue()).toBe('plant'))
  })

  test('leaving with something unsaved asks first', async () => {
    await open(tab, '/plants/endpoints/plant')
    await tab.getByLabel('Description').fill('One plant')
    await tab.getByRole('link', { name: 'Versions' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: 'Stay' }).click()
    expect(await tab.getByLabel('Description').inputValue()).toBe('One plant')
    await tab.getByRole('link', { name: 'Versions' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
    await tab.getByRole('table', { name: 'Versions' }).waitFor()
    expect((await stored('plants')).config.endpoints[0].description).toBeUndefined()
  })

  test('another tab that changed the same endpoint is noticed: both are shown, neither is lost unasked', async () => {
    await open(tab, '/plants/endpoints/plant')
    await tab.getByLabel('Most rows of an answer').fill('7')
    await save('plants', endpoints => endpoints.map(e => (e.id === 'plant' ? { ...e, max_results: 9 } : e)))
    await tab.getByRole('button', { name: 'Save draft' }).click()
    const alert = tab.getByRole('alert').filter({ hasText: 'The service was changed meanwhile' })
    await alert.locator('del', { hasText: 'max_results: 9' }).waitFor()
    await alert.locator('ins', { hasText: 'max_results: 7' }).waitFor()
    expect((await stored('plants')).config.endpoints[0].max_results).toBe(9)
    await alert.getByRole('button', { name: 'Save mine' }).click()
    await alert.waitFor({ state: 'detached' })
    expect((await stored('plants')).config.endpoints[0].max_results).toBe(7)
  })

  test('a change to another endpoint there is kept beside the one here', async () => {
    await open(tab, '/plants/endpoints/plant')
    await tab.getByLabel('Most rows of an answer').fill('8')
    await save('plants', endpoints => endpoints.map(e => (e.id === 'greet' ? { ...e, description: 'Theirs' } : e)))
    await tab.getByRole('button', { name: 'Save draft' }).click()
    await tab.getByRole('button', { name: 'Save, and keep both' }).click()
    await tab.getByText('Unsaved changes').waitFor({ state: 'detached' })
    const { endpoints } = (await stored('plants')).config
    expect([endpoints[0].max_results, endpoints[3].description]).toEqual([8, 'Theirs'])
  })

  test('a function is written, run before it is saved, and says what it logged and where it failed', async () => {
    await open(tab, '/plants/endpoints/greet')
    const editor = tab.getByRole('textbox', { name: 'Handler' })
    await editor.waitFor()
    await editor.fill(
      'export default ({ body }: { body: { name: string } }, host) => {\n  host.log("met", body.name)\n  return { hi: body.name }\n}',
    )
    await tab.getByRole('button', { name: 'Run' }).click()
    await tab.getByRole('region', { name: 'Answer' }).getByText('"hi": "Ada"').waitFor()
    await tab.getByRole('list', { name: 'Log' }).getByText('met Ada').waitFor()
    await editor.fill('export default () => {\n  throw new Error("no such plant")\n}')
    await tab.getByRole('button', { name: 'Run' }).click()
    await tab.getByText('Error: no such plant').waitFor()
    await tab.getByText('At line 2').waitFor()
    await tab.getByText('Types that a handler may use').click()
    await tab.getByRole('region', { name: 'What a handler may use' }).getByText('export interface Host').waitFor()
    await tab.getByRole('button', { name: 'Discard changes' }).click()
    await soon(async () => expect(await editor.textContent()).toContain('greeting'))
  })

  test('the JSON of an endpoint and its form are one thing', async () => {
    await open(tab, '/plants/endpoints/plant')
    await tab.getByText('JSON', { exact: true }).click()
    const editor = tab.getByRole('textbox', { name: 'The endpoint as JSON' })
    await editor.waitFor()
    await editor.fill('{ "id": "plant", "kind": "lookup"')
    await tab.getByText('This is not valid JSON yet').waitFor()
    await tab.getByText('Form', { exact: true }).click()
    await editor.waitFor({ state: 'hidden' })
    await tab.getByText('JSON', { exact: true }).click()
    await soon(async () => expect(await editor.textContent()).toContain('"kind": "lookup"'))
    await tab.getByText('This is not valid JSON yet').waitFor()
    await editor.fill(
      '{"id":"plant","kind":"lookup","dataset":"marts.plants","key_column":"plant_id","columns":["species"]}',
    )
    await tab.getByText('Form', { exact: true }).click()
    await tab.getByText('Unsaved changes').waitFor()
    await soon(async () => expect(await tab.getByRole('main').textContent()).toContain('species'))
    await tab.getByRole('button', { name: 'Discard changes' }).click()
  })

  test('a number that a browser would round is not saved as another, and reaches a function as it was typed', async () => {
    await open(tab, '/plants/endpoints/plant')
    await tab.getByText('JSON', { exact: true }).click()
    const editor = tab.getByRole('textbox', { name: 'The endpoint as JSON' })
    const withExample = (example: string) =>
      `{"id":"plant","kind":"lookup","dataset":"marts.plants","key_column":"plant_id","key_example":${example}}`
    await editor.fill(withExample('9007199254740993'))
    await tab.getByText('A number in it cannot be kept exactly; write it as a string.').waitFor()
    await soon(async () => expect(await tab.getByRole('button', { name: 'Save draft' }).isDisabled()).toBe(true))
    await editor.fill(withExample('"9007199254740993"'))
    await tab.getByRole('button', { name: 'Discard changes' }).click()
    await open(tab, '/plants/endpoints/greet')
    const sent = tab.waitForRequest(request => request.url().endsWith('/try'))
    await tab.getByRole('textbox', { name: 'The request’s body' }).fill('{"name": 9007199254740993}')
    await tab.getByRole('button', { name: 'Run' }).click()
    expect((await sent).postData()).toContain('"input":{"name": 9007199254740993}')
  })

  test('what differs between the draft and what is served is shown, and an old version comes back as draft', async () => {
    const admin = await openTab()
    await signInTo(admin, callgate, 'root')
    await open(admin, '/plants')
    await admin.getByRole('link', { name: 'Review changes' }).click()
    const difference = admin.getByRole('region', { name: 'Difference' })
    await difference.locator('ins', { hasText: 'max_results: 8' }).waitFor()
    expect(await difference.locator('del').count()).toBe(0)
    await admin.getByRole('button', { name: 'Restore version 1', exact: true }).click()
    await admin.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
    await admin.getByText('Version 1 is the draft again').waitFor()
    await admin.getByText('What is served is the draft.').waitFor()
    const { config, unpublished_changes } = await stored('plants')
    expect([config.endpoints[0].max_results, unpublished_changes]).toEqual([undefined, false])
  })

  test('unpublishing says who called it lately, and asks', async () => {
    const { id } = await stored('plants')
    const { json } = await callgate.admin('POST', `/api/publish/assets/${id}/api-keys`, { name: 'busy app' })
    expect((await callgate.call('/api/service/plants/plant?id=1', { key: json.key })).status).toBe(200)
    await open(tab, '')
    const toggle = tab.getByRole('switch', { name: 'Publish Plants' })
    await toggle.focus()
    await tab.keyboard.press('Space')
    const dialog = tab.getByRole('dialog')
    await dialog.getByText('Unpublish Plants?').waitFor()
    await dialog
      .getByRole('listitem')
      .filter({ hasText: /busy app, 1 call, the last one (within the hour|1 hour ago)/ })
      .waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    expect((await stored('plants')).status).toBe('published')
    await toggle.click({ force: true })
    await tab.getByRole('dialog').getByRole('button', { name: 'Unpublish' }).click()
    await tab.getByText('Plants is no longer published').waitFor()
    expect((await callgate.call('/api/service/plants/plant?id=1', { key: json.key })).status).toBe(404)
    await toggle.click({ force: true })
    await tab.getByText('Plants is published').waitFor()
  })

  test('on a slow server a service that is being published in the list is shown as that', async () => {
    await open(tab, '')
    const held = Promise.withResolvers<() => void>()
    let asked = 0
    await tab.route(/\/publish$/, async route => {
      asked++
      await new Promise<void>(resolve => held.resolve(resolve))
      await route.fulfill({ status: 422, json: { title: 'Unprocessable', detail: 'Not as it stands.' } })
    })
    const publish = tab.getByRole('switch', { name: 'Publish Not yet published' })
    await publish.press('Space')
    const letGo = await held.promise
    await soon(async () => expect(await publish.isChecked()).toBe(true))
    await publish.press('Space')
    letGo()
    await tab.getByText('Not as it stands.').waitFor()
    await soon(async () => expect(await publish.isChecked()).toBe(false))
    expect(asked).toBe(1)
    await tab.unroute(/\/publish$/)
  })

  test('title and access are changed at once; a service is deleted only when its key is typed', async () => {
    await open(tab, '/tall-irises/settings')
    await tab.getByLabel('Title').fill('Tall ones')
    await tab.getByRole('button', { name: 'Save', exact: true }).click()
    await tab.getByRole('heading', { level: 1, name: 'Tall ones' }).waitFor()
    await tab.getByRole('switch', { name: /^Public/ }).click({ force: true })
    await tab.getByRole('button', { name: 'Make public' }).click()
    await tab.getByText('Public', { exact: true }).first().waitFor()
    await soon(async () => expect((await callgate.call('/api/service/tall-irises/by_bed')).status).toBe(200))
    await tab.getByRole('button', { name: 'Delete service' }).click()
    const dialog = tab.getByRole('dialog')
    expect(await dialog.getByRole('button', { name: 'Delete service' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('tall-irises')
    await dialog.getByRole('button', { name: 'Delete service' }).click()
    await tab.getByRole('table', { name: 'Services' }).waitFor()
    expect((await callgate.call('/api/service/tall-irises/by_bed')).status).not.toBe(200)
  })

  test('a viewer sees everything and can change nothing', async () => {
    const viewer = await openTab()
    await signInTo(viewer, callgate, 'vera')
    await open(viewer, '')
    await viewer.getByRole('link', { name: 'Plants' }).waitFor()
    expect(await viewer.getByRole('switch').count()).toBe(0)
    expect(await viewer.getByRole('button', { name: 'New service' }).count()).toBe(0)
    await viewer.getByRole('link', { name: 'Plants' }).click()
    await viewer.getByRole('link', { name: 'search' }).click()
    await viewer.getByText('changing it needs the role editor').waitFor()
    await settled(viewer)
    expect(await viewer.getByRole('textbox', { name: /^Id/ }).isDisabled()).toBe(true)
    for (const name of ['Publish', 'Unpublish', 'Save draft', 'Run', 'Add filter'])
      expect([name, await viewer.getByRole('button', { name, exact: true, disabled: false }).count()]).toEqual([
        name,
        0,
      ])
    await open(viewer, '/plants/settings')
    await viewer.getByRole('heading', { name: 'General' }).waitFor()
    expect(await viewer.getByRole('button', { name: 'Delete service' }).count()).toBe(0)
  })
})
