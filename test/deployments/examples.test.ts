/** The examples of deployments do what their README says. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'
import { pythonWith } from '../python.ts'

setDefaultTimeout(180_000)

const EXAMPLES = resolve(import.meta.dir, '../../examples/deployments')
const PACKAGES = ['fastapi==0.165.0', 'uvicorn==0.54.0', 'requests==2.33.0']
const python = pythonWith('test-examples', PACKAGES)
const node = Bun.which('node')
const key = mintSecret('dk')
const auth = { authorization: `ApiKey ${key}` }
let callgate: Callgate
/** what runs already, elsewhere */
const elsewhere = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: request => new Response(`${request.method} ${new URL(request.url).pathname}`),
})

beforeAll(async () => {
  const manifest = parse(await Bun.file(join(EXAMPLES, 'callgate.yaml')).text())
  for (const deployment of manifest.projects[0].deployments) {
    if (deployment.cwd) deployment.cwd = join(EXAMPLES, deployment.cwd)
    if (deployment.upstream) deployment.upstream = deployment.upstream.replace('9700', String(elsewhere.port))
    if (deployment.name === 'events') deployment.env = { INTERVAL_MS: '1000' }
  }
  const path = 'bin' in python ? `${python.bin}:${process.env.PATH}` : (process.env.PATH ?? '')
  callgate = await startCallgate({ manifest, env: { EXAMPLES_KEY: key, PATH: path } })
})
afterAll(async () => {
  await cleanUp()
  await elsewhere.stop(true)
})

if ('absent' in python) console.log(`  the FastAPI example is not tested: ${python.absent}`)
describe.skipIf('absent' in python)('sentiment, a FastAPI server', () => {
  const url = () => `${callgate.url}/v1/examples/sentiment`

  test('answers the client that is written with requests', async () => {
    const ask = async (text: string) => {
      const client = [join((python as { bin: string }).bin, 'python'), join(EXAMPLES, 'sentiment/client.py')]
      const { stdout, stderr, exitCode } = Bun.spawnSync([...client, url(), key, text])
      return [stdout.toString(), stderr.toString(), exitCode]
    }
    expect(await ask('What a GOOD day')).toEqual(['positive\n', '', 0])
    expect(await ask('rain again')).toEqual(['negative\n', '', 0])
  })

  test('answers curl, and refuses in its own words', async () => {
    const predict = (body: unknown) => callgate.call('/v1/examples/sentiment/predict', { body, headers: auth })
    expect((await predict({ text: 'a good day' })).json).toEqual({ input: 'a good day', prediction: 'positive' })
    const refused = await predict({ words: 5 })
    expect([refused.status, refused.json.detail[0].loc]).toEqual([422, ['body', 'text']])
    expect((await callgate.call('/v1/examples/sentiment/predict', { headers: auth })).status).toBe(405)
    expect((await callgate.call('/v1/examples/sentiment/docs', { headers: auth })).text).toContain('swagger')
  })
})

if (!node) console.log('  the Node example is not tested: there is no node on the PATH')
test.skipIf(!node)('events, a Node server, sends its events as they come', async () => {
  const response = await fetch(`${callgate.url}/v1/examples/events/countdown?from=3`, { headers: auth })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const times: number[] = []
  let text = ''
  for await (const piece of response.body!) {
    times.push(performance.now())
    text += Buffer.from(piece).toString()
  }
  expect(text).toBe('data: 3\n\ndata: 2\n\ndata: 1\n\nevent: lift-off\ndata: 0\n\n')
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(300)
})

test('elsewhere, a server that runs already', async () => {
  expect((await callgate.call('/v1/examples/elsewhere/client.py', { headers: auth })).text).toBe('GET /client.py')
  expect((await callgate.call('/v1/examples/elsewhere/client.py')).status).toBe(401)
})
