/**
 * Every page of the console, as the administrator of test/console/world.ts sees it: its pictures are taken by
 * screenshots.ts, and pages.test.ts holds each to be accessible and to fit a phone. A new page adds its line.
 */
import type { Page } from 'playwright-core'
import { keepersCsv } from './data.ts'

export interface ConsolePage {
  /** of the picture's file */
  name: string
  /** below /console */
  path: string
  /** before anybody has signed in */
  signedOut?: boolean
  /** what is there when the page has read what it shows */
  ready: (page: Page) => Promise<unknown>
  /** what is done on the page before it is looked at: a dialog opened, a form filled in */
  prepare?: (page: Page) => Promise<unknown>
}

const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { level: 1, name }).waitFor()
const press = (name: string) => (page: Page) => page.getByRole('button', { name, exact: true }).first().click()

const table = (name: string) => (page: Page) => page.getByRole('table', { name, exact: true }).waitFor()

/** Chooses a file that is read, and one that is not. */
const drop = (page: Page) =>
  page.locator('input[type=file]').setInputFiles([
    { name: 'keepers.csv', mimeType: 'text/csv', buffer: Buffer.from(keepersCsv(3)) },
    { name: 'notes.docx', mimeType: 'application/octet-stream', buffer: Buffer.from('notes') },
  ])

async function tryLate(page: Page): Promise<void> {
  const flight = { month: '7', hour: '20', distance: '872', carrier: 'EV', origin: 'EWR', dest: 'STL' }
  for (const [feature, value] of Object.entries(flight)) await page.getByLabel(feature, { exact: true }).fill(value)
  await page.getByRole('button', { name: 'Predict' }).click()
  await page.getByText('Prediction', { exact: true }).waitFor()
}

/** Starts a deployment, where it does not run, and waits until it has come so far. */
const started = (state: string) => async (page: Page) => {
  await page.getByRole('navigation', { name: 'Parts of the deployment' }).waitFor()
  const start = page.getByRole('button', { name: 'Start now' })
  if (await start.isVisible()) await start.click()
  await page.getByRole('main').getByText(state, { exact: true }).first().waitFor()
}

const runs = (answered: string) => async (page: Page) => {
  await page.getByRole('button', { name: 'Run' }).click()
  await page.getByText(answered).waitFor()
}

export const PAGES: ConsolePage[] = [
  { name: 'sign-in', path: '/sign-in', signedOut: true, ready: heading('Sign in') },
  { name: 'home', path: '/', ready: heading('Home') },
  { name: 'projects', path: '/projects', ready: table('Projects') },
  { name: 'new-project', path: '/projects', ready: heading('Projects'), prepare: press('New project') },
  { name: 'project', path: '/projects/garden', ready: heading('Garden') },
  { name: 'usage', path: '/projects/garden/usage', ready: table('Who calls what') },
  { name: 'usage-live', path: '/projects/garden/usage?range=hour', ready: table('Who calls what') },
  {
    name: 'usage-week',
    path: '/projects/garden/usage?range=week&service=plants&endpoint=search',
    ready: table('Who calls what'),
    prepare: page => page.getByText('As a table').first().click(),
  },
  {
    name: 'usage-own',
    path: '/projects/garden/usage?range=month&status=5xx',
    ready: table('Who calls what'),
    prepare: page => page.getByText('Own', { exact: true }).click(),
  },
  {
    name: 'usage-empty',
    path: '/projects/bank/usage',
    ready: page => page.getByText('No call in this time').waitFor(),
  },
  {
    name: 'unpublish-service',
    path: '/projects/garden/services/plants',
    ready: table('Endpoints'),
    prepare: async page => {
      await press('Unpublish')(page)
      await page.getByText('These keys called it').waitFor()
    },
  },
  { name: 'datasets', path: '/projects/garden/datasets', ready: table('Datasets') },
  {
    name: 'datasets-empty',
    path: '/projects/bank/datasets',
    ready: page => page.getByText('No dataset yet').waitFor(),
  },
  {
    name: 'datasets-upload',
    path: '/projects/garden/datasets/upload',
    ready: heading('Upload datasets'),
    prepare: drop,
  },
  { name: 'datasets-connect', path: '/projects/garden/datasets/connect', ready: heading('Connect data in place') },
  { name: 'dataset', path: '/projects/garden/datasets/marts.keepers', ready: table('Preview') },
  {
    name: 'dataset-columns',
    path: '/projects/garden/datasets/marts.keepers/columns',
    ready: table('Columns'),
    prepare: press('Accept all'),
  },
  {
    name: 'dataset-settings',
    path: '/projects/garden/datasets/marts.beds/settings',
    ready: page => page.getByLabel('Description').waitFor(),
  },
  { name: 'dataset-used-by', path: '/projects/garden/datasets/marts.keepers/used-by', ready: table('Used by') },
  {
    name: 'dataset-delete',
    path: '/projects/garden/datasets/marts.keepers/settings',
    ready: page => page.getByLabel('Description').waitFor(),
    prepare: press('Delete dataset'),
  },
  { name: 'models', path: '/projects/garden/models', ready: table('Models') },
  { name: 'models-upload', path: '/projects/garden/upload-model?name=iris', ready: heading('New version') },
  { name: 'model', path: '/projects/garden/models/iris', ready: table('Features') },
  { name: 'model-versions', path: '/projects/garden/models/iris/versions', ready: table('Versions') },
  {
    name: 'model-try',
    path: '/projects/garden/models/late/try',
    ready: page => page.getByRole('button', { name: 'Predict' }).waitFor(),
    prepare: tryLate,
  },
  { name: 'model-used-by', path: '/projects/garden/models/iris/used-by', ready: table('Used by') },
  {
    name: 'service-keys',
    path: '/projects/garden/services/plants/keys',
    ready: page => page.getByRole('row', { name: /head gardener/ }).waitFor(),
  },
  {
    name: 'mint-key',
    path: '/projects/garden/services/plants/keys',
    ready: page => page.getByRole('row', { name: /head gardener/ }).waitFor(),
    prepare: async page => {
      await press('Mint key')(page)
      await page.getByRole('checkbox', { name: /search/ }).waitFor()
    },
  },
  {
    name: 'no-keys',
    path: '/projects/garden/services/drafts/keys',
    ready: page => page.getByText('No key yet').waitFor(),
  },
  {
    name: 'project-keys',
    path: '/projects/garden/keys',
    ready: page => page.getByRole('row', { name: /operations/ }).waitFor(),
  },
  {
    name: 'edit-project-key',
    path: '/projects/garden/keys',
    ready: page => page.getByRole('row', { name: /operations/ }).waitFor(),
    prepare: async page => {
      await press('Actions for operations')(page)
      await page.getByRole('menuitem', { name: 'Edit' }).click()
      await page.getByRole('checkbox', { name: /flowers/ }).waitFor()
    },
  },
  {
    name: 'test-rows',
    path: '/projects/garden/services/plants/test?endpoint=search&as=public',
    ready: page => page.getByRole('button', { name: 'Run' }).waitFor(),
    prepare: async page => {
      await press('Run')(page)
      await page.getByRole('table', { name: 'Answer' }).waitFor()
    },
  },
  {
    name: 'test-model',
    path: '/projects/garden/services/plants/test?endpoint=species',
    ready: page => page.getByRole('button', { name: 'Run' }).waitFor(),
    prepare: async page => {
      await press('Run')(page)
      await page.getByText('"predictions"').waitFor()
    },
  },
  { name: 'members', path: '/projects/garden/members', ready: table('Members') },
  { name: 'add-member', path: '/projects/garden/members', ready: table('Members'), prepare: press('Add member') },
  { name: 'users', path: '/users', ready: table('Users') },
  { name: 'new-user', path: '/users', ready: table('Users'), prepare: press('New user') },
  { name: 'user', path: '/users/2', ready: heading('ed') },
  { name: 'connections', path: '/connections', ready: heading('Connections') },
  { name: 'add-connection', path: '/connections', ready: heading('Connections'), prepare: press('Add connection') },
  { name: 'audit', path: '/audit', ready: table('Audit') },
  { name: 'settings', path: '/settings', ready: table('Settings') },
  { name: 'account', path: '/account', ready: table('Sessions') },
  { name: 'tokens', path: '/tokens', ready: table('Tokens') },
  { name: 'new-token', path: '/tokens', ready: table('Tokens'), prepare: press('New token') },
  { name: 'not-found', path: '/nothing-here', ready: heading('There is no such page') },
  { name: 'services', path: '/projects/garden/services', ready: table('Services') },
  { name: 'services-empty', path: '/projects/bank/services', ready: heading('Services') },
  { name: 'new-service', path: '/projects/garden/services', ready: table('Services'), prepare: press('New service') },
  { name: 'service', path: '/projects/garden/services/plants', ready: table('Endpoints') },
  {
    name: 'endpoint-query',
    path: '/projects/garden/services/plants/endpoints/search',
    ready: page => page.getByText('Compiled SQL').waitFor(),
  },
  {
    name: 'endpoint-lookup',
    path: '/projects/garden/services/plants/endpoints/plant',
    ready: page => page.getByRole('group', { name: 'Parameters' }).getByRole('textbox').fill('3'),
    prepare: page => page.getByText('Iris virginica').waitFor(),
  },
  {
    name: 'endpoint-model',
    path: '/projects/garden/services/plants/endpoints/species',
    ready: page => page.getByRole('table', { name: 'What it takes' }).waitFor(),
    prepare: runs('Status 200'),
  },
  {
    name: 'endpoint-function',
    path: '/projects/garden/services/plants/endpoints/greet',
    ready: page => page.getByRole('textbox', { name: 'Handler' }).waitFor(),
    prepare: runs('Status 200'),
  },
  {
    name: 'endpoint-json',
    path: '/projects/garden/services/plants/endpoints/search',
    ready: page => page.getByText('Compiled SQL').waitFor(),
    prepare: async page => {
      await page.getByText('JSON', { exact: true }).click()
      await page.getByRole('textbox', { name: 'The endpoint as JSON' }).waitFor()
    },
  },
  {
    name: 'endpoint-model-code',
    path: '/projects/garden/services/drafts/endpoints/species',
    ready: page => page.getByRole('table', { name: 'What it takes' }).waitFor(),
    prepare: async page => {
      await press('Add before')(page)
      await page.getByRole('textbox', { name: 'Before' }).waitFor()
      await page.getByRole('switch', { name: 'Serve it at porter’s path, too' }).press('Space')
      await page.getByText('POST /species/v1/prediction').waitFor()
    },
  },
  {
    name: 'new-endpoint-query',
    path: '/projects/garden/services/plants/new-endpoint?kind=sql',
    ready: page => page.getByRole('combobox', { name: /^From/ }).waitFor(),
  },
  {
    name: 'new-endpoint-table',
    path: '/projects/garden/services/plants/new-endpoint?kind=table',
    ready: page => page.getByRole('combobox', { name: /^Dataset/ }).waitFor(),
  },
  {
    name: 'service-versions',
    path: '/projects/garden/services/plants/versions',
    ready: table('Versions'),
  },
  {
    name: 'service-settings',
    path: '/projects/garden/services/plants/settings',
    ready: page => page.getByRole('heading', { name: 'General' }).waitFor(),
  },
  { name: 'deployments', path: '/projects/garden/deployments', ready: table('Deployments') },
  {
    name: 'deployments-empty',
    path: '/projects/bank/deployments',
    ready: page => page.getByText('No deployment yet').waitFor(),
  },
  {
    name: 'new-deployment',
    path: '/projects/bank/new-deployment',
    ready: page => page.getByRole('textbox', { name: 'Command' }).fill('python3 server.py --greeting "good day"'),
    prepare: async page => {
      await page.getByRole('button', { name: 'Add variable' }).click()
      await page.getByRole('textbox', { name: 'Variable', exact: true }).fill('MODEL_PATH')
    },
  },
  {
    name: 'new-deployment-upstream',
    path: '/projects/bank/new-deployment',
    ready: page => page.getByText('Upstream', { exact: true }).click(),
    prepare: press('More settings'),
  },
  {
    name: 'deployment',
    path: '/projects/garden/deployments/sentiment',
    ready: started('Running'),
  },
  {
    name: 'deployment-failing',
    path: '/projects/garden/deployments/broken',
    ready: started('Failing'),
    prepare: page => page.getByText("KeyError: 'MODEL_PATH'").first().waitFor(),
  },
  {
    name: 'deployment-model',
    path: '/projects/garden/deployments/species',
    ready: page => page.getByText(':predict').waitFor(),
  },
  {
    name: 'deployment-logs',
    path: '/projects/garden/deployments/sentiment/logs',
    ready: started('Running'),
    prepare: page => page.getByRole('log').getByText('ready on port').first().waitFor(),
  },
  {
    name: 'deployment-logs-failing',
    path: '/projects/garden/deployments/broken/logs',
    ready: page => page.getByRole('log').getByText('KeyError').first().waitFor(),
  },
  {
    name: 'deployment-callers',
    path: '/projects/garden/deployments/sentiment/callers',
    ready: page => page.getByRole('row', { name: /^chat window This deployment only/ }).waitFor(),
  },
  {
    name: 'deployment-settings',
    path: '/projects/garden/deployments/sentiment/settings',
    ready: page => page.getByRole('textbox', { name: 'Command' }).waitFor(),
    prepare: press('Replace GREETING'),
  },
  {
    name: 'deployment-settings-json',
    path: '/projects/garden/deployments/sentiment/settings',
    ready: page => page.getByText('JSON', { exact: true }).click(),
    prepare: page => page.getByRole('textbox', { name: 'The definition as JSON' }).waitFor(),
  },
  {
    name: 'deployment-delete',
    path: '/projects/garden/deployments/sentiment/settings',
    ready: page => page.getByRole('textbox', { name: 'Command' }).waitFor(),
    prepare: press('Delete deployment'),
  },
]
