/** The whole story of a service in the browser: from an empty project to a call with the key that was copied. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'
import { closeTabs, describeInBrowser, openTab, PASSWORD, signInTo } from './browser.ts'

setDefaultTimeout(90_000)

describeInBrowser('the story', () => {
  let callgate: Callgate
  let tab: Page
  beforeAll(async () => {
    callgate = await startCallgate({
      env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: PASSWORD },
      flags: ['--scoring-workers', '1'],
    })
    tab = await openTab()
  })
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })

  test('a project, its data, a service, an endpoint, a key: and the copied curl line answers', async () => {
    await signInTo(tab, callgate, 'root')
    await tab.goto(`${callgate.url}/console/projects`)
    await tab.getByRole('button', { name: 'New project' }).click()
    await tab.getByLabel(/^Name/).fill('Nursery')
    await tab.getByRole('button', { name: 'Create' }).click()
    await tab.waitForURL('**/console/projects/nursery')
    await uploadPlants('nursery')

    await tab.getByRole('link', { name: 'Services', exact: true }).click()
    await tab.getByRole('button', { name: 'New service' }).first().click()
    await tab.getByLabel('Title').fill('Irises')
    await tab.keyboard.press('Enter')
    await tab.getByText('No endpoint yet').waitFor()
    await tab.getByRole('button', { name: 'Add endpoint' }).press('Enter')
    await tab.getByRole('menuitem', { name: /^Lookup/ }).click()
    await tab.getByRole('textbox', { name: /^Id/ }).fill('plant')
    await choose(/^Dataset/, 'marts.plants')
    await choose(/^Column that is looked up/, 'plant_id')
    await tab.getByRole('button', { name: 'Add to draft' }).click()
    await tab.waitForURL('**/endpoints/plant')
    await tab.getByRole('button', { name: 'Publish', exact: true }).click()
    await tab.getByText('Irises is published').waitFor()

    await tab.getByRole('link', { name: 'Test', exact: true }).press('Enter')
    await tab.getByRole('button', { name: 'Run' }).press('Enter')
    await tab.getByRole('cell', { name: 'Iris setosa' }).waitFor()

    await tab.getByRole('link', { name: 'Keys', exact: true }).last().click()
    await tab.getByText('No key yet').waitFor()
    await tab.getByRole('button', { name: 'Mint key' }).press('Enter')
    const form = tab.getByRole('dialog', { name: 'Mint a key' })
    await form.getByLabel(/^Name/).fill('app')
    await form.getByRole('checkbox', { name: /plant/ }).press('Space')
    await form.getByRole('button', { name: 'Mint key' }).press('Enter')
    const banner = tab.getByRole('region', { name: 'Key app' })
    await banner.getByRole('button', { name: 'Copy: A call with this key' }).press('Enter')
    const copied = await tab.evaluate(() => navigator.clipboard.readText())
    expect(copied).toStartWith('curl ')
    const { stdout } = Bun.spawnSync(['bash', '-c', copied])
    const { rows } = JSON.parse(stdout.toString())
    expect(rows).toMatchObject([{ plant_id: 1, species: 'Iris setosa', height_cm: 42.5 }])
    await banner.getByRole('button', { name: 'I have copied it' }).press('Enter')
    expect(await tab.getByRole('row', { name: /app/ }).textContent()).toContain('plant')
  })

  async function uploadPlants(slug: string): Promise<void> {
    const projects = (await callgate.admin('GET', '/api/projects')).json.items as { project_id: number; slug: string }[]
    const body = new FormData()
    body.set('name', 'marts.plants')
    body.set('primary_key', '["plant_id"]')
    body.set('file', Bun.file(join(import.meta.dir, 'plants.csv')), 'plants.csv')
    const headers = {
      authorization: `Bearer ${callgate.adminToken}`,
      'x-project-id': String(projects.find(project => project.slug === slug)!.project_id),
    }
    const answer = await fetch(`${callgate.url}/api/datasets/file/upload`, { method: 'POST', headers, body })
    expect(answer.status).toBe(201)
  }

  async function choose(label: RegExp, option: string): Promise<void> {
    await tab.getByRole('combobox', { name: label }).click()
    await tab.getByRole('option', { name: option, exact: true }).click()
  }
})
