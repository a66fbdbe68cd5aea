/** What people do with datasets in the console. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { describeInBrowser, expectNoSideways, openTab, signInTo, soon } from './browser.ts'
import { keepersCsv, uploadTable } from './data.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('datasets', () => {
  const { callgate, openAs } = useConsole()

  const dataset = async (name: string) =>
    (await callgate.admin('GET', `/api/datasets/${name}`, undefined, { 'x-project-id': String(callgate.garden) })).json
  const column = async (name: string, of: string) =>
    (await dataset(name)).columns.find((c: { name: string }) => c.name === of)

  test('several files are imported at once, and each says what came of it', async () => {
    const tab = await openAs('ed', 'datasets')
    await tab.getByRole('link', { name: 'Upload files' }).click()
    await tab.locator('input[type=file]').setInputFiles([
      { name: 'more keepers.csv', mimeType: 'text/csv', buffer: Buffer.from(keepersCsv(300)) },
      { name: 'paths.csv.gz', mimeType: 'application/gzip', buffer: gzipSync('path,metres\nrose walk,120\n') },
      { name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{"a": ') },
      { name: 'notes.docx', mimeType: 'application/octet-stream', buffer: Buffer.from('x') },
    ])
    const card = (name: string) => tab.getByRole('region', { name })
    await soon(async () =>
      expect(await card('more keepers.csv').getByLabel('Dataset name').inputValue()).toBe('uploads.more_keepers'),
    )
    await card('more keepers.csv').getByLabel('Primary key').fill('keeper_id')
    await card('notes.docx').getByText('no file that is read here').waitFor()
    await tab.getByRole('button', { name: 'Import 3 files' }).click()
    await card('more keepers.csv').getByText('300 rows in').waitFor()
    await card('paths.csv.gz').getByRole('link', { name: 'uploads.paths' }).waitFor()
    await card('broken.json').getByRole('alert').waitFor()
    expect((await dataset('uploads.more_keepers')).primary_key).toEqual(['keeper_id'])
    expect((await dataset('uploads.broken')).status).toBe(404)
    await card('more keepers.csv').getByRole('link', { name: '2 columns look personal: decide' }).click()
    await tab.getByText('2 columns look personal.').waitFor()
  })

  test('a name that is taken is refused in the words of the server, and replaced when that is asked for', async () => {
    const fields = { primary_key: 'a', indexes: '[["b"]]' }
    await uploadTable(callgate, callgate.garden, 'uploads.taken', 'a,b\n1,x\n2,y', fields)
    const tab = await openAs('ed', 'datasets/upload')
    await tab.locator('input[type=file]').setInputFiles({
      name: 'taken.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('a,b\n1,x\n2,y\n3,z\n'),
    })
    await tab.getByRole('button', { name: 'Import 1 file' }).click()
    await tab.getByRole('alert').getByText('has a dataset uploads.taken already').waitFor()
    expect((await dataset('uploads.taken')).row_count).toBe(2)
    await tab.getByLabel('Replace the rows of the dataset of this name').check()
    await soon(async () => expect(await tab.getByLabel('Primary key').inputValue()).toBe('a'))
    await tab.getByRole('button', { name: 'Try again' }).click()
    await tab.getByText('3 rows in').waitFor()
    expect(await dataset('uploads.taken')).toMatchObject({ row_count: 3, primary_key: ['a'], indexes: [['b']] })
  })

  test('new rows keep the key and the indexes of before, however late these are read', async () => {
    const fields = { primary_key: 'a', indexes: '[["b"]]' }
    await uploadTable(callgate, callgate.garden, 'uploads.keyed', 'a,b\n1,x\n2,y', fields)
    const tab = await openAs('ed', 'datasets')
    let readOn = () => {}
    const late = new Promise<void>(resolve => {
      readOn = resolve
    })
    const isList = /\/api\/datasets$/
    await tab.route(isList, route => late.then(() => route.continue()))
    await tab.goto(`${callgate.url}/console/projects/garden/datasets/upload?name=uploads.keyed`)
    await tab.getByRole('heading', { level: 1, name: 'Upload datasets' }).waitFor()
    expect(await tab.locator('input[type=file]').count()).toBe(0)
    readOn()
    await tab.getByText('Drop a file here').waitFor()
    await tab.locator('input[type=file]').setInputFiles({
      name: 'any.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('a,b\n1,x\n2,y\n3,z\n'),
    })
    await tab.getByRole('button', { name: 'Import 1 file' }).click()
    await tab.getByText('3 rows in').waitFor()
    expect(await dataset('uploads.keyed')).toMatchObject({ row_count: 3, primary_key: ['a'], indexes: [['b']] })
    await tab.unroute(isList)
  })

  test('the preview is what a viewer sees, and everything for those who may', async () => {
    const tab = await openAs('ed', 'datasets/marts.keepers')
    const preview = tab.getByRole('table', { name: 'Preview' })
    await preview.getByRole('cell', { name: 'A. L.', exact: true }).first().waitFor()
    expect(await preview.textContent()).not.toMatch(/@|Lovelace/)
    await tab.getByText('Everything', { exact: true }).click()
    await preview.getByText('ada.lovelace0@garden.example').waitFor()
    expect(tab.url()).toEndWith('?raw=true')
    await tab.getByRole('button', { name: '3', exact: true }).click()
    await preview.getByRole('cell', { name: '1001', exact: true }).waitFor()
    await tab.goBack()
    await preview.getByRole('cell', { name: '1', exact: true }).first().waitFor()
  })

  test('long names and descriptions stay on the page, and what there is no room for is said', async () => {
    const long = 'c'.repeat(63)
    await uploadTable(callgate, callgate.garden, 'uploads.wide', `${long},b\n1,2`)
    const headers = { 'x-project-id': String(callgate.garden) }
    const description = `See https://wiki.example/${'path/'.repeat(400)}`
    await callgate.admin('PATCH', '/api/datasets/uploads.wide', { description }, headers)
    const tab = await openTab({ width: 390 })
    await signInTo(tab, callgate, 'ed')
    await tab.goto(`${callgate.url}/console/projects/garden/datasets/uploads.wide`)
    const heading = tab.getByRole('columnheader', { name: long })
    await heading.hover()
    await soon(async () => expect(await heading.getAttribute('title')).toBe(long))
    await tab.getByText('See https://wiki.example/').waitFor()
    await expectNoSideways(tab, 'a dataset with a long description')
  })

  test('a link to a page of rows that are fewer by now shows the last one', async () => {
    const tab = await openAs('ed', 'datasets/marts.keepers?page=99&raw=true')
    await tab.getByText('1,001 to 1,200 of 1,200').waitFor()
    await tab.getByRole('table', { name: 'Preview' }).getByText('1001', { exact: true }).waitFor()
    await tab.goto(`${callgate.url}/console/projects/garden/datasets/marts.beds?page=2`)
    await tab.getByRole('table', { name: 'Preview' }).getByText('tulip').waitFor()
  })

  test('what is proposed of columns is accepted and dismissed by keyboard, and saved together', async () => {
    await uploadTable(callgate, callgate.garden, 'marts.staff', keepersCsv(200))
    const tab = await openAs('ed', 'datasets/marts.staff/columns')
    await tab.getByRole('button', { name: 'Accept what is proposed for full_name' }).press('Enter')
    await tab.getByRole('button', { name: 'Dismiss what is proposed for email' }).press('Enter')
    await tab.getByLabel('Tier of hired').selectOption('medium')
    await tab.getByLabel('Mask of hired').selectOption('year')
    await tab.getByText('3 columns changed').waitFor()
    expect((await column('marts.staff', 'email')).sensitivity).toBe('high')
    await tab.getByRole('button', { name: 'Save' }).press('Enter')
    await tab.getByText('Saved').waitFor()
    expect(await column('marts.staff', 'full_name')).toMatchObject({
      sensitivity: 'medium',
      mask: 'initials',
      proposal: null,
    })
    expect(await column('marts.staff', 'email')).toMatchObject({ sensitivity: 'low', mask: null, proposal: null })
    expect(await column('marts.staff', 'hired')).toMatchObject({ sensitivity: 'medium', mask: 'year' })
  })

  test('a change of somebody else is not overwritten, and nothing that was chosen is lost', async () => {
    await uploadTable(callgate, callgate.garden, 'marts.shared', keepersCsv(50))
    const tab = await openAs('ed', 'datasets/marts.shared/columns')
    await tab.getByLabel('Tier of hourly_rate').selectOption('critical')
    const theirs = { columns: { hourly_rate: { sensitivity: 'medium', mask: 'null' } } }
    await callgate.admin('PATCH', '/api/datasets/marts.shared', theirs, { 'x-project-id': String(callgate.garden) })
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Somebody changed this dataset while you were here').waitFor()
    await tab.getByText('hourly_rate is now medium, null').waitFor()
    expect(await tab.getByLabel('Tier of hourly_rate').inputValue()).toBe('critical')
    expect((await column('marts.shared', 'hourly_rate')).sensitivity).toBe('medium')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Saved').waitFor()
    expect((await column('marts.shared', 'hourly_rate')).sensitivity).toBe('critical')
  })

  test('it is not overwritten either where the page has read it by itself meanwhile; what is beside it is no hindrance', async () => {
    await uploadTable(callgate, callgate.garden, 'marts.reread', keepersCsv(50))
    const change = (body: object) =>
      callgate.admin('PATCH', '/api/datasets/marts.reread', body, { 'x-project-id': String(callgate.garden) })
    // what was read is fresh for 5 seconds, and read again after that when the window comes to the front
    const readAgain = (tab: Page) =>
      Promise.all([
        tab.waitForResponse(response => response.url().endsWith('/api/datasets/marts.reread')),
        tab.waitForTimeout(5100).then(() => tab.evaluate(() => window.dispatchEvent(new Event('visibilitychange')))),
      ])
    const tab = await openAs('ed', 'datasets/marts.reread/columns')
    await tab.getByLabel('Tier of hourly_rate').selectOption('high')
    await change({ description: 'Whose hours these are' })
    await readAgain(tab)
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Saved').waitFor()

    await tab.getByLabel('Tier of hourly_rate').selectOption('medium')
    await change({ columns: { hourly_rate: { sensitivity: 'critical', mask: null } } })
    await readAgain(tab)
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('hourly_rate is now critical').waitFor()
    expect((await column('marts.reread', 'hourly_rate')).sensitivity).toBe('critical')
    await tab.getByRole('button', { name: 'Discard' }).click()

    await tab.getByRole('link', { name: 'Settings', exact: true }).last().click()
    await tab.getByLabel('Description').fill('Mine')
    await change({ description: 'Theirs' })
    await readAgain(tab)
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Somebody changed this dataset while you were here').waitFor()
    expect((await dataset('marts.reread')).description).toBe('Theirs')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Saved').last().waitFor()
    expect((await dataset('marts.reread')).description).toBe('Mine')
  })

  test('what has just been changed was changed just now, on a page that has stood for a while', async () => {
    await uploadTable(callgate, callgate.garden, 'marts.told', 'a\n1')
    const tab = await openTab()
    // the page is opened half a minute ago
    await tab.addInitScript(() => {
      const { now } = Date
      Object.assign(window, { late: 25_000 })
      Date.now = () => now() - (window as unknown as { late: number }).late
    })
    await signInTo(tab, callgate, 'ed')
    await tab.goto(`${callgate.url}/console/projects/garden/datasets/marts.told/settings`)
    const changed = tab.locator('dt', { hasText: 'Changed' }).locator('..').getByRole('time')
    const before = await changed.getAttribute('datetime')
    await tab.evaluate(() => Object.assign(window, { late: 0 }))
    await tab.getByLabel('Description').fill('Told')
    await tab.getByRole('button', { name: 'Save' }).click()
    await soon(async () => expect(await changed.getAttribute('datetime')).not.toBe(before))
    expect(await changed.textContent()).toBe('just now')
  })

  test('what was changed and not saved is asked about before the page is left', async () => {
    const tab = await openAs('ed', 'datasets/marts.keepers/settings')
    await tab.getByLabel('Description').fill('Who looks after the beds')
    await tab.getByRole('link', { name: 'Models', exact: true }).click()
    await tab.getByRole('button', { name: 'Stay' }).click()
    expect(await tab.getByLabel('Description').inputValue()).toBe('Who looks after the beds')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Saved').waitFor()
    expect((await dataset('marts.keepers')).description).toBe('Who looks after the beds')
  })

  test('what is in use says so and stays; what is not is deleted', async () => {
    const tab = await openAs('ed', 'datasets/marts.keepers/settings')
    const remove = async (name: string) => {
      await tab.getByRole('button', { name: 'Delete dataset' }).click()
      const dialog = tab.getByRole('dialog')
      expect(await dialog.getByRole('button', { name: 'Delete dataset' }).isDisabled()).toBe(true)
      await dialog.getByLabel(`Type ${name} to go on`).fill(name)
      await dialog.getByRole('button', { name: 'Delete dataset' }).click()
      return dialog
    }
    const { json: services } = await callgate.admin('GET', '/api/publish/assets')
    const service = services.find((s: { asset_key: string }) => s.asset_key === 'keepers').id
    const { key } = (await callgate.admin('POST', `/api/publish/assets/${service}/api-keys`, { name: 'garden app' }))
      .json
    expect((await callgate.call('/api/service/keepers/keeper?id=1', { key })).status).toBe(200)
    const refused = await remove('marts.keepers')
    await refused.getByText('keepers/keeper').waitFor()
    await refused.getByText('garden app').waitFor()
    await refused.getByRole('alert').getByText('would break what is published').waitFor()
    await refused.getByRole('button', { name: 'Cancel' }).click()
    expect((await dataset('marts.keepers')).row_count).toBe(1200)
    await uploadTable(callgate, callgate.garden, 'marts.unused', 'a\n1')
    await tab.goto(`${callgate.url}/console/projects/garden/datasets/marts.unused/settings`)
    await remove('marts.unused')
    await tab.getByRole('heading', { level: 1, name: 'Datasets' }).waitFor()
    expect((await dataset('marts.unused')).status).toBe(404)
  })

  test('a viewer sees all of it, masked, and can change nothing', async () => {
    const tab = await openAs('vera', 'datasets')
    await tab.getByRole('link', { name: 'marts.keepers' }).click()
    const preview = tab.getByRole('table', { name: 'Preview' })
    await preview.getByRole('cell', { name: 'A. L.', exact: true }).first().waitFor()
    expect(await tab.getByText('Everything', { exact: true }).count()).toBe(0)
    await tab.getByRole('link', { name: 'Columns' }).click()
    await tab.getByRole('table', { name: 'Columns' }).getByText('medium').first().waitFor()
    await soon(async () => expect(await tab.getByRole('combobox').count()).toBe(1)) // the project switcher is a text box with a list
    await tab.getByRole('link', { name: 'Settings' }).click()
    await tab.getByLabel('Description').waitFor()
    for (const name of ['Save', 'Delete dataset', 'Upload new rows', 'Accept all'])
      expect([name, await tab.getByRole('button', { name }).count()]).toEqual([name, 0])
  })
})
