/** Deployments through the console: made, watched, called, read, changed and taken away, by mouse and keyboard. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { lineOf, wordsOf } from '../../src/console/areas/deployments/command-line.ts'
import { definitionOf, patchOf } from '../../src/console/areas/deployments/definition.ts'
import { clockOf, lineOf as logLine, withClock } from '../../src/console/areas/deployments/log-lines.ts'
import { type Callgate, temporaryFolder, waitFor } from '../harness.ts'
import { describeInBrowser, expectAccessible, expectNoSideways, openTab, PASSWORD, signInTo, soon } from './browser.ts'
import { projectId } from './data.ts'
import { DEPLOYED, useConsole } from './world.ts'

setDefaultTimeout(180_000)

describe('a command in one line', () => {
  test('is words, and quotes that keep a space in one', () => {
    for (const [line, words] of [
      ['python3 server.py', ['python3', 'server.py']],
      ['  a   b ', ['a', 'b']],
      [`sh -c 'echo "$PORT" && exec x'`, ['sh', '-c', 'echo "$PORT" && exec x']],
      ['say "good \\"day\\"" ""', ['say', 'good "day"', '']],
      ['a\\ b c"d"e', ['a b', 'cde']],
      ['"C:\\dir\\\\x"', ['C:\\dir\\x']],
      ['', []],
    ] as const)
      expect([line, wordsOf(line)]).toEqual([line, [...words]])
    for (const open of ['a "b', "it's"]) expect(wordsOf(open)).toBeUndefined()
  })

  test('comes back as it was, whatever is in it', () => {
    for (const words of [['a', 'b c', ''], ["it's", '"', '\\', '\\"', 'a\tb', "'"], DEPLOYED])
      expect(wordsOf(lineOf(words))).toEqual([...words])
  })
})

test('a change names what differs, and null for what is gone; variables are known by name only', () => {
  const before = definitionOf({ config: { command: ['a'], cwd: '/x', replicas: 2, env_names: ['A'] } as never })
  expect(before).toEqual({ command: ['a'], cwd: '/x', replicas: 2 })
  expect(patchOf(before, { command: ['a'], replicas: 3, env: { A: null } })).toEqual({
    cwd: null,
    replicas: 3,
    env: { A: null },
  })
  expect(patchOf(before, { ...before })).toEqual({})
})

test('a line of a log says what it comes from, and terminals’ colours are let go', () => {
  const at = '2026-11-26T01:02:03.004Z'
  const [red, end] = ['\u001b[1;31m', '\u001b[0m']
  expect(logLine(1, `${at} r2.1 err ${red}boom${end}`)).toMatchObject({
    at,
    source: 'r2.1',
    stream: 'err',
    text: 'boom',
  })
  expect(logLine(1, `${at} r2.1 callgate: out of order`)).toMatchObject({ stream: 'callgate', text: 'out of order' })
  expect(logLine(1, `${at} r2.1 out `)).toMatchObject({ stream: 'out', text: '' })
  expect(logLine(1, 'what is this')).toMatchObject({ at: '', stream: 'callgate', text: 'what is this' })
  // the last lines that are shown without their page have the clock of that
  expect(withClock(`${at} r2.1 err boom\n${at} r2.1 out ${at}`)).toBe(
    `${clockOf(at)} r2.1 err boom\n${clockOf(at)} r2.1 out ${at}`,
  )
})

describeInBrowser('deployments', () => {
  const { callgate, openAs } = useConsole()
  let key: string
  let bank: number
  let vic: number
  beforeAll(async () => {
    const user = { username: 'vic', password: PASSWORD, roles: { garden: 'editor' } }
    vic = (await callgate.admin('POST', '/api/users', user)).json.user_id
    bank = await projectId(callgate, 'bank')
    key = (await callgate.admin('POST', `/api/projects/${callgate.garden}/api-keys`, { name: 'shop' })).json.key
  })
  const shown = async (name: string, project = callgate.garden) =>
    (await callgate.admin('GET', `/api/projects/${project}/deployments/${name}`)).json
  const call = (name: string, path: string, init: object = {}) =>
    callgate.call(`/v1/garden/${name}${path}`, { key, ...init })
  const create = (name: string, more: object = {}) =>
    callgate.admin('POST', `/api/projects/${callgate.garden}/deployments`, {
      name,
      command: DEPLOYED,
      health: '/health',
      min_instances: 1,
      ...more,
    })
  const state = (tab: Page, name: string) => tab.getByRole('main').getByText(name, { exact: true }).first().waitFor()
  const log = (tab: Page) => tab.getByRole('log')

  test('one is made in an empty project by the keyboard, becomes ready, is called, and its lines arrive as they are written', async () => {
    const trouble: string[] = []
    const tab = await openTab({ trouble })
    await signInTo(tab, callgate, 'root')
    await tab.goto(`${callgate.url}/console/projects/bank/deployments`)
    await tab.getByText('No deployment yet').waitFor()
    await tab.getByText('callgate deployment create hello --project bank').waitFor()
    await tab.getByRole('main').getByRole('link', { name: 'New deployment' }).press('Enter')
    await tab.getByRole('textbox', { name: 'Name' }).fill('Sentiment')
    await tab.getByRole('textbox', { name: 'Command' }).fill(lineOf(DEPLOYED))
    await tab.keyboard.press('Enter')
    const name = tab.getByRole('textbox', { name: 'Name' })
    await tab.getByText('A deployment name is a DNS label').waitFor()
    expect(await name.getAttribute('aria-invalid')).toBe('true')
    await name.fill('sentiment')
    await tab.getByRole('button', { name: 'Add variable' }).click()
    await tab.getByRole('textbox', { name: 'Variable', exact: true }).fill('START_WHEN')
    const start = join(temporaryFolder(), 'start')
    await tab.getByRole('textbox', { name: 'Value of START_WHEN' }).fill(start)
    await tab.keyboard.press('Enter')
    await tab.getByRole('heading', { level: 1, name: 'sentiment' }).waitFor()
    await state(tab, 'Starting')
    writeFileSync(start, '')
    await state(tab, 'Running')
    expect(await shown('sentiment', bank)).toMatchObject({ config: { command: DEPLOYED, env_names: ['START_WHEN'] } })
    const own = (await callgate.admin('POST', `/api/projects/${bank}/api-keys`, { name: 'app' })).json.key
    const answer = await callgate.call('/v1/bank/sentiment/', { key: own })
    expect([answer.status, answer.text]).toEqual([200, expect.stringMatching(/^hello \d+$/)])

    await tab.getByRole('link', { name: 'Logs' }).click()
    await log(tab).getByText('ready on port').waitFor()
    await callgate.call('/v1/bank/sentiment/warn?note=while-you-look', { key: own })
    await log(tab).getByText('GET /warn 200 while-you-look').waitFor()
    const warning = log(tab).getByText('the disk is nearly full').locator('..')
    expect(await warning.textContent()).toContain('err')
    await expectAccessible(tab, 'the log of a deployment')

    const { replicas } = await shown('sentiment', bank)
    await tab.getByRole('button', { name: 'Restart' }).click()
    await log(tab).getByText(`process ${replicas[0].pid} ended`).waitFor()
    await state(tab, 'Running')
    expect((await callgate.call('/v1/bank/sentiment/', { key: own })).status).toBe(200)

    await tab.getByRole('button', { name: 'Stop', exact: true }).click()
    const dialog = tab.getByRole('dialog')
    await dialog.getByText(/^app, \d+ calls, the last one/).waitFor()
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await state(tab, 'Stopped')
    expect((await callgate.call('/v1/bank/sentiment/', { key: own })).status).toBe(404)
    await tab.getByRole('button', { name: 'Start', exact: true }).press('Enter')
    await state(tab, 'Running')
    await tab
      .getByRole('navigation', { name: 'Parts of the deployment' })
      .getByRole('link', { name: 'Overview' })
      .click()
    const usage = tab.getByRole('region', { name: 'Usage' })
    await usage.getByText('Calls', { exact: true }).waitFor()
    await tab.getByRole('link', { name: 'Callers' }).click()
    // calls are known to the hour
    await tab.getByRole('row', { name: /^app Everything in the project [34] (within the hour|1 hour ago)$/ }).waitFor()
    expect(trouble).toEqual([])
  })

  test('one that fails says why, and what its program wrote last', async () => {
    const tab = await openAs('ed', 'deployments/broken')
    await tab.getByRole('button', { name: 'Start now' }).click()
    await state(tab, 'Failing')
    await tab.getByRole('alert').getByText('exit status 1').first().waitFor()
    await tab.getByRole('alert').getByText("KeyError: 'MODEL_PATH'").first().waitFor()
    const processes = tab.getByRole('table', { name: 'Processes' })
    await processes.getByText(/^in \d+ s$/).waitFor()
    await tab.getByRole('link', { name: 'Read its log' }).click()
    await log(tab).getByText("KeyError: 'MODEL_PATH'").first().waitFor()
    await callgate.admin('POST', `/api/projects/${callgate.garden}/deployments/broken/stop`)
    await state(tab, 'Stopped')
  })

  test('a change rolls out beside what serves, and no call fails meanwhile', async () => {
    const [start, end] = ['start', 'end'].map(name => join(temporaryFolder(), name)) as [string, string]
    await create('rolling', { env: { GREETING: 'one', KEPT: 'kept' } })
    const tab = await openAs('root', 'deployments/rolling/settings')
    await state(tab, 'Running')
    await tab.getByRole('textbox', { name: 'Working directory' }).fill('srv')
    await tab.getByRole('button', { name: 'Save' }).click()
    const cwd = tab.getByRole('textbox', { name: 'Working directory' })
    await tab.getByText('Cwd must be an absolute path.').waitFor()
    expect(await cwd.getAttribute('aria-invalid')).toBe('true')
    await cwd.fill('')
    await tab.getByRole('button', { name: 'Replace GREETING' }).click()
    await tab.getByRole('textbox', { name: 'Value of GREETING' }).fill('two')
    await tab.getByRole('button', { name: 'Add variable' }).click()
    await tab.getByRole('textbox', { name: 'Variable', exact: true }).fill('START_WHEN')
    await tab.getByRole('textbox', { name: 'Value of START_WHEN' }).fill(start)
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Saved', { exact: true }).waitFor()
    await tab
      .getByRole('navigation', { name: 'Parts of the deployment' })
      .getByRole('link', { name: 'Overview' })
      .click()
    const processes = tab.getByRole('table', { name: 'Processes' })
    await processes.getByRole('row', { name: /^r1\.1 \d+ Serves Ready/ }).waitFor()
    await processes.getByRole('row', { name: /^r2\.1 \d+ Takes over when ready Starting/ }).waitFor()
    await state(tab, 'Updating')
    expect((await call('rolling', '/')).text).toStartWith('one ')
    const slow = call('rolling', `/slow?when=${end}`)
    await processes.getByRole('row', { name: /^r1\.1 \d+ Serves Ready 1 / }).waitFor()
    writeFileSync(start, '')
    await processes.getByRole('row', { name: /^r1\.1 \d+ Ends what it has Stopping 1 / }).waitFor()
    await processes.getByRole('row', { name: /^r2\.1 \d+ Serves Ready/ }).waitFor()
    expect((await call('rolling', '/')).text).toStartWith('two ')
    writeFileSync(end, '')
    expect((await slow).text).toStartWith('one ')
    const { config } = await shown('rolling')
    expect(config).toMatchObject({ env_names: ['GREETING', 'KEPT', 'START_WHEN'] })
  })

  test('all of it is there as JSON, and what somebody else changed meanwhile is not overwritten unseen', async () => {
    await create('shared', { replicas: 1 })
    const tab = await openAs('root', 'deployments/shared/settings')
    await tab.getByText('JSON', { exact: true }).click()
    const editor = tab.getByRole('textbox', { name: 'The definition as JSON' })
    await editor.getByText('"min_instances"').waitFor()
    await tab.getByText('Form', { exact: true }).click()
    await tab.getByRole('textbox', { name: 'Health path' }).fill('/well')
    await callgate.admin('PATCH', `/api/projects/${callgate.garden}/deployments/shared`, { idle_seconds: 77 })
    await tab.getByText('Somebody changed it meanwhile').waitFor()
    const alert = tab.getByRole('alert')
    await alert.getByText('idle_seconds: 77').waitFor()
    await alert.getByText('health: /well').waitFor()
    expect(await tab.getByRole('textbox', { name: 'Health path' }).inputValue()).toBe('/well')
    await alert.getByRole('button', { name: 'Take theirs' }).click()
    await soon(async () => expect(await tab.getByRole('textbox', { name: 'Health path' }).inputValue()).toBe('/health'))
    await tab.getByText('JSON', { exact: true }).click()
    await editor.getByText('77').waitFor()
    await editor.click()
    await tab.keyboard.press('Control+A')
    await tab.keyboard.insertText('{"upstream": "ftp://nowhere"}')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('upstream must be an http:// or https:// URL').waitFor()
    await editor.click()
    await tab.keyboard.press('Control+A')
    await tab.keyboard.insertText('{"upstream": "http://127.0.0.1:9", "retries": 2}')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByRole('main').getByText('Upstream', { exact: true }).first().waitFor()
    expect(await shown('shared')).toMatchObject({
      kind: 'upstream',
      config: { upstream: 'http://127.0.0.1:9', retries: 2 },
    })
  })

  test('seconds may be parts of one: they are shown as they are, stay so where nobody changes them, and can be typed', async () => {
    await create('quick', { min_instances: 0, idle_seconds: 0.5, drain_seconds: 2.5 })
    const tab = await openAs('root', 'deployments/quick/settings')
    await tab.getByRole('button', { name: 'More settings' }).click()
    const [idle, drain] = [tab.getByLabel('Idle seconds'), tab.getByLabel('Drain seconds')]
    await idle.focus()
    expect([await idle.inputValue(), await drain.inputValue()]).toEqual(['0.5', '2.5'])
    const timeout = tab.getByLabel('Start timeout, seconds')
    await timeout.focus()
    expect(await tab.getByRole('button', { name: 'Save' }).count()).toBe(0)
    await timeout.pressSequentially('1.05')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Saved', { exact: true }).waitFor()
    expect((await shown('quick')).config).toMatchObject({
      idle_seconds: 0.5,
      drain_seconds: 2.5,
      start_timeout_seconds: 1.05,
    })
  })

  test('a variable whose name begins with that of another is typed without touching that one', async () => {
    await create('varied', { min_instances: 0, env: { GREETING: 'secret' } })
    const tab = await openAs('root', 'deployments/varied/settings')
    const save = tab.getByRole('button', { name: 'Save' })
    await tab.getByRole('button', { name: 'Add variable' }).click()
    const name = tab.getByRole('textbox', { name: 'Variable', exact: true })
    await tab.getByRole('textbox', { name: 'Value of a new variable' }).fill('hello')
    await tab.getByText('would not be saved').waitFor()
    await name.pressSequentially('GREETING')
    await tab.getByText('GREETING is there already.').waitFor()
    await soon(async () => expect(await save.isDisabled()).toBe(true))
    await name.pressSequentially('_2')
    await soon(async () => expect(await save.isDisabled()).toBe(false))
    const sent = tab.waitForRequest(request => request.method() === 'PATCH')
    await save.click()
    expect((await sent).postDataJSON()).toEqual({ env: { GREETING_2: 'hello' } })
    await tab.getByText('Saved', { exact: true }).waitFor()
    await tab.getByRole('button', { name: 'Replace GREETING_2' }).waitFor()
    expect((await shown('varied')).config.env_names).toEqual(['GREETING', 'GREETING_2'])
  })

  test('a log is searched, sorted by where lines come from, and left alone by new ones while somebody reads above', async () => {
    await create('chatty')
    const tab = await openAs('ed', 'deployments/chatty/logs')
    await log(tab).getByText('ready on port').waitFor()
    await call('chatty', '/many?lines=3000')
    await log(tab).getByText('line 2999 of many').waitFor()
    // of three thousand lines those in view are drawn
    expect(await log(tab).locator('[data-stream]').count()).toBeLessThan(120)
    await log(tab).hover()
    await tab.mouse.wheel(0, -4000)
    await tab.getByText('Paused', { exact: true }).waitFor()
    const place = () => log(tab).evaluate(element => element.scrollTop)
    let top = Number.NaN
    await soon(async () => {
      const before = top
      top = await place()
      expect(top).toBe(before)
    })
    await call('chatty', '/?note=unseen')
    await tab.getByRole('button', { name: '1 new, go on' }).waitFor()
    expect(await place()).toBe(top)
    expect(await log(tab).getByText('unseen').count()).toBe(0)
    await tab.getByRole('button', { name: '1 new, go on' }).click()
    await log(tab).getByText('unseen').waitFor()
    await tab.getByText('Live', { exact: true }).waitFor()

    await tab.getByRole('searchbox', { name: 'Search in the log' }).fill('LINE 2718')
    await tab.getByText(/^1 of [\d,]+ lines$/).waitFor()
    await soon(async () => expect(await log(tab).locator('mark').allTextContents()).toEqual(['line 2718']))
    await tab.getByRole('button', { name: 'Copy: these lines' }).click()
    await soon(async () =>
      expect(await tab.evaluate(() => navigator.clipboard.readText())).toMatch(/^\S+Z r1\.1 out line 2718 of many$/),
    )
    await tab.getByRole('searchbox', { name: 'Search in the log' }).fill('')
    await tab.getByText('Callgate', { exact: true }).last().click()
    await log(tab)
      .getByText(/process \d+ was started/)
      .waitFor()
    await soon(async () => expect(await log(tab).getByText('of many').count()).toBe(0))
    const file = tab.waitForEvent('download')
    await tab.getByRole('link', { name: 'Download' }).click()
    expect((await file).suggestedFilename()).toBe('chatty.log')
  })

  test('a log goes on after a lost connection, without a line that is missing or there twice', async () => {
    await create('steady')
    const line = lineThrough(callgate)
    try {
      const tab = await openTab()
      await signInTo(tab, { ...callgate, url: line.url }, 'ed')
      await tab.goto(`${line.url}/console/projects/garden/deployments/steady/logs`)
      await log(tab).getByText('ready on port').waitFor()
      for (const note of ['before-1', 'before-2']) await call('steady', `/?note=${note}`)
      await log(tab).getByText('before-2').waitFor()
      line.cut()
      await tab.getByText('Connection lost; it goes on').waitFor()
      for (const note of ['meanwhile-1', 'meanwhile-2']) await call('steady', `/?note=${note}`)
      line.mend()
      await log(tab).getByText('meanwhile-2').waitFor()
      await tab.getByText('Live', { exact: true }).waitFor()
      await call('steady', '/?note=after-1')
      await log(tab).getByText('after-1').waitFor()
      const notes = (await log(tab).locator('[data-stream="out"]').allTextContents()).flatMap(
        text => /(before|meanwhile|after)-\d/.exec(text)?.[0] ?? [],
      )
      expect(notes).toEqual(['before-1', 'before-2', 'meanwhile-1', 'meanwhile-2', 'after-1'])
    } finally {
      line.end()
    }
  })

  test('a log goes on when somebody has signed in again, after their session had ended', async () => {
    await create('patient')
    const tab = await openTab()
    await signInTo(tab, callgate, 'vic')
    await tab.goto(`${callgate.url}/console/projects/garden/deployments/patient/logs`)
    await log(tab).getByText('ready on port').waitFor()
    // which ends every session
    await callgate.admin('PATCH', `/api/users/${vic}`, { password: PASSWORD })
    const dialog = tab.getByRole('dialog')
    await dialog.getByRole('textbox', { name: /^Password/ }).fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await dialog.waitFor({ state: 'hidden' })
    await call('patient', '/?note=after-all')
    await log(tab).getByText('after-all').waitFor()
    await soon(async () => expect(await log(tab).getByText('ready on port').count()).toBe(1))
    expect(await tab.getByRole('alert').count()).toBe(0)
  })

  test('deleting one says who called it, and asks for its name', async () => {
    await create('doomed')
    await waitFor(async () => (await call('doomed', '/')).status === 200 || undefined)
    const tab = await openAs('root', 'deployments/doomed/settings')
    await tab.getByRole('button', { name: 'Delete deployment' }).click()
    const dialog = tab.getByRole('dialog')
    await dialog.getByText(/^shop, \d+ calls?, the last one/).waitFor()
    expect(await dialog.getByRole('button', { name: 'Delete deployment' }).isDisabled()).toBe(true)
    await dialog.getByLabel('Type doomed to go on').fill('doomed')
    await tab.keyboard.press('Enter')
    await tab.getByRole('heading', { level: 1, name: 'Deployments' }).waitFor()
    await tab.getByRole('link', { name: 'species' }).waitFor()
    await soon(async () => expect(await tab.getByRole('link', { name: 'doomed' }).count()).toBe(0))
    expect((await shown('doomed')).status).toBe(404)
  })

  test('who may do what is as the server says: a viewer looks, an editor runs, an administrator declares', async () => {
    await create('guarded')
    const viewer = await openAs('vera', 'deployments')
    await viewer.getByRole('table', { name: 'Deployments' }).waitFor()
    expect(await viewer.getByRole('link', { name: 'New deployment' }).count()).toBe(0)
    await viewer.getByRole('link', { name: 'guarded' }).click()
    await state(viewer, 'Running')
    for (const name of ['Stop', 'Restart', 'Start now'])
      expect([name, await viewer.getByRole('button', { name }).count()]).toEqual([name, 0])
    expect(await viewer.getByRole('link', { name: 'Logs' }).count()).toBe(0)
    await viewer.getByRole('link', { name: 'Settings' }).last().click()
    await viewer.getByText('This needs the role editor').waitFor()
    expect(await viewer.getByRole('textbox', { name: 'Command' }).isDisabled()).toBe(true)
    expect(await viewer.getByRole('button', { name: 'Delete deployment' }).count()).toBe(0)
    await viewer.goto(`${callgate.url}/console/projects/garden/deployments/guarded/logs`)
    await viewer.getByText('Logs are for editors').waitFor()
    await viewer.goto(`${callgate.url}/console/projects/garden/new-deployment`)
    await viewer.getByRole('alert').getByText('needs the role editor').waitFor()

    const editor = await openAs('ed', 'deployments/guarded/settings')
    await editor.getByText('Only administrators of the installation deploy programs').waitFor()
    expect(await editor.getByRole('textbox', { name: 'Command' }).isDisabled()).toBe(true)
    await editor.getByRole('button', { name: 'Restart' }).waitFor()
    await editor.goto(`${callgate.url}/console/projects/garden/new-deployment`)
    await editor.getByText('Only administrators of the installation deploy programs').waitFor()
    expect(await editor.getByText('Command', { exact: true }).count()).toBe(0)
    await editor.getByRole('textbox', { name: 'Name' }).fill('flowers')
    await editor.getByRole('combobox', { name: 'Model' }).click()
    await editor.getByRole('option', { name: 'iris' }).click()
    await editor.getByRole('button', { name: 'Create' }).click()
    await editor.getByRole('heading', { level: 1, name: 'flowers' }).waitFor()
    const code = editor.getByRole('region', { name: 'Calls of flowers' })
    const call = /(\/v1\/garden\/[^']+)'.*--data-raw '([^']+)'/s
    await soon(async () => expect(await code.textContent()).toMatch(call))
    const [, path, body] = call.exec((await code.textContent())!)!
    expect((await callgate.call(path!, { key, body: JSON.parse(body!) })).json).toEqual({
      predictions: [expect.anything()],
    })
    expect(await shown('flowers')).toMatchObject({ kind: 'model', config: { model: 'iris' } })
  })

  test('on a phone it fits, and is read in the dark', async () => {
    await create('small')
    const tab = await openTab({ width: 390, height: 844, scheme: 'dark' })
    await signInTo(tab, callgate, 'root')
    for (const part of ['', '/logs', '/callers', '/settings']) {
      await tab.goto(`${callgate.url}/console/projects/garden/deployments/small${part}`)
      await state(tab, 'Running')
      await expectNoSideways(tab, part)
      await expectAccessible(tab, part)
    }
    await tab.goto(`${callgate.url}/console/projects/garden/deployments/small`)
    const copy = tab.locator('.code-block + .over-code').getByRole('button', { name: /^Copy: / })
    const endOfCode = await tab.locator('.code-block code').evaluate(code => {
      code.closest('.code-block')!.scrollLeft = 10_000
      const end = document.createRange()
      end.setStart(code.firstChild!, code.textContent!.length - 1)
      end.setEnd(code.firstChild!, code.textContent!.length)
      return end.getBoundingClientRect().right
    })
    expect(endOfCode).toBeLessThan((await copy.boundingBox())!.x)
  })
})

/** A line to a Callgate that can be cut. */
function lineThrough(callgate: Callgate) {
  const { hostname, port } = new URL(callgate.url)
  interface Ends {
    other?: Bun.Socket<undefined>
    waiting: Uint8Array[]
  }
  const open = new Set<Bun.Socket<Ends>>()
  let isCut = false
  const listener = Bun.listen<Ends>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      async open(socket) {
        socket.data = { waiting: [] }
        if (isCut) return void socket.terminate()
        open.add(socket)
        const other = await Bun.connect({
          hostname,
          port: Number(port),
          socket: {
            data: (_, bytes) => void socket.write(bytes),
            close: () => void socket.end(),
          },
        })
        socket.data.other = other as Bun.Socket<undefined>
        for (const bytes of socket.data.waiting) other.write(bytes)
      },
      data(socket, bytes) {
        if (socket.data.other) socket.data.other.write(bytes)
        else socket.data.waiting.push(new Uint8Array(bytes))
      },
      close(socket) {
        open.delete(socket)
        socket.data.other?.end()
      },
    },
  })
  const cut = () => {
    isCut = true
    for (const socket of open) socket.terminate()
  }
  return {
    url: `http://127.0.0.1:${listener.port}`,
    cut,
    mend: () => {
      isCut = false
    },
    end: () => {
      cut()
      listener.stop(true)
    },
  }
}
