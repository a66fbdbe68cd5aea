/** The examples do what their README says. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { mintSecret } from '../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate } from './harness.ts'

setDefaultTimeout(180_000)

const EXAMPLES = resolve(import.meta.dir, '../examples')
const key = mintSecret('dk')
let server: Callgate
const call = (path: string, body: unknown) => server.call(`/api/service/${path}`, { key, body })

beforeAll(async () => {
  const manifest = join(EXAMPLES, 'callgate.yaml')
  server = await startCallgate({ env: { EXAMPLES_KEY: key }, flags: ['--manifest', manifest] })
}, 180_000)
afterAll(cleanUp)

test('sentiment: a model server in ten lines', async () => {
  expect((await call('text/predict', { text: 'What a GOOD day' })).json).toEqual({
    input: 'What a GOOD day',
    prediction: 'positive',
  })
  expect((await call('text/predict', { text: 'goods are late' })).json.prediction).toBe('negative')
  expect((await call('text/predict', { text: 5 })).status).toBe(422)
})

test('retention: a lookup, a score and a reason, of data that the caller sees masked and does not reach itself', async () => {
  const { json, text } = await call('retention/risk', { customer: 2 })
  expect(json).toEqual({ customer: 'G. H.', prediction: 'stays', risk: 0.28, reason: 'new: 2 months' })
  expect(text).not.toMatch(/Hopper|example\.org/)
  expect((await call('retention/risk', { customer: 99 })).status).toBe(404)
  expect((await server.call('/api/service/retention/customer?id=2', { key })).status).toBe(403)
  expect((await call('retention/churn', { features: { tenure: 2, plan: 'basic' } })).status).toBe(403)
})

test('ab-test: the same caller gets the same model, and a fifth of them the new one', async () => {
  const features = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
  const choose = async (user: string) => {
    const { json, headers } = await call('flowers/classify', { user, features })
    expect(json.variant).toBe(headers.get('x-variant'))
    return json
  }
  const users = Array.from({ length: 100 }, (_, i) => `user-${i}`)
  const first = await Promise.all(users.map(choose))
  expect(first).toEqual(await Promise.all(users.map(choose)))
  const share = first.filter(({ variant }) => variant === 'new').length
  expect(share).toBeGreaterThan(8)
  expect(share).toBeLessThan(35)
  for (const { prediction } of first) expect(prediction).toBe(0)
})

test('every handler of the examples is in the manifest', async () => {
  const { projects } = parse(await Bun.file(join(EXAMPLES, 'callgate.yaml')).text())
  const named = projects[0].services.flatMap((s: { endpoints: { handler_file?: string }[] }) =>
    s.endpoints.flatMap(e => e.handler_file ?? []),
  )
  const there = [...new Bun.Glob('*.ts').scanSync(EXAMPLES)].filter(name => !name.endsWith('.d.ts'))
  expect(named.toSorted()).toEqual(there.toSorted())
})
