/** A PostgreSQL database that is connected by the page, and its table published. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'
import { noPostgres, type PostgresServer, startPostgres } from '../query/postgres-server.ts'
import { closeTabs, describeInBrowser, openTab, PASSWORD, signInTo } from './browser.ts'

setDefaultTimeout(180_000)

const reason = noPostgres()
if (reason) console.warn(`console tests of connections are skipped: ${reason}`)

describeInBrowser('connections', () => {
  ;(reason ? describe.skip : describe)('to PostgreSQL', () => {
    const folder = mkdtempSync(join(tmpdir(), 'callgate-connections-'))
    const right = join(folder, 'right')
    const wrong = join(folder, 'wrong')
    let postgres: PostgresServer
    let callgate: Callgate
    let tab: Page
    beforeAll(async () => {
      postgres = await startPostgres()
      await postgres.sql`CREATE TABLE orchids (orchid_id int PRIMARY KEY, name text NOT NULL, price numeric(8,2))`
      await postgres.sql`INSERT INTO orchids VALUES (1, 'Vanda', 19.5), (2, 'Cattleya', 32), (3, 'Phalaenopsis', NULL)`
      writeFileSync(right, postgres.url)
      writeFileSync(wrong, postgres.url.replace(/:[^:@/]+@/, ':not-this-one@'))
      callgate = await startCallgate({
        env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: PASSWORD, ORCHIDS_URL: postgres.url },
        flags: ['--scoring-workers', '1'],
        manifest: { projects: [{ slug: 'garden', name: 'Garden' }] },
      })
      tab = await openTab()
      await signInTo(tab, callgate, 'root')
    })
    afterAll(async () => {
      await closeTabs()
      await cleanUp()
      await postgres?.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    const choose = async (label: string | RegExp, option: string | RegExp) => {
      await tab.getByRole('combobox', { name: label }).click()
      await tab.getByRole('option', { name: option, exact: true }).click()
    }

    test('what fails is said in the server’s words, nothing is kept and no secret is shown', async () => {
      await tab.goto(`${callgate.url}/console/connections`)
      await tab.getByRole('button', { name: 'Add connection' }).click()
      const dialog = tab.getByRole('dialog', { name: 'Add connection' })
      await dialog.getByLabel('Name').fill('nursery')
      await dialog.getByText('File', { exact: true }).click()
      const file = dialog.getByRole('textbox', { name: 'File' })
      const submit = dialog.getByRole('button', { name: 'Add connection' })
      for (const [path, words] of [
        ['relative/path', /absolute/],
        [join(folder, 'nowhere'), /nowhere|cannot be read|is not there/],
        [wrong, /password/],
      ] as const) {
        await file.fill(path)
        await submit.click()
        await dialog.getByText(words).last().waitFor()
      }
      expect(await dialog.textContent()).not.toContain('not-this-one')
      expect((await callgate.admin('GET', '/api/connections')).json.connections).toEqual([])
      await file.fill(right)
      await file.press('Enter')
      await tab.getByText(/^nursery is connected: PostgreSQL/).waitFor()
      const row = tab.getByRole('row', { name: /nursery/ })
      await row.getByText(right).waitFor()
      expect(await tab.locator('body').textContent()).not.toContain('only-for-tests')
    })

    test('a name that is taken is refused at its field, and another connection comes from a variable', async () => {
      await tab.getByRole('button', { name: 'Add connection' }).click()
      const dialog = tab.getByRole('dialog', { name: 'Add connection' })
      await dialog.getByLabel('Name').fill('nursery')
      await dialog.getByRole('textbox', { name: 'Environment variable' }).fill('ORCHIDS_URL')
      await dialog.getByRole('button', { name: 'Add connection' }).click()
      await dialog.getByText('There is a connection nursery already').waitFor()
      await dialog.getByLabel('Name').fill('second')
      await dialog.getByRole('button', { name: 'Add connection' }).click()
      await tab
        .getByRole('row', { name: /second/ })
        .getByText('ORCHIDS_URL')
        .waitFor()
      await tab.getByRole('button', { name: 'Test second' }).press('Enter')
      await tab.getByText(/^PostgreSQL .*, postgres: \d+ ms$/).waitFor()
      await tab.getByRole('button', { name: 'Delete second' }).click()
      await tab.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await tab.getByText('Connection second was deleted').waitFor()
    })

    test('its table is published as rows that are read and written, and as a query', async () => {
      await tab.goto(`${callgate.url}/console/projects/garden/datasets`)
      await tab.getByRole('link', { name: 'Connect data in place' }).click()
      await tab.getByText('Table of a database').click()
      await tab.getByLabel('Dataset name').fill('shop.orchids')
      await choose('Connection', 'nursery')
      await tab.getByRole('textbox', { name: 'Table', exact: true }).fill('public.orchidees')
      await tab.getByRole('button', { name: 'Add dataset' }).click()
      await tab.getByRole('alert').getByText('orchidees').waitFor()
      await tab.getByRole('textbox', { name: 'Table', exact: true }).fill('public.orchids')
      await tab.getByRole('button', { name: 'Add dataset' }).press('Enter')
      await tab.waitForURL('**/datasets/shop.orchids')
      await tab.getByRole('table', { name: 'Preview' }).getByText('Cattleya').waitFor()
      await tab.getByRole('link', { name: 'Settings', exact: true }).last().click()
      await tab.getByRole('switch', { name: /^Endpoints may write to it/ }).press('Space')
      await tab.getByRole('button', { name: 'Save', exact: true }).click()
      await tab.getByText('Writable', { exact: true }).waitFor()

      await tab.goto(`${callgate.url}/console/projects/garden/services`)
      await tab.getByRole('button', { name: 'New service' }).first().click()
      await tab.getByLabel('Title').fill('Orchids')
      await tab.keyboard.press('Enter')
      await addEndpoint(/^Table/, 'rows')
      await choose('Dataset', 'shop.orchids')
      await tab.getByRole('checkbox', { name: /^POST/ }).check()
      await tab.getByRole('table', { name: 'Rows of the preview' }).getByText('Vanda').waitFor()
      await tab.getByRole('button', { name: 'Add to draft' }).click()
      await tab.waitForURL('**/endpoints/rows')
      await tab.getByRole('link', { name: /^Endpoints/ }).click()
      await addEndpoint(/^Query/, 'dear')
      await choose('From', 'shop.orchids')
      await tab.getByRole('button', { name: 'Add filter', exact: true }).click()
      const filter = tab.getByRole('group', { name: 'Filter 1' })
      await filter.getByRole('combobox', { name: 'Column' }).click()
      await tab.getByRole('option', { name: 'price', exact: true }).click()
      await filter.getByRole('combobox', { name: 'Operator' }).click()
      await tab.getByRole('option', { name: 'at least', exact: true }).click()
      await tab.getByRole('group', { name: 'Parameters' }).getByRole('textbox').fill('20')
      await tab.getByText('1 row', { exact: true }).waitFor()
      await tab.getByRole('button', { name: 'Add to draft' }).click()
      await tab.waitForURL('**/endpoints/dear')
      await tab.getByRole('button', { name: 'Publish', exact: true }).click()
      await tab.getByText('Orchids is published').waitFor()

      const [{ id }] = (await callgate.admin('GET', '/api/publish/assets')).json
      const writes = { name: 'shop', allowed_methods: ['GET', 'POST'] }
      const { key } = (await callgate.admin('POST', `/api/publish/assets/${id}/api-keys`, writes)).json
      const added = await callgate.call('/api/service/orchids/rows', {
        key,
        body: { orchid_id: 4, name: 'Dendrobium', price: '45.00' },
      })
      expect(added.status).toBe(201)
      const dear = await callgate.call('/api/service/orchids/dear?price=20', { key })
      expect(dear.json.rows.map((row: { name: string }) => row.name)).toEqual(['Cattleya', 'Dendrobium'])
      expect(await postgres.sql`SELECT name FROM orchids WHERE orchid_id = 4`.values()).toEqual([['Dendrobium']])
    })

    test('a connection in use is not deleted: the server says why', async () => {
      await tab.goto(`${callgate.url}/console/connections`)
      await tab.getByRole('button', { name: 'Delete nursery' }).click()
      const dialog = tab.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await dialog.getByRole('alert').getByText('shop.orchids').waitFor()
      await dialog.getByRole('button', { name: 'Cancel' }).click()
      await tab.getByRole('row', { name: /nursery/ }).waitFor()
    })

    async function addEndpoint(kind: RegExp, id: string): Promise<void> {
      await tab.getByRole('button', { name: 'Add endpoint' }).click()
      await tab.getByRole('menuitem', { name: kind }).click()
      await tab.getByRole('textbox', { name: /^Id/ }).fill(id)
    }
  })
})
