/** The page that shows porter's document, in a browser: what it begins a request with is one that is answered. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { closeTabs, describeInBrowser, openTab } from '../../console/browser.ts'
import { type Callgate, cleanUp, startCallgate } from '../../harness.ts'

setDefaultTimeout(180_000)

const NAMES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']
const row = { type: 'object', properties: Object.fromEntries(NAMES.map(name => [name, { type: 'number' }])) }
const file = join(import.meta.dir, '../../conformance/porter/models/iris_logreg.onnx')

describeInBrowser('the page of porter’s document', () => {
  let callgate: Callgate
  beforeAll(async () => {
    const services = [
      {
        key: 's',
        publish: true,
        public: true,
        endpoints: [
          {
            id: 'iris',
            kind: 'model',
            model: 'iris',
            schema: { $ref: '#/$defs/Row', $defs: { Row: { ...row, required: NAMES } } },
            porter: {},
          },
          {
            id: 'echo',
            kind: 'function',
            handler: 'export default ({ params }) => params',
            porter: { path: '/of/<string:first>/<second>' },
          },
        ],
      },
    ]
    const models = [{ name: 'iris', versions: [{ version: 1, file, features: NAMES }] }]
    callgate = await startCallgate({
      manifest: { porter: { expose_docs: true }, projects: [{ slug: 'p', models, services }] },
    })
  })
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })

  /** The part of the page about POST requests to a path, opened. */
  async function at(path: string, trouble: string[]) {
    const page = await openTab({ trouble })
    await page.goto(`${callgate.url}/docs/`)
    const part = page.locator('details').filter({ has: page.getByText(`POST${path}`) })
    await part.locator('summary').click()
    return part
  }

  test('sends a row that the model takes', async () => {
    const trouble: string[] = []
    const part = await at('/iris/v1/prediction', trouble)
    await part.getByRole('button', { name: 'Send' }).click()
    await part.getByText(/^200\n.*"predictions":\[{"id":1,/).waitFor()
    expect(trouble).toEqual([])
  })

  test('asks for what a path’s parameters are to be', async () => {
    const part = await at('/of/<string:first>/<second>', [])
    await part.getByPlaceholder('first').fill("it's $& ü")
    await part.getByPlaceholder('second').fill('b')
    await part.locator('textarea').fill('{}')
    await part.getByRole('button', { name: 'Send' }).click()
    await part.getByText(/^200\n/).waitFor()
    expect(await part.getByText(/^200\n/).textContent()).toContain(`"first":"it's $& \\u00fc"`)
  })
})
