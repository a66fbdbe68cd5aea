/** What people do with models in the console. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { FIXTURES } from '../harness.ts'
import { describeInBrowser, soon } from './browser.ts'
import { useConsole } from './world.ts'

setDefaultTimeout(180_000)

describeInBrowser('models', () => {
  const { callgate, openAs } = useConsole()

  const model = async (name: string) =>
    (await callgate.admin('GET', `/api/models?name=${name}`, undefined, { 'x-project-id': String(callgate.garden) }))
      .json.models[0]

  test('a model and a new version of it are uploaded; the version is not active before somebody says so', async () => {
    const tab = await openAs('ed', 'models')
    await tab.getByRole('link', { name: 'Upload model' }).click()
    const choose = (file: string) => tab.locator('input[type=file]').setInputFiles(join(FIXTURES, 'models', file))
    await choose('churn_risk.onnx')
    await tab.getByLabel('Model name').fill('churn')
    await tab.getByRole('button', { name: 'Upload 1 model' }).click()
    await tab.getByText('is there as version 1, active').waitFor()
    await tab.getByRole('region', { name: 'churn_risk.onnx' }).getByRole('link', { name: 'churn' }).click()
    await tab.getByRole('table', { name: 'Features' }).getByRole('cell', { name: 'tenure' }).first().waitFor()
    await tab.getByRole('link', { name: 'New version' }).click()
    await choose('churn_risk.onnx')
    await tab.getByRole('button', { name: 'Upload 1 model' }).click()
    await tab.getByText('is there as version 2, not active yet').waitFor()
    expect(await model('churn')).toMatchObject({ version: 1, versions: [{ version: 2 }, { version: 1 }] })
  })

  test('a file that is no model is refused in the words of the server', async () => {
    const tab = await openAs('ed', 'upload-model')
    const file = { name: 'fake.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from('no model') }
    await tab.locator('input[type=file]').setInputFiles(file)
    await tab.getByRole('button', { name: 'Upload 1 model' }).click()
    await tab.getByRole('region', { name: 'fake.onnx' }).getByRole('alert').waitFor()
    expect(await model('fake')).toBeUndefined()
  })

  test('a probability that the model has none of is not said to be nought', async () => {
    const tab = await openAs('ed', 'models/late/try')
    const json = { predictions: [1], probabilities: [{ '0': null, '1': 0.75 }], model_id: 1, count: 1 }
    await tab.route(/\/api\/models\/\d+\/test$/, route => route.fulfill({ json }), { times: 1 })
    await tab.getByRole('button', { name: 'Predict' }).click()
    const answer = tab.getByRole('status', { name: 'Answer' })
    await answer.getByText('75.0 %').waitFor()
    await answer.getByText('none', { exact: true }).waitFor()
    expect(await answer.getByText('0.0 %', { exact: true }).count()).toBe(0)
  })

  test('a model is tried with a form or JSON, and a refusal stands at its field', async () => {
    const tab = await openAs('ed', 'models/late/try')
    const flight = { month: '7', hour: '20', distance: 'far', carrier: 'EV', origin: 'EWR', dest: 'STL' }
    for (const [feature, value] of Object.entries(flight)) await tab.getByLabel(feature, { exact: true }).fill(value)
    await tab.getByRole('button', { name: 'Predict' }).click()
    await tab.getByRole('alert').waitFor()
    const distance = tab.getByLabel('distance', { exact: true })
    await soon(async () => expect(await distance.getAttribute('aria-invalid')).toBe('true'))
    await distance.fill('872')
    await distance.press('Enter')
    await tab.getByText('Prediction', { exact: true }).waitFor()
    const predicted = tab.getByText('Prediction', { exact: true }).locator('xpath=following-sibling::*[1]')
    await soon(async () => expect(await predicted.textContent()).toMatch(/^[01]$/))
    const before = await predicted.textContent()
    await tab.getByText('JSON', { exact: true }).first().click()
    const body = tab.getByLabel('Body of the request')
    await soon(async () =>
      expect(JSON.parse(await body.inputValue())).toEqual({
        features: { month: 7, hour: 20, distance: 872, carrier: 'EV', origin: 'EWR', dest: 'STL' },
      }),
    )
    await body.fill('{"rows": [')
    await soon(async () => expect(await tab.getByRole('button', { name: 'Predict' }).isDisabled()).toBe(true))
    await body.fill(JSON.stringify({ rows: [{ ...flight, month: 7, hour: 20, distance: 872 }] }))
    await tab.getByRole('button', { name: 'Predict' }).click()
    await tab.waitForFunction(() => document.querySelector('[aria-busy="true"], [data-loading="true"]') === null)
    expect(await predicted.textContent()).toBe(before)
  })

  test('a version takes over and is rolled back, and a version can be deleted', async () => {
    const tab = await openAs('ed', 'models/iris/versions')
    await tab.getByRole('button', { name: 'Activate version 2' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: 'Activate' }).click()
    await tab.getByText('Version 2 is active').waitFor()
    expect((await model('iris')).version).toBe(2)
    await tab.getByRole('button', { name: 'Roll back to version 1' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click()
    await tab.getByText('Version 1 is active').waitFor()
    expect((await model('iris')).version).toBe(1)
    await tab.getByRole('button', { name: 'Delete version 2' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await tab.getByText('Version 2 was deleted').waitFor()
    expect((await model('iris')).versions).toHaveLength(1)
  })

  test('a link to a version that is gone shows the active one, and says so', async () => {
    const tab = await openAs('ed', 'models/churn?version=99')
    await soon(async () =>
      expect(await tab.locator('input[aria-label="Version shown"]').inputValue()).toMatch(/^Version \d+, active$/),
    )
  })

  test('of many classes it says how many are not shown', async () => {
    const tab = await openAs('ed', 'models')
    const isModel = /\/api\/models\?name=iris$/
    await tab.route(isModel, async route => {
      const answer = await (await route.fetch()).json()
      answer.models[0].labels = Array.from({ length: 1101 }, (_, i) => `class ${i}`)
      await route.fulfill({ json: answer })
    })
    await tab.goto(`${callgate.url}/console/projects/garden/models/iris`)
    await tab.getByText('The answer is one of 1,101.').waitFor()
    await tab.getByText('and 1,001 more').waitFor()
    await tab.unroute(isModel)
  })

  test('a version that somebody else activated meanwhile is not deleted unseen', async () => {
    const tab = await openAs('ed', 'models/churn/versions')
    await tab.getByRole('button', { name: 'Delete version 2' }).click()
    await tab.getByRole('dialog').waitFor()
    const [second] = (await model('churn')).versions
    await callgate.admin('POST', `/api/models/${second.model_id}/activate`)
    await tab.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await tab.getByRole('dialog').getByRole('alert').getByText('changed since you read it').waitFor()
    expect((await model('churn')).versions).toHaveLength(2)
  })

  test('a model in use stays; one that is not goes with all of its versions', async () => {
    const tab = await openAs('ed', 'models/iris')
    const remove = async (name: string) => {
      await tab.getByRole('button', { name: 'Delete model' }).click()
      const dialog = tab.getByRole('dialog')
      await dialog.getByLabel(`Type ${name} to go on`).fill(name)
      await dialog.getByRole('button', { name: 'Delete model' }).click()
      return dialog
    }
    const refused = await remove('iris')
    await refused.getByText('flowers/species').waitFor()
    await refused.getByText('drafts/species').waitFor()
    await refused.getByRole('alert').waitFor()
    await refused.getByRole('button', { name: 'Cancel' }).click()
    expect((await model('iris')).versions).toHaveLength(1)
    await tab.goto(`${callgate.url}/console/projects/garden/models/churn`)
    await remove('churn')
    await tab.getByRole('heading', { level: 1, name: 'Models' }).waitFor()
    expect(await model('churn')).toBeUndefined()
  })

  test('a viewer sees what a model takes, and can change nothing', async () => {
    const tab = await openAs('vera', 'models/iris/versions')
    await tab.getByRole('table', { name: 'Versions' }).waitFor()
    for (const name of ['Roll back', 'Delete', 'New version', 'Delete model'])
      expect([name, await tab.getByRole('button', { name }).count()]).toEqual([name, 0])
    await tab.getByRole('link', { name: 'Try it' }).click()
    await tab.getByText('needs the role editor').waitFor()
  })
})
