/** Users, members, tokens and sessions by mouse and keyboard; and what somebody who may not change them sees. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Callgate, cleanUp } from '../harness.ts'
import { closeTabs, describeInBrowser, openTab, PASSWORD, signInTo } from './browser.ts'
import { startConsole } from './world.ts'

setDefaultTimeout(60_000)

describeInBrowser('people', () => {
  let callgate: Callgate
  beforeAll(async () => {
    callgate = await startConsole()
  })
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })

  const userNamed = async (name: string) =>
    (await callgate.admin('GET', '/api/users')).json.items.find((u: { username: string }) => u.username === name)

  test('an administrator makes a user, whose faults are told beside their field, and gives a role', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.getByRole('link', { name: 'Users' }).click()
    await page.getByRole('button', { name: 'New user' }).click()
    const dialog = page.getByRole('dialog', { name: 'New user' })
    await dialog.getByRole('textbox', { name: /^Username/ }).fill('ida')
    await dialog.getByRole('textbox', { name: /^Password/ }).fill('short')
    await page.keyboard.press('Enter')
    await dialog.getByText('password must be 10 to 1000 characters.').waitFor()
    await dialog.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'ida' }).waitFor()
    await page.getByLabel('Role in Garden').selectOption('Editor')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved', { exact: true }).waitFor()
    expect((await userNamed('ida')).roles).toEqual({ garden: 'editor' })
    await page.getByRole('button', { name: 'Delete user' }).click()
    await page.getByRole('dialog', { name: 'Delete ida?' }).getByRole('button', { name: 'Delete user' }).click()
    await page.getByRole('heading', { level: 1, name: 'Users' }).waitFor()
    await page.getByText('vera').waitFor()
    expect(await userNamed('ida')).toBeUndefined()
  })

  test('a change over somebody else’s is refused and said, and the other version is shown when asked for', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    const { user_id } = await userNamed('ed')
    await page.goto(`${callgate.url}/console/users/${user_id}`)
    await page.getByLabel('Role in Bank').selectOption('Admin')
    await callgate.admin('PATCH', `/api/users/${user_id}`, { roles: { garden: 'viewer' } })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').filter({ hasText: 'This was changed since you read it' }).waitFor()
    expect(await page.getByLabel('Role in Bank').inputValue()).toBe('admin')
    expect((await userNamed('ed')).roles).toEqual({ garden: 'viewer' })
    await page.getByRole('button', { name: /show the other version/ }).click()
    await page.waitForFunction(
      () => document.querySelector<HTMLSelectElement>('[aria-label="Role in Garden"]')?.value === 'viewer',
    )
    expect(await page.getByLabel('Role in Bank').inputValue()).toBe('')
    await callgate.admin('PATCH', `/api/users/${user_id}`, { roles: { garden: 'editor' } })
  })

  test('members are added, changed and removed', async () => {
    await callgate.admin('POST', '/api/users', { username: 'mia', password: PASSWORD })
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.goto(`${callgate.url}/console/projects/garden/members`)
    await page.getByRole('button', { name: 'Add member' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add member' })
    await dialog
      .getByLabel(/^Username/)
      .first()
      .fill('nobody')
    await dialog.getByRole('button', { name: 'Add member' }).click()
    await dialog.getByText('No such user.').waitFor()
    await dialog
      .getByLabel(/^Username/)
      .first()
      .fill('mia')
    await dialog.getByRole('button', { name: 'Add member' }).click()
    await page.getByLabel('Role of mia').selectOption('Admin')
    await page.getByText('mia is Admin now').waitFor()
    expect((await userNamed('mia')).roles).toEqual({ garden: 'admin' })
    await page.getByRole('button', { name: 'Remove mia' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('mia was removed').waitFor()
    expect((await userNamed('mia')).roles).toEqual({})
  })

  test('a viewer sees, and finds nothing to change', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'vera')
    expect(await page.getByRole('link', { name: /^(Users|Connections|Settings)$/ }).count()).toBe(0)
    await page.getByRole('table', { name: 'Published' }).getByText('Flowers', { exact: true }).waitFor()
    expect(await page.getByText('From nothing to an endpoint').count()).toBe(0)
    await page.getByRole('link', { name: 'Members' }).click()
    await page.getByRole('table', { name: 'Members' }).getByText('vera').waitFor()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('heading', { level: 1, name: 'Garden' }).waitFor()
    for (const path of ['/projects/garden', '/projects/garden/members', '/projects', '/audit']) {
      await page.goto(`${callgate.url}/console${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      const main = page.getByRole('main')
      expect(await main.getByRole('button', { name: /^(Add|New|Edit|Remove|Delete|Save)\b/ }).count()).toBe(0)
      expect(await main.getByRole('combobox', { name: /^Role/ }).count()).toBe(0)
    }
    await page.goto(`${callgate.url}/console/users`)
    await page.getByRole('alert').filter({ hasText: 'This needs an administrator of the installation.' }).waitFor()
    await page.goto(`${callgate.url}/console/projects/bank`)
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor()
  })

  test('a token is shown once, works, and is revoked', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'ed')
    await page.getByRole('link', { name: 'Tokens' }).click()
    await page.getByText('No token yet').waitFor()
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByRole('textbox', { name: /^Name/ }).fill('deploy')
    await page.getByLabel('Expires after').selectOption('Never')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('button', { name: 'Copy', exact: true }).click()
    const secret = await page.evaluate(() => navigator.clipboard.readText())
    const me = () => callgate.call('/api/auth/me', { headers: { authorization: `Bearer ${secret}` } })
    expect((await me()).json.username).toBe('ed')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('table', { name: 'Tokens' }).getByText('deploy').waitFor()
    expect(await page.content()).not.toContain(secret)
    await page.getByRole('button', { name: 'Revoke deploy' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.getByText('No token yet').waitFor()
    expect((await me()).status).toBe(401)
  })

  test('another browser’s session is ended, and the own password changed', async () => {
    const [here, there] = [await openTab(), await openTab()]
    await signInTo(there, callgate, 'ed')
    await signInTo(here, callgate, 'ed')
    await here.getByRole('link', { name: 'Account' }).click()
    await here.getByRole('button', { name: 'End all others' }).click()
    await here.getByRole('dialog').getByRole('button', { name: 'End all others' }).click()
    await here.getByRole('dialog').waitFor({ state: 'detached' })
    await there.getByRole('link', { name: 'Tokens' }).click()
    await there.getByRole('textbox', { name: 'Username' }).waitFor()
    await here.getByLabel(/^Current password/).fill('not mine at all')
    await here.getByLabel(/^New password/).fill('another long password')
    await here.keyboard.press('Enter')
    await here.getByText('Wrong username or password.').waitFor()
    await here.getByLabel(/^Current password/).fill(PASSWORD)
    await here.getByRole('button', { name: 'Change password' }).click()
    await here.getByText('The password was changed; other sessions have ended').waitFor()
    await signInTo(there, callgate, 'ed', 'another long password')
  })

  test('a connection that cannot be made is not added, and says why', async () => {
    const page = await openTab()
    await signInTo(page, callgate, 'root')
    await page.getByRole('link', { name: 'Connections' }).click()
    await page.getByText('No connection yet').waitFor()
    await page.getByRole('button', { name: 'Add connection' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add connection' })
    await dialog.getByRole('textbox', { name: /^Name/ }).fill('shop')
    await dialog.getByRole('textbox', { name: /^Environment variable/ }).fill('NOT_SET_ANYWHERE')
    await dialog.getByRole('button', { name: 'Add connection' }).click()
    await dialog.getByText('connection shop: the environment variable NOT_SET_ANYWHERE is not set.').waitFor()
    expect(await dialog.getByRole('textbox', { name: /^Name/ }).inputValue()).toBe('shop')
    expect((await callgate.admin('GET', '/api/connections')).json.connections).toEqual([])
  })
})
