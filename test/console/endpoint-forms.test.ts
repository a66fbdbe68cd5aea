/** What an endpoint's definition takes, by form: of models, functions, lookups and queries. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { describeInBrowser, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('forms of endpoints', () => {
  const { callgate, openAs } = useConsole()

  const stored = async (service: string, endpoint: string) => {
    const rows = (await callgate.admin('GET', '/api/publish/assets')).json as { asset_key: string; id: number }[]
    const { id } = rows.find(row => row.asset_key === service)!
    const { endpoints } = (await callgate.admin('GET', `/api/publish/assets/${id}`)).json.config
    return endpoints.find((found: { id: string }) => found.id === endpoint)
  }
  const choose = async (tab: Page, label: string | RegExp, option: string | RegExp) => {
    await tab.getByRole('combobox', { name: label }).click()
    await tab.getByRole('option', { name: option }).click()
  }
  const save = async (tab: Page) => {
    await tab.keyboard.press('Control+s')
    await tab.getByText('Unsaved changes').waitFor({ state: 'detached' })
  }

  test('a model’s schema, hooks and porter route are written as a form, checked as they are typed, and served', async () => {
    const tab = await openAs('ed', 'services/flowers/endpoints/species')
    await tab.getByText('Publishing would accept this.').waitFor()

    await tab.getByText('JSON Schema of a row', { exact: true }).click()
    const schema = tab.getByRole('textbox', { name: 'JSON Schema of a row' })
    await schema.fill('{"type": "objekt"}')
    await tab.getByRole('alert').getByText('schema is not a JSON Schema that is understood here').waitFor()
    await schema.fill('{"type": "object", "required": ["X"')
    await tab.getByText('This is not valid JSON yet, and no part of the endpoint').waitFor()
    await schema.fill('{"type": "object", "required": ["X"]}')
    await tab.getByText('Publishing would accept this.').waitFor()

    await tab.getByRole('button', { name: 'Add before' }).click()
    const before = tab.getByRole('textbox', { name: 'Before' })
    await before.fill('export default () => {')
    await tab.getByRole('alert').getByText('before cannot be used').waitFor()
    await before.fill(
      'export default ({ rows }, host) => {\n  host.log("rows", rows.length)\n  return rows.map(row => ({ X: row.X.map(x => x * 1) }))\n}',
    )
    await tab.getByRole('button', { name: 'Add after' }).press('Enter')
    await tab
      .getByRole('textbox', { name: 'After' })
      .fill('export default ({ predictions }) => predictions.map(label => ({ species: label }))')
    await tab.getByText('Publishing would accept this.').waitFor()
    await tab.getByRole('button', { name: 'Run' }).click()
    await tab.getByRole('region', { name: 'Answer' }).getByText('"species": ').waitFor()
    await tab.getByRole('list', { name: 'Log' }).getByText('rows 1').waitFor()

    await tab.getByRole('switch', { name: 'Serve it at porter’s path, too' }).press('Space')
    await tab.getByText('POST /species/v1/prediction').waitFor()
    await tab.getByLabel('Namespace').fill('garden')
    await tab.getByText('POST /garden/species/v1/prediction').waitFor()
    await tab.getByLabel('A path of its own').fill('/api/mine')
    await tab.getByRole('alert').getByText('would shadow another route').waitFor()
    await tab.getByLabel('A path of its own').fill('')
    await tab.getByText('POST /garden/species/v1/prediction').waitFor()
    await tab.getByText('More of this route').click()
    await tab.getByRole('textbox', { name: 'model_meta of every answer' }).fill('{"team": "garden"}')
    await save(tab)
    expect(await stored('flowers', 'species')).toEqual({
      id: 'species',
      kind: 'model',
      model: 'iris',
      schema: { type: 'object', required: ['X'] },
      before: { handler: expect.stringContaining('host.log("rows"') },
      after: { handler: expect.stringContaining('species: label') },
      porter: { namespace: 'garden', meta: { team: 'garden' } },
    })

    await tab.getByRole('button', { name: 'Publish changes' }).click()
    await tab.getByText('Flowers is published').waitFor()
    const rows = (await callgate.admin('GET', '/api/publish/assets')).json as { asset_key: string; id: number }[]
    const { id } = rows.find(row => row.asset_key === 'flowers')!
    const { key } = (await callgate.admin('POST', `/api/publish/assets/${id}/api-keys`, { name: 'e2e' })).json
    const row = { X: [5.1, 3.5, 1.4, 0.2] }
    const served = await callgate.call('/api/service/flowers/species', { key, body: { features: row } })
    expect([served.status, served.json.predictions]).toEqual([200, [{ species: 0 }]])
    const porter = await callgate.call('/garden/species/v1/prediction', { key, body: [{ id: 1, ...row }] })
    expect([porter.status, porter.json.model_context.model_meta]).toEqual([200, { team: 'garden' }])
  })

  test('a version is pinned by its number or its id, and followed again', async () => {
    const tab = await openAs('ed', 'services/drafts/endpoints/species')
    await choose(tab, 'Version', /^Version 2$/)
    await save(tab)
    expect(await stored('drafts', 'species')).toEqual({ id: 'species', kind: 'model', model: 'iris', version: 2 })
    await choose(tab, 'Version', /^model_id \d+ \(version 2\)$/)
    await save(tab)
    const { model_id, ...rest } = await stored('drafts', 'species')
    expect([rest, typeof model_id]).toEqual([{ id: 'species', kind: 'model' }, 'number'])
    await tab.reload()
    await tab
      .getByRole('combobox', { name: 'Version' })
      .and(tab.locator(`[value*="model_id ${model_id}"]`))
      .waitFor()
    await choose(tab, 'Version', /^The active one/)
    await save(tab)
    expect(await stored('drafts', 'species')).toEqual({ id: 'species', kind: 'model', model: 'iris' })
  })

  test('a porter path that another service has is refused before it is saved', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/greet')
    await tab.getByRole('switch', { name: 'Serve it at porter’s path, too' }).press('Space')
    await tab.getByLabel('A path of its own').fill('/garden/species/v1/prediction')
    await tab.getByRole('alert').getByText('is that of service flowers, endpoint species already').waitFor()
    await tab.getByRole('button', { name: 'Discard changes' }).click()
    expect((await stored('plants', 'greet')).porter).toBeUndefined()
  })

  test('what is refused of a field is said beside it, whatever its endpoint is called', async () => {
    const tab = await openAs('ed', 'services/plants/new-endpoint?kind=function')
    await tab.getByRole('textbox', { name: /^Id/ }).fill('price: gross')
    await tab.getByText('Schemas', { exact: true }).click()
    await tab.getByRole('textbox', { name: 'JSON Schema of the answer' }).fill('{"type": "objekt"}')
    const alert = tab.getByRole('alert').getByText('response_schema is not a JSON Schema')
    await alert.waitFor()
    await tab.getByRole('status').getByText('response_schema is not a JSON Schema').waitFor()
  })

  test('what callers are told of parameters, and lists and pairs of values, are fields', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/search')
    const filter = tab.getByRole('group', { name: 'Filter 2' })
    await filter.getByRole('button', { name: 'Describe Filter 2' }).click()
    await filter.getByLabel('What callers are told').fill('At least this tall.')
    await filter.getByLabel('Example').fill('40')
    await tab.getByRole('button', { name: 'Add filter', exact: true }).click()
    const added = tab.getByRole('group', { name: 'Filter 4' })
    await added.getByRole('combobox', { name: 'Column' }).click()
    await tab.getByRole('option', { name: 'species', exact: true }).click()
    await added.getByRole('combobox', { name: 'Operator' }).click()
    await tab.getByRole('option', { name: 'one of', exact: true }).click()
    await added.getByText('Fixed', { exact: true }).click()
    await added.getByLabel('Value', { exact: true }).fill('Iris setosa, the first')
    await added.getByLabel('Value', { exact: true }).press('Enter')
    await added.getByLabel('Value', { exact: true }).fill('Iris virginica')
    await added.getByLabel('Value', { exact: true }).press('Enter')
    await tab.getByText('1 row', { exact: true }).waitFor()
    await tab.getByRole('textbox', { name: 'Title' }).fill('Search plants')
    await save(tab)
    const { title, query } = await stored('plants', 'search')
    expect([title, query.filters[1], query.filters[3]]).toEqual([
      'Search plants',
      {
        column: 'height_cm',
        op: 'gte',
        param: 'min_height',
        default: 0,
        description: 'At least this tall.',
        example: 40,
      },
      { column: 'species', op: 'in', value: ['Iris setosa, the first', 'Iris virginica'] },
    ])
    await added.getByRole('combobox', { name: 'Operator' }).click()
    await tab.getByRole('option', { name: 'is missing', exact: true }).click()
    await tab.getByText('0 rows', { exact: true }).waitFor()
    await tab.getByRole('button', { name: 'Discard changes' }).click()
  })

  test('a table that is joined twice has the form stay, until one of the two is given a name of its own', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/search')
    for (const label of ['Join 1', 'Join 2']) {
      await tab.getByRole('button', { name: 'Join a table' }).click()
      await choose(tab, label, /^marts.beds$/)
    }
    const second = tab.getByRole('group', { name: 'Join 2' })
    // what is not filled in yet is no mistake
    await tab.getByText('Choose tables, and the columns that they are joined or looked up by').waitFor()
    expect(await tab.getByRole('alert').count()).toBe(0)
    await tab.getByRole('button', { name: 'Add filter', exact: true }).click()
    await second.getByLabel('Alias').fill('next')
    for (const [n, group] of [tab.getByRole('group', { name: 'Join 1' }), second].entries()) {
      await group.getByRole('combobox', { name: 'Column here' }).click()
      await tab.getByRole('option', { name: 'plant_id', exact: true }).click()
      await group.getByRole('combobox', { name: 'Column of the joined table' }).click()
      await tab.getByRole('option', { name: ['bed', 'planted'][n]!, exact: true }).click()
    }
    await tab.getByRole('group', { name: 'Filter 5' }).getByRole('combobox', { name: 'Column' }).click()
    await tab.getByRole('option', { name: 'beds.plant', exact: true }).waitFor()
    await tab.getByRole('option', { name: 'next.plant', exact: true }).click()
    await save(tab)
    const { query } = await stored('plants', 'search')
    expect([query.joins, query.filters[4]]).toEqual([
      [
        { schema: 'marts', table: 'beds', on: [{ left: 'plant_id', right: 'bed' }] },
        { schema: 'marts', table: 'beds', as: 'next', on: [{ left: 'plant_id', right: 'planted' }] },
      ],
      { column: 'next.plant', op: 'eq', param: 'plant' },
    ])
    await tab.reload()
    for (const part of ['Join 2', 'Join 1', 'Filter 5'])
      await tab.getByRole('button', { name: `Remove ${part}` }).click()
    await save(tab)
  })

  test('of columns to choose from there are those of the one list that is open, however many columns a query lists', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/search')
    await tab.getByRole('button', { name: 'List all columns' }).click()
    const entry = tab.getByRole('group', { name: 'height_cm', exact: true })
    await entry.waitFor()
    const options = tab.locator('[role="option"]').filter({ hasText: /^height_cm$/ })
    await soon(async () => expect(await options.count()).toBeLessThan(4))
    await entry.getByRole('combobox', { name: 'Column' }).press('ArrowDown')
    await tab.getByRole('option', { name: 'height_cm', exact: true, selected: true }).waitFor()
    await tab.keyboard.press('Escape')
    await tab.getByRole('button', { name: 'Discard changes' }).click()
  })

  test('the usual order is typed as names with commas between them, and a comma is deleted again', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/search')
    const usual = tab.getByRole('group', { name: 'Order 1' }).getByLabel('Default')
    await usual.fill('')
    await usual.pressSequentially('species, -height_cm')
    expect(await usual.inputValue()).toBe('species, -height_cm')
    await save(tab)
    expect((await stored('plants', 'search')).query.order_by[0].default).toEqual(['species', '-height_cm'])
    for (let n = '-height_cm'.length + 2; n > 0; n--) await usual.press('Backspace')
    expect(await usual.inputValue()).toBe('species')
    await save(tab)
    expect((await stored('plants', 'search')).query.order_by[0].default).toBe('species')
  })

  test('a viewer reads code and changes nothing of it', async () => {
    const tab = await openAs('vera', 'services/plants/endpoints/greet')
    const handler = tab.getByRole('textbox', { name: 'Handler' })
    await handler.waitFor()
    await handler.click()
    await tab.keyboard.type('zzz')
    expect(await handler.textContent()).not.toContain('zzz')
    expect(await tab.getByText('Unsaved changes').count()).toBe(0)
  })
})
