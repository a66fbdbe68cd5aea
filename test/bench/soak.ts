/**
 * `bun test/bench/soak.ts`: memory over 200,000 one-row predictions on 20 models, while versions are added, activated and
 * deleted and models are unloaded and loaded through the Open Inference repository calls. Prints the resident memory of all
 * processes after the first 20,000 and after the last, and ends with status 1 when the ratio is over 1.3 or an answer was
 * wrong. `SOAK_PREDICTIONS` sets another number.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, startCallgate, temporaryFolder } from '../harness.ts'
import { buildModel } from '../scoring/onnx-builder.ts'
import { CONNECTIONS, residentMb, TARGET, workersOf } from './load.ts'

const MODELS = 20
const PREDICTIONS = Number(process.env.SOAK_PREDICTIONS ?? 200_000)
const FIRST = PREDICTIONS / 10
const folder = temporaryFolder()

/** y = x * weight: another file for every weight, large enough to be noticed when it is not let go. */
function model(weight: number): string {
  const width = 256
  const path = join(folder, `times-${weight}.onnx`)
  const values = Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? weight : 0))
  writeFileSync(
    path,
    buildModel({
      inputs: [{ name: 'x', type: 'float', dims: ['N', width] }],
      outputs: [{ name: 'y', type: 'float', dims: ['N', width] }],
      initializers: [{ name: 'w', type: 'float', dims: [width, width], values }],
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    }),
  )
  return path
}

const key = mintSecret('dk')
const names = Array.from({ length: MODELS }, (_, i) => `m${i}`)
const callgate = await startCallgate({
  target: TARGET,
  env: { SOAK_KEY: key },
  manifest: {
    projects: [
      {
        slug: 'soak',
        models: names.map((name, i) => ({ name, versions: [{ version: 1, file: model(i + 1) }] })),
        services: [
          { key: 'soak', publish: true, endpoints: names.map(name => ({ id: name, kind: 'model', model: name })) },
        ],
        keys: [{ name: 'soak', secret_env: 'SOAK_KEY', manage_models: true }],
      },
    ],
  },
})
const row = (n: number) => Array.from({ length: 256 }, (_, i) => (i === 0 ? n % 1000 : 1))
let wrong = 0
let done = 0

async function predict(n: number): Promise<void> {
  const i = n % MODELS
  const { status, json } = await callgate.call(`/api/service/soak/m${i}`, { key, body: { features: { x: row(n) } } })
  if (status !== 200 || json.predictions[0][0] !== (n % 1000) * (i + 1)) wrong++
  done++
}

async function predictUntil(total: number): Promise<void> {
  const one = async () => {
    while (done < total) await predict(done)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
}

/** One turn of what makes servers grow: another version comes, serves, goes; a model is unloaded and loaded. */
async function churn(turn: number): Promise<void> {
  const name = names[turn % MODELS]!
  const projects = await callgate.admin('GET', '/api/projects')
  const scope = { 'x-project-id': String(projects.json.items[0].project_id) }
  const form = new FormData()
  form.set('file', Bun.file(model(1000 + turn)))
  form.set('name', `extra-${turn}`)
  const added = await callgate.admin('POST', '/api/models', form, scope)
  if (added.status !== 201) throw new Error(`upload: ${added.status} ${added.text}`)
  const removed = await callgate.admin('DELETE', `/api/models/${added.json.model_id}`)
  if (removed.status !== 200) throw new Error(`delete: ${removed.status} ${removed.text}`)
  for (const verb of ['unload', 'load']) {
    const answer = await callgate.call(`/v2/repository/models/${name}/${verb}`, { method: 'POST', key })
    if (answer.status !== 200) throw new Error(`${verb}: ${answer.status} ${answer.text}`)
  }
}

const resident = () => {
  const { pid } = callgate.process
  const workers = workersOf(pid).map(worker => residentMb(worker.pid))
  return { main: residentMb(pid), workers, all: residentMb(pid) + workers.reduce((a, b) => a + b, 0) }
}
const say = (when: string, { main, workers, all }: ReturnType<typeof resident>) =>
  console.log(
    `${when}: ${all.toFixed(0)} MB (main ${main.toFixed(0)}, workers ${workers.map(w => w.toFixed(0)).join(' + ')})`,
  )

try {
  await predictUntil(FIRST)
  const before = resident()
  say(`after ${FIRST.toLocaleString('en-US')} predictions on ${MODELS} models`, before)
  for (let turn = 0; turn < 18; turn++) {
    await churn(turn)
    await predictUntil(FIRST + ((PREDICTIONS - FIRST) * (turn + 1)) / 18)
  }
  const after = resident()
  say(`after ${done.toLocaleString('en-US')}, with 18 uploads, deletes, unloads and loads`, after)
  const ratio = after.all / before.all
  console.log(`ratio ${ratio.toFixed(2)} (at most 1.3), ${wrong} wrong or failed answers`)
  process.exitCode = ratio > 1.3 || wrong > 0 ? 1 : 0
} finally {
  await cleanUp()
}
