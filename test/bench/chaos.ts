/**
 * `bun test/bench/chaos.ts`: scoring workers are killed with SIGKILL at random moments for 60 s under load from 32 callers
 * with distinct rows. Every answer is held against what it must be. Ends with status 1 on a wrong answer, a call without an
 * answer, or a failure that is not 503. `CHAOS_SECONDS` sets another time.
 */
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, FIXTURES, startCallgate } from '../harness.ts'
import { CONNECTIONS, TARGET, workersOf } from './load.ts'

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 60)
const key = mintSecret('dk')
const expected = (await Bun.file(`${FIXTURES}/models/tumour_forest.expected.json`).json()) as {
  feature_names: string[]
  rows: number[][]
  labels: number[]
}
const callgate = await startCallgate({
  target: TARGET,
  env: { CHAOS_KEY: key },
  flags: ['--scoring-workers', '2'],
  manifest: {
    projects: [
      {
        slug: 'chaos',
        models: [
          {
            name: 'forest',
            versions: [{ version: 1, file: `${FIXTURES}/models/tumour_forest.onnx`, features: expected.feature_names }],
          },
        ],
        services: [
          {
            key: 'chaos',
            publish: true,
            endpoints: [{ id: 'score', kind: 'model', model: 'forest' }],
            keys: [{ name: 'chaos', secret_env: 'CHAOS_KEY' }],
          },
        ],
      },
    ],
  },
})
const bodies = expected.rows.map(values => ({
  features: Object.fromEntries(expected.feature_names.map((name, i) => [name, values[i]])),
}))
const end = performance.now() + SECONDS * 1000
const count = { right: 0, wrong: 0, refused: 0, other: 0, unanswered: 0 }
let kills = 0
let slowest = 0

async function caller(first: number): Promise<void> {
  for (let n = first; performance.now() < end; n++) {
    const row = n % bodies.length
    const sent = performance.now()
    const answer = await Promise.race([
      callgate.call('/api/service/chaos/score', { key, body: bodies[row] }),
      Bun.sleep(35_000).then(() => undefined),
    ]).catch(() => undefined)
    slowest = Math.max(slowest, performance.now() - sent)
    if (!answer) count.unanswered++
    else if (answer.status === 200) count[answer.json.predictions[0] === expected.labels[row] ? 'right' : 'wrong']++
    else if (answer.status === 503) count.refused++
    else count.other++
  }
}

async function killer(): Promise<void> {
  while (performance.now() < end) {
    await Bun.sleep(100 + Math.random() * 900)
    const workers = workersOf(callgate.process.pid).filter(worker => worker.kind === 'score')
    const victim = workers[Math.floor(Math.random() * workers.length)]
    if (!victim) continue
    try {
      process.kill(victim.pid, 'SIGKILL')
      kills++
    } catch {}
  }
}

try {
  await Promise.all([killer(), ...Array.from({ length: CONNECTIONS }, (_, i) => caller(i * 7))])
  const { right, wrong, refused, other, unanswered } = count
  console.log(`${SECONDS} s, ${CONNECTIONS} callers, ${kills} workers killed: ${right} right answers, ${wrong} wrong,`)
  console.log(
    `${refused} refused with 503, ${other} failed otherwise, ${unanswered} without an answer; slowest ${slowest.toFixed(0)} ms`,
  )
  process.exitCode = wrong + other + unanswered > 0 ? 1 : 0
} finally {
  await cleanUp()
}
