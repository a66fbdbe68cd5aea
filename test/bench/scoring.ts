/**
 * `bun test/bench/scoring.ts`: one-row and 32-row scoring of a forest of 100 trees over 30 named features, with key, reach,
 * rate limit and values checked, against a bare `Bun.serve` that reads the same body and against onnxruntime by itself.
 */
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, FIXTURES, startCallgate } from '../harness.ts'
import {
  CONNECTIONS,
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
import { startFastApiScoring } from './python.ts'

const MODEL = `${FIXTURES}/models/tumour_forest.onnx`
const expected = (await Bun.file(`${FIXTURES}/models/tumour_forest.expected.json`).json()) as {
  feature_names: string[]
  rows: number[][]
}
const key = mintSecret('dk')
const rows = expected.rows
  .slice(0, 32)
  .map(values => Object.fromEntries(expected.feature_names.map((name, i) => [name, values[i]!])))
const one = JSON.stringify({ features: rows[0] })
const many = JSON.stringify({ rows })

const manifest = {
  projects: [
    {
      slug: 'bench',
      models: [{ name: 'forest', versions: [{ version: 1, file: MODEL, features: expected.feature_names }] }],
      services: [
        {
          key: 'bench',
          publish: true,
          endpoints: [{ id: 'score', kind: 'model', model: 'forest' }],
          keys: [{ name: 'bench', secret_env: 'BENCH_KEY', rate_limit: 1_000_000_000, allowed_endpoints: ['score'] }],
        },
      ],
    },
  ],
}
const start = (...flags: string[]): Promise<Callgate> =>
  startCallgate({ target: TARGET, manifest, flags, env: { BENCH_KEY: key } })
const load = (name: string, { url, pid }: { url: string; pid?: number }, body: string, count?: number): Load => ({
  name,
  base: url,
  pid,
  method: 'POST',
  paths: ['/api/service/bench/score'],
  headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
  body,
  ...(count ? { rows: count } : {}),
})

try {
  printHead('scoring')
  const bare = await startPeer('bare')
  const callgate = await start()
  const fastapi = await startFastApiScoring(MODEL, expected.feature_names)
  const loads = [
    load('bare Bun.serve, the same POST read', bare, one),
    load('Callgate, one row', served(callgate), one),
    ...(fastapi ? [{ ...load('FastAPI with onnxruntime, one uvicorn worker', fastapi, one), paths: ['/score'] }] : []),
  ]
  printTable('One-row scoring', loads, await takeTurns(loads), 0.55)

  const wide = [load('Callgate, 32 rows a request', served(callgate), many, 32)]
  const [callgateRows] = await takeTurns(wide)
  const alone = await loop()
  const fresh = await start('--scoring', 'subprocess')
  const subprocess = [load('Callgate, --scoring subprocess', served(fresh), many, 32)]
  const [subprocessRows] = await takeTurns(subprocess)
  printTable(
    '32-row scoring',
    [load("onnxruntime's own loop, one thread (no HTTP)", { url: '' }, many, 32), ...wide, ...subprocess],
    [{ requests: alone / 32, p50: 32_000 / alone, p99: Number.NaN, cpu: Number.NaN }, callgateRows!, subprocessRows!],
    0.5,
  )
  const { pid } = callgate.process
  console.log(`\nMemory after ${CONNECTIONS} connections of load: main process ${residentMb(pid).toFixed(0)} MB`)
  for (const worker of workersOf(pid)) console.log(`  ${worker.kind} worker ${residentMb(worker.pid).toFixed(0)} MB`)
  await bare.stop()
  await fastapi?.stop()
} finally {
  await cleanUp()
}

async function loop(): Promise<number> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/peers.ts`, 'loop', MODEL, '32'], {
    env: { ...process.env, BENCH_ROW: JSON.stringify(expected.rows[0]), ORT_DISABLE_TELEMETRY: '1' },
    stdout: 'pipe',
  })
  return Number(await new Response(child.stdout).text())
}
