/**
 * `bun test/bench/functions.ts`: a function that echoes its body, against a bare `Bun.serve` that reads the same POST; and one
 * that looks a customer up, scores it and answers with a reason, against a call of the model alone. With key, reach and rate
 * limit checked.
 */
import { join, resolve } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, startCallgate } from '../harness.ts'
import {
  type Load,
  printHead,
  printTable,
  residentMb,
  served,
  startPeer,
  TARGET,
  takeTurns,
  workersOf,
} from './load.ts'

const EXAMPLES = resolve(import.meta.dir, '../../examples')
const key = mintSecret('dk')
const endpoints = [
  { id: 'echo', kind: 'function', handler: 'export default request => ({ echo: request.body })' },
  { id: 'customer', kind: 'lookup', dataset: 'shop.customers', key_column: 'customer_key' },
  { id: 'churn', kind: 'model', model: 'churn' },
  { id: 'risk', kind: 'function', handler: await Bun.file(join(EXAMPLES, 'retention.ts')).text() },
]
const manifest = {
  projects: [
    {
      slug: 'bench',
      datasets: [{ name: 'shop.customers', from: join(EXAMPLES, 'data/customers.csv'), primary_key: 'customer_key' }],
      models: [{ name: 'churn', versions: [{ version: 1, file: join(EXAMPLES, 'models/churn_risk.onnx') }] }],
      services: [
        {
          key: 'bench',
          publish: true,
          endpoints,
          keys: [
            {
              name: 'bench',
              secret_env: 'BENCH_KEY',
              rate_limit: 1_000_000_000,
              allowed_endpoints: endpoints.map(({ id }) => id),
            },
          ],
        },
      ],
    },
  ],
}
const load = (name: string, { url, pid }: { url: string; pid: number }, endpoint: string, body: object): Load => ({
  name,
  base: url,
  pid,
  method: 'POST',
  paths: [`/api/service/bench/${endpoint}`],
  headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
  body: JSON.stringify(body),
})

try {
  printHead('functions')
  const callgate = await startCallgate({ target: TARGET, manifest, env: { BENCH_KEY: key } })
  const bare = await startPeer('bare')
  const order = { order: 17, items: ['pen', 'paper'], paid: true }
  const trivial = [
    load('bare Bun.serve, 200 bytes', bare, 'echo', order),
    load('Callgate, a function that echoes its body', served(callgate), 'echo', order),
  ]
  printTable('A trivial function', trivial, await takeTurns(trivial), 0.3)

  const features = { features: { tenure: 2, plan: 'basic' } }
  const enrichment = [
    load('Callgate, the model alone', served(callgate), 'churn', features),
    load('Callgate, a function: lookup, model, reason', served(callgate), 'risk', { customer: 2 }),
  ]
  printTable('Enrichment', enrichment, await takeTurns(enrichment), 0.5)
  console.log(`\nMemory after the load: main process ${residentMb(callgate.process.pid).toFixed(0)} MB`)
  for (const { pid, kind } of workersOf(callgate.process.pid))
    if (kind === 'function') console.log(`  function worker ${residentMb(pid).toFixed(0)} MB (aim when idle: 120)`)
  await bare.stop()
  await callgate.stop()
} finally {
  await cleanUp()
}
