/** What somebody typed, and what was made for them, is not lost unasked. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { describeInBrowser, hasFocus, openTab, settled, signInTo, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('nothing is lost', () => {
  const { callgate, openAs } = useConsole()

  /** Opens another page by a link, is asked, and stays. */
  async function isAskedBeforeLeaving(tab: Page): Promise<void> {
    const before = tab.url()
    await tab.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Datasets' }).click()
    await tab.getByRole('button', { name: 'Stay' }).click()
    await tab.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(tab.url()).toBe(before)
  }

  test('an endpoint’s JSON that is not valid yet is unsaved: it is asked about, not saved without, and discarded', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/plant')
    await tab.getByText('JSON', { exact: true }).click()
    const json = tab.getByRole('textbox', { name: 'The endpoint as JSON' })
    await json.fill('{ "id": "plant", "kind": ')
    await tab.getByText('cannot be read yet').waitFor()
    await tab.getByText('Unsaved changes', { exact: true }).waitFor()
    await soon(async () => expect(await tab.getByRole('button', { name: 'Save draft' }).isDisabled()).toBe(true))
    await isAskedBeforeLeaving(tab)
    expect(await json.textContent()).toContain('"kind": ')
    await tab.getByRole('button', { name: 'Discard' }).click()
    await tab.waitForFunction(() => document.querySelector('.cm-content')?.textContent?.includes('key_column'))
    await soon(async () => expect(await tab.getByRole('button', { name: 'Save draft' }).count()).toBe(0))
  })

  test('a schema that is not valid yet stays where its part is closed, and keeps the form open', async () => {
    const tab = await openAs('ed', 'services/plants/endpoints/greet')
    await tab.getByText('Schemas', { exact: true }).click()
    const schema = tab.getByRole('textbox', { name: 'JSON Schema of the request’s body' })
    await schema.fill('{"type": ')
    await tab.getByText('cannot be read yet').waitFor()
    await tab.getByText('Schemas', { exact: true }).click()
    await schema.waitFor({ state: 'hidden' })
    await isAskedBeforeLeaving(tab)
    await soon(async () => expect(await tab.getByRole('radio', { name: 'JSON' }).isDisabled()).toBe(true))
    await tab.getByText('Schemas', { exact: true }).click()
    await soon(async () => expect(await schema.textContent()).toContain('{"type": '))
    await tab.getByRole('button', { name: 'Discard' }).click()
    await soon(async () => expect(await tab.getByRole('radio', { name: 'JSON' }).isDisabled()).toBe(false))
  })

  test('so is a deployment’s', async () => {
    const tab = await openAs('root', 'deployments/species/settings')
    await tab.getByText('JSON', { exact: true }).click()
    await tab.getByRole('textbox', { name: 'The definition as JSON' }).fill('{ "model": "iris", ')
    await tab.getByText('cannot be read yet').waitFor()
    await soon(async () => expect(await tab.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true))
    await isAskedBeforeLeaving(tab)
    await tab.getByRole('button', { name: 'Discard' }).click()
    await tab.waitForFunction(() => document.querySelector('.cm-content')?.textContent?.includes('iris"}'))
  })

  test('what is typed while a deployment is saved stays, unsaved yet', async () => {
    const tab = await openAs('root', 'deployments/sentiment/settings')
    const held = Promise.withResolvers<() => void>()
    await tab.route(/\/deployments\/sentiment$/, async route => {
      if (route.request().method() === 'PATCH') await new Promise<void>(resolve => held.resolve(resolve))
      await route.continue()
    })
    await tab.getByRole('textbox', { name: 'Health path' }).fill('/well')
    await tab.getByRole('button', { name: 'Save', exact: true }).click()
    const letGo = await held.promise
    const cwd = tab.getByRole('textbox', { name: 'Working directory' })
    await cwd.fill('/typed/meanwhile')
    letGo()
    await tab.getByText('Saved', { exact: true }).waitFor()
    expect(await cwd.inputValue()).toBe('/typed/meanwhile')
    await isAskedBeforeLeaving(tab)
    await tab.getByRole('button', { name: 'Discard' }).click()
    await soon(async () => expect(await cwd.inputValue()).not.toBe('/typed/meanwhile'))
    expect(await tab.getByRole('textbox', { name: 'Health path' }).inputValue()).toBe('/well')
  })

  test('so does what is typed while an endpoint is saved, a new one too: it is no change of somebody else’s', async () => {
    const service = { asset_type: 'api_service', asset_key: 'ponds', title: 'Ponds', config: { endpoints: [] } }
    const project = { 'x-project-id': String(callgate.garden) }
    const { id } = (await callgate.admin('POST', '/api/publish/assets', service, project)).json
    const tab = await openAs('ed', 'services/ponds/new-endpoint?kind=lookup')
    await tab.getByRole('textbox', { name: /^Id/ }).fill('pond')
    await tab.getByRole('combobox', { name: /^Dataset/ }).click()
    await tab.getByRole('option', { name: 'marts.plants' }).click()
    await tab.getByRole('combobox', { name: /^Column that/ }).click()
    await tab.getByRole('option', { name: 'plant_id' }).click()
    const title = tab.getByRole('textbox', { name: /^Title/ })
    const saves = async (button: string, typed: string) => {
      const held = Promise.withResolvers<() => void>()
      await tab.route(/\/api\/publish\/assets\/\d+$/, async route => {
        if (route.request().method() === 'PUT') await new Promise<void>(resolve => held.resolve(resolve))
        await route.continue()
      })
      await tab.getByRole('button', { name: button }).click()
      const letGo = await held.promise
      await title.fill(typed)
      letGo()
      await tab.getByText('The draft was saved').last().waitFor()
      await tab.unroute(/\/api\/publish\/assets\/\d+$/)
      await settled(tab)
      expect(await title.inputValue()).toBe(typed)
      await tab.getByText('Unsaved changes', { exact: true }).waitFor()
      expect(await tab.getByText('The service was changed meanwhile').count()).toBe(0)
    }
    await saves('Add to draft', 'Typed meanwhile')
    await isAskedBeforeLeaving(tab)
    await tab.getByRole('button', { name: 'Add to draft' }).click()
    await tab.waitForURL(/\/endpoints\/pond$/)
    expect(await title.inputValue()).toBe('Typed meanwhile')
    await title.fill('Once more')
    await saves('Save draft', 'Once more, meanwhile')
    await tab.getByRole('button', { name: 'Discard' }).click()
    await soon(async () => expect(await title.inputValue()).toBe('Once more'))
    const { endpoints } = (await callgate.admin('GET', `/api/publish/assets/${id}`)).json.config
    expect(endpoints).toMatchObject([{ id: 'pond', title: 'Once more' }])
  })

  test('what was typed for a deployment of another kind than the one that is looked at is asked about, too', async () => {
    const tab = await openAs('root', 'new-deployment')
    await tab.getByRole('textbox', { name: 'Command' }).fill('python3 server.py')
    await tab.getByText('Upstream', { exact: true }).click()
    await tab.getByRole('textbox', { name: 'URL' }).waitFor()
    await isAskedBeforeLeaving(tab)
    await tab.getByText('Command', { exact: true }).first().click()
    expect(await tab.getByRole('textbox', { name: 'Command' }).inputValue()).toBe('python3 server.py')
  })

  test('what was typed into a dialog is there after a click beside it, and a key is asked about before the page is left', async () => {
    const page = await openAs('root', 'services')
    await page.getByRole('button', { name: 'New service' }).click()
    const service = page.getByRole('dialog', { name: 'New service' })
    await service.getByLabel(/^Title/).fill('half typed')
    await page.mouse.click(20, 880)
    await page.keyboard.press('Tab')
    expect(await service.getByLabel(/^Title/).inputValue()).toBe('half typed')
    await service.getByRole('button', { name: 'Cancel' }).click()
    await service.waitFor({ state: 'detached' })

    await page.getByRole('link', { name: 'Plants', exact: true }).click()
    await page.getByRole('link', { name: /^Keys/ }).last().click()
    await page.getByRole('button', { name: 'Mint key' }).click()
    const key = page.getByRole('dialog', { name: 'Mint a key' })
    await key.getByLabel(/^Name/).fill('half typed')
    await page.goBack()
    const asked = page.getByRole('dialog', { name: 'Leave without saving?' })
    await asked.getByRole('button', { name: 'Stay' }).click()
    await asked.waitFor({ state: 'detached' })
    expect(await key.getByLabel(/^Name/).inputValue()).toBe('half typed')
    await page.goBack()
    await asked.waitFor()
    await page.keyboard.press('Escape') // as Stay
    await asked.waitFor({ state: 'detached' })
    expect(await key.getByLabel(/^Name/).inputValue()).toBe('half typed')
    await page.goBack()
    await asked.getByRole('button', { name: 'Leave' }).click()
    await key.waitFor({ state: 'detached' })
    await page.getByRole('table', { name: 'Endpoints' }).waitFor()
  })

  test('what was typed into any dialog is asked about before the page is left; making the thing asks nothing', async () => {
    const page = await openAs('root', 'usage')
    const asked = page.getByRole('dialog', { name: 'Leave without saving?' })
    const typeAndGoBack = async (link: string, button: string, title: string, field: RegExp | string) => {
      await page.getByRole('link', { name: link, exact: true }).click()
      await page.getByRole('button', { name: button }).first().click()
      const dialog = page.getByRole('dialog', { name: title })
      const typed = dialog.getByRole(title === 'Add member' ? 'combobox' : 'textbox', { name: field }).first()
      await typed.fill('half-typed')
      await page.goBack()
      await asked.getByRole('button', { name: 'Stay' }).click()
      await asked.waitFor({ state: 'detached' })
      expect([title, await typed.inputValue()]).toEqual([title, 'half-typed'])
      return dialog
    }
    const cancels = async (...where: Parameters<typeof typeAndGoBack>) => {
      const dialog = await typeAndGoBack(...where)
      await dialog.getByRole('button', { name: 'Cancel' }).click()
      await dialog.waitFor({ state: 'detached' })
    }
    await cancels('Overview', 'Edit project', 'Edit project', /^Name/)
    await cancels('Users', 'New user', 'New user', /^Username/)
    await cancels('Connections', 'Add connection', 'Add connection', /^Name/)
    await cancels('Tokens', 'New token', 'New token', /^Name/)
    await cancels('Members', 'Add member', 'Add member', /^Username/)
    await cancels('Services', 'New service', 'New service', /^Title/)
    const dialog = await typeAndGoBack('Projects', 'New project', 'New project', /^Name/)
    await dialog.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { level: 1, name: 'half-typed' }).waitFor()
    expect(await asked.count()).toBe(0)
  })

  test('where what somebody else saved meanwhile cannot be read, that is said, and what was typed stays', async () => {
    const page = await openAs('root', 'keys')
    const unread = { title: 'Unavailable', detail: 'Not at the moment.' }
    /** What is read there fails while `work` is done. */
    const failing = async (path: RegExp, work: () => Promise<unknown>) => {
      await page.route(path, async route => {
        if (route.request().method() !== 'GET') await route.continue()
        else await route.fulfill({ status: 500, json: unread, headers: { 'x-request-id': '1' } })
      })
      await work()
      await page.unroute(path)
    }
    const { garden } = callgate
    const keys = (await callgate.admin('GET', `/api/projects/${garden}/api-keys`)).json as {
      id: number
      name: string
    }[]
    const { id } = keys.find(key => key.name === 'operations')!
    await page.getByRole('button', { name: 'Actions for operations' }).click()
    await page.getByRole('menuitem', { name: 'Edit' }).click()
    const key = page.getByRole('dialog', { name: 'Edit key operations' })
    await key.getByLabel(/^Name/).fill('typed here')
    await callgate.admin('PATCH', `/api/projects/${garden}/api-keys/${id}`, { rate_limit: 7 })
    await failing(/\/api-keys\/\d+$/, async () => {
      await key.getByRole('button', { name: 'Save', exact: true }).click()
      await key.getByRole('alert').waitFor()
    })
    expect(await key.getByLabel(/^Name/).inputValue()).toBe('typed here')
    await key.getByRole('button', { name: 'Save', exact: true }).click()
    await key.getByRole('alert', { name: 'Somebody changed this key meanwhile' }).waitFor()
    await key.getByRole('button', { name: 'Save mine' }).click()
    await key.waitFor({ state: 'detached' })

    const showOther = 'Discard my changes and show the other version'
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('button', { name: 'Edit project' }).click()
    const project = page.getByRole('dialog', { name: 'Edit project' })
    await project.getByLabel(/^Description/).fill('typed here')
    await callgate.admin('PATCH', `/api/projects/${garden}`, { description: 'typed there' })
    await project.getByRole('button', { name: 'Save' }).click()
    const other = project.getByRole('button', { name: showOther })
    await failing(/\/api\/projects\/\d+$/, async () => {
      await other.click()
      await page.getByText(unread.detail).waitFor()
    })
    expect(await project.getByLabel(/^Description/).inputValue()).toBe('typed here')
    await other.click()
    await soon(async () => expect(await project.getByLabel(/^Description/).inputValue()).toBe('typed there'))
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'API keys of the project' }).waitFor()

    const users = (await callgate.admin('GET', '/api/users')).json.items as { user_id: number; username: string }[]
    const { user_id } = users.find(({ username }) => username === 'vera')!
    await page.goto(`${callgate.url}/console/users/${user_id}`)
    const role = page.getByLabel('Role in Bank')
    await role.selectOption('Admin')
    await callgate.admin('PATCH', `/api/users/${user_id}`, { roles: { garden: 'viewer', bank: 'viewer' } })
    await page.getByRole('button', { name: 'Save' }).click()
    await failing(/\/api\/users\/\d+$/, async () => {
      await page.getByRole('button', { name: showOther }).click()
      await page.getByText(unread.detail).last().waitFor()
      expect(await role.inputValue()).toBe('admin')
    })
    await page.getByRole('button', { name: showOther }).click()
    await soon(async () => expect(await role.inputValue()).toBe('viewer'))
  })

  test('a key or token that is on its way is shown, whatever is pressed meanwhile', async () => {
    const tab = await openAs('ed', 'services/plants/keys')
    /** Holds back what is posted there. @returns lets it go, when it has come */
    const hold = async (path: RegExp) => {
      const held = Promise.withResolvers<() => void>()
      await tab.route(path, async route => {
        if (route.request().method() === 'POST') await new Promise<void>(resolve => held.resolve(resolve))
        await route.continue()
      })
      return async () => (await held.promise)()
    }
    const mint = await hold(/\/api-keys$/)
    await tab.getByRole('button', { name: 'Mint key' }).click()
    await tab.getByRole('textbox', { name: 'Name' }).fill('on its way')
    await tab.getByRole('dialog').getByRole('button', { name: 'Mint key' }).click()
    await tab.keyboard.press('Escape')
    await soon(async () => expect(await tab.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(true))
    await mint()
    expect(await tab.locator('[data-secret]').textContent()).toStartWith('dk_')

    await tab.getByRole('button', { name: 'I have copied it' }).click()
    await tab.goto(`${callgate.url}/console/tokens`)
    const create = await hold(/\/api\/auth\/tokens$/)
    await tab.getByRole('button', { name: 'New token' }).click()
    await tab.getByRole('textbox', { name: 'Name' }).fill('on its way')
    await tab.getByRole('button', { name: 'Create' }).click()
    await tab.keyboard.press('Escape')
    await tab.getByRole('button', { name: 'Close' }).click()
    await create()
    expect(await tab.locator('[data-secret]').textContent()).toStartWith('hf_')
    await tab.unroute(/\/api-keys$/)
    await tab.unroute(/\/api\/auth\/tokens$/)
  })

  /** Holds back what is sent there first. @returns lets it go, when it has come */
  async function holdBack(tab: Page, method: string, path: RegExp) {
    const held = Promise.withResolvers<() => void>()
    let isFirst = true
    await tab.route(path, async route => {
      if (isFirst && route.request().method() === method) {
        isFirst = false
        await new Promise<void>(resolve => held.resolve(resolve))
      }
      await route.continue()
    })
    return async () => (await held.promise)()
  }

  test('where Back is pressed while something is sent that is then saved, one stays, at the address of the page', async () => {
    const tab = await openAs('root', 'members')
    const asked = tab.getByRole('dialog', { name: 'Leave without saving?' })
    await tab.getByRole('link', { name: 'Tokens' }).click()
    await tab.getByRole('button', { name: 'New token' }).first().click()
    await tab.getByRole('textbox', { name: 'Name' }).fill('late')
    const mint = await holdBack(tab, 'POST', /\/api\/auth\/tokens$/)
    await tab.getByRole('button', { name: 'Create', exact: true }).click()
    await tab.goBack()
    await asked.waitFor()
    await mint()
    await tab.waitForURL('**/console/tokens')
    await asked.waitFor({ state: 'detached' })
    expect(await tab.locator('[data-secret]').textContent()).toStartWith('hf_')
    await tab.getByRole('button', { name: 'Done' }).click()
    await tab.locator('[data-secret]').waitFor({ state: 'detached' })
    await tab.goBack()
    await tab.getByRole('heading', { level: 1, name: 'Members' }).waitFor()

    await tab.getByRole('link', { name: 'Services', exact: true }).click()
    await tab.getByRole('link', { name: 'Flowers' }).click()
    const parts = tab.getByRole('navigation', { name: 'Parts of the service' })
    await parts.getByRole('link', { name: 'Settings' }).click()
    await tab.getByRole('textbox', { name: 'Description' }).fill('Saved late')
    const save = await holdBack(tab, 'PUT', /\/api\/publish\/assets\/\d+$/)
    await tab.getByRole('button', { name: 'Save', exact: true }).click()
    await tab.goBack()
    await asked.waitFor()
    await tab.goForward()
    await asked.waitFor({ state: 'detached' })
    await tab.goBack()
    await asked.waitFor()
    await save()
    await tab.waitForURL('**/services/flowers/settings')
    await asked.waitFor({ state: 'detached' })
    expect(await tab.getByRole('textbox', { name: 'Description' }).inputValue()).toBe('Saved late')
    await tab.goBack()
    await tab.getByRole('table', { name: 'Endpoints' }).waitFor()
    expect(tab.url()).toEndWith('/services/flowers')
  })

  test('a new endpoint that is saved when one has left does not take the place of the page where one is', async () => {
    const tab = await openAs('ed', 'services/flowers/new-endpoint?kind=model')
    await tab.getByRole('textbox', { name: /^Id/ }).fill('late')
    await tab.getByRole('combobox', { name: /^Model/ }).click()
    await tab.getByRole('option', { name: 'iris' }).click()
    const save = await holdBack(tab, 'PUT', /\/api\/publish\/assets\/\d+$/)
    await tab.getByRole('button', { name: 'Add to draft' }).click()
    await tab.getByRole('link', { name: 'Members' }).click()
    await tab.getByRole('button', { name: 'Leave' }).click()
    await tab.getByRole('table', { name: 'Members' }).waitFor()
    await save()
    await tab.getByText('The draft was saved').waitFor()
    await settled(tab)
    expect(tab.url()).toEndWith('/projects/garden/members')
    await tab.getByRole('table', { name: 'Members' }).waitFor()
  })

  test('files that were chosen and passwords that were typed are asked about; a file that is not taken is not', async () => {
    const tab = await openAs('root', 'datasets/upload')
    const file = (name: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from('a\n1\n') })
    await tab.locator('input[type=file]').setInputFiles(file('notes.docx'))
    await tab.getByText('This is no file that is read here').waitFor()
    await tab.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Datasets' }).click()
    await tab.getByRole('link', { name: 'Upload files' }).click()
    await tab.locator('input[type=file]').setInputFiles(file('chosen.csv'))
    await tab.getByRole('textbox', { name: 'Primary key' }).fill('a')
    await tab.goBack()
    const unsent = tab.getByRole('dialog', { name: 'Leave without sending the files?' })
    await unsent.getByRole('button', { name: 'Stay' }).click()
    await unsent.waitFor({ state: 'detached' })
    expect(await tab.getByRole('textbox', { name: 'Primary key' }).inputValue()).toBe('a')
    await tab.getByRole('button', { name: 'Take chosen.csv away' }).click()
    await tab.getByRole('link', { name: 'Account', exact: true }).click()
    await tab.getByRole('textbox', { name: /^New password/ }).fill('half typed')
    await isAskedBeforeLeaving(tab)
    await tab.getByRole('textbox', { name: /^New password/ }).fill('')
    await tab.getByRole('link', { name: 'Users' }).click()
    await tab.getByRole('link', { name: 'vera' }).click()
    await tab.getByRole('textbox', { name: /^Password/ }).fill('half typed')
    await tab.getByLabel('Role in Bank').selectOption('Viewer')
    await isAskedBeforeLeaving(tab)
    await tab.goBack()
    await tab.getByRole('button', { name: 'Leave', exact: true }).click() // once, for both forms
    await tab.getByRole('heading', { level: 1, name: 'Users' }).waitFor()
  })

  test('a new key is shown until it is copied, whatever else is minted, and in no other project', async () => {
    const tab = await openAs('root', 'keys')
    const mint = async (name: string) => {
      await tab.getByRole('button', { name: 'Mint key' }).click()
      await tab.getByRole('textbox', { name: 'Name' }).fill(name)
      await tab.getByRole('dialog').getByRole('button', { name: 'Mint key' }).click()
      await tab.getByRole('region', { name: `Key ${name}` }).waitFor()
    }
    await mint('first of two')
    await mint('second of two')
    await tab.getByRole('region', { name: 'Key first of two' }).waitFor()
    await tab.getByRole('region', { name: 'Key second of two' }).getByRole('button', { name: 'I have copied' }).click()
    await soon(async () => expect(await tab.locator('[data-secret]').count()).toBe(1))
    await tab.getByRole('region', { name: 'Key first of two' }).waitFor()
    await tab.locator('input[aria-label="Project"]').click()
    await tab.getByRole('option', { name: 'Bank' }).click()
    const question = tab.getByRole('dialog', { name: 'Leave without the key?' })
    await question.getByRole('button', { name: 'Leave', exact: true }).click()
    await tab.getByText('No key yet').waitFor()
    expect(await tab.locator('[data-secret]').count()).toBe(0)
  })

  test('a new token is shown until its dialog is closed, and asked about before another page is opened', async () => {
    const tab = await openAs('root', 'members')
    await tab.getByRole('link', { name: 'Tokens' }).click()
    await tab.getByRole('button', { name: 'New token' }).first().click()
    await tab.getByRole('textbox', { name: 'Name' }).fill('not lost')
    await tab.getByRole('button', { name: 'Create', exact: true }).click()
    await tab.locator('[data-secret]').waitFor()
    await tab.keyboard.press('Escape')
    await tab.goBack()
    await tab.getByRole('dialog', { name: 'Leave without the token?' }).getByRole('button', { name: 'Stay' }).click()
    await tab.getByRole('dialog', { name: 'Leave without the token?' }).waitFor({ state: 'detached' })
    expect(await tab.locator('[data-secret]').textContent()).toStartWith('hf_')
    await tab.getByRole('button', { name: 'Done' }).click()
    await tab.locator('[data-secret]').waitFor({ state: 'detached' })
  })

  test('what was confirmed is seen until it is done or refused, and a question is gone with its page', async () => {
    const tab = await openAs('ed', 'members')
    await tab.getByRole('link', { name: 'Tokens' }).click()
    await tab.getByRole('button', { name: 'Revoke on its way' }).click()
    const question = tab.getByRole('dialog', { name: 'Revoke on its way?' })
    await question.waitFor()
    await tab.goBack()
    await tab.getByRole('heading', { level: 1, name: 'Members' }).waitFor()
    await question.waitFor({ state: 'detached' })

    await tab.goForward()
    const held = Promise.withResolvers<() => void>()
    const refused = { title: 'Unavailable', detail: 'Not at the moment.' }
    await tab.route(/\/api\/auth\/tokens\/\d+$/, async route => {
      await new Promise<void>(resolve => held.resolve(resolve))
      await route.fulfill({ status: 500, json: refused, headers: { 'x-request-id': '1' } })
    })
    await tab.getByRole('button', { name: 'Revoke on its way' }).click()
    await question.getByRole('button', { name: 'Revoke', exact: true }).click()
    const letGo = await held.promise
    await tab.keyboard.press('Escape')
    expect(await question.getByRole('button', { name: 'Close' }).isDisabled()).toBe(true)
    letGo()
    await question.getByText('Not at the moment.').waitFor()
    await question.getByRole('button', { name: 'Close' }).click()
    await question.waitFor({ state: 'detached' })
    await tab.unroute(/\/api\/auth\/tokens\/\d+$/)
  })

  test('what was confirmed and is done while its question closes opens no other page', async () => {
    const tab = await openTab()
    await signInTo(tab, callgate, 'root')
    await tab.emulateMedia({ reducedMotion: 'no-preference' })
    await tab.goto(`${callgate.url}/console/users`)
    await tab.getByRole('link', { name: 'vera', exact: true }).click()
    const held = Promise.withResolvers<() => void>()
    await tab.route(/\/api\/users\/\d+$/, async route => {
      if (route.request().method() !== 'DELETE') return route.continue()
      await new Promise<void>(resolve => held.resolve(resolve))
      await route.fulfill({ status: 204, headers: { 'x-request-id': '1' } })
    })
    await tab.getByRole('button', { name: 'Delete user' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: 'Delete user' }).click()
    const letGo = await held.promise
    await tab.evaluate(() => history.pushState({}, '', '/console/audit'))
    await tab.getByRole('heading', { level: 1, name: 'Audit' }).waitFor()
    letGo()
    await tab.getByText('User vera was deleted').waitFor()
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    expect(new URL(tab.url()).pathname).toBe('/console/audit')
  })

  test('who signs out is asked, too, where something would be lost by that', async () => {
    const tab = await openTab()
    await signInTo(tab, callgate, 'ed')
    await tab.goto(`${callgate.url}/console/projects/garden/services/plants/endpoints/plant`)
    const title = tab.getByRole('textbox', { name: /^Title/ })
    await title.fill('Not saved yet')
    const account = tab.getByRole('button', { name: 'Account of ed' })
    const signOut = async () => {
      await account.press('Enter')
      await tab.getByRole('menuitem', { name: 'Sign out' }).press('Enter')
    }
    await signOut()
    const question = tab.getByRole('dialog', { name: 'Leave without saving?' })
    await question.getByRole('button', { name: 'Cancel' }).press('Enter')
    await question.waitFor({ state: 'detached' })
    await hasFocus(account)
    expect(await title.inputValue()).toBe('Not saved yet')
    await signOut()
    await question.getByRole('button', { name: 'Sign out' }).press('Enter')
    await tab.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    await signInTo(tab, callgate, 'ed')
    await signOut()
    await tab.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  })

  test('a page that was not opened before waits for the server: one stays where one is until that is reached', async () => {
    const tab = await openAs('vera', 'members')
    await tab.getByRole('table', { name: 'Members' }).waitFor()
    await settled(tab)
    await tab.context().setOffline(true)
    await tab.getByRole('link', { name: 'Tokens' }).click()
    await tab.getByText('Connection lost').waitFor()
    expect(await tab.getByRole('heading', { level: 1 }).textContent()).toBe('Members')
    await tab.context().setOffline(false)
    await tab.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor()
  })

  test('a session that ends while an endpoint is tested is begun again there', async () => {
    const tab = await openAs('ed', 'services/plants/test?endpoint=plant')
    await tab.getByRole('textbox', { name: 'id' }).fill('3')
    await settled(tab)
    await tab.context().clearCookies()
    await tab.getByRole('button', { name: 'Run', exact: true }).click()
    const dialog = tab.getByRole('dialog')
    await dialog.getByRole('textbox', { name: /^Password/ }).fill('correct horse battery')
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await dialog.waitFor({ state: 'hidden' })
    await tab.getByRole('button', { name: 'Run', exact: true }).click()
    await tab.getByText('Iris virginica').waitFor()
    expect(await tab.getByRole('textbox', { name: 'id' }).inputValue()).toBe('3')
  })
})
