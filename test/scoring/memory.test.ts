import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { predict } from '../../src/scoring/predict.ts'
import { createScorer } from '../../src/scoring/scorer.ts'
import { waitFor } from '../harness.ts'
import { workersOf } from '../life/processes.ts'
import { type Loaded, modelBytes, modelsDirectory, reference, soon } from './fixtures.ts'
import { buildModel, plusOne } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
const loaded: Loaded[] = []
beforeAll(async () => {
  models = await modelsDirectory()
  for (const name of ['late_arrival', 'churn_risk', 'iris']) loaded.push(await models.add(await modelBytes(name)))
  loaded.push(await models.add(plusOne(), ['a', 'b']))
})
afterAll(() => models.remove())

test('a process that holds more than its memory is replaced without a failed call, and serves every model again', async () => {
  const scorer = createScorer({ mode: 'worker', workers: 1, memoryBytes: 1, watchMs: 50 })
  try {
    await scorer.ready()
    const [first] = scorer.stats().pids
    const { objects, labels } = await reference('late_arrival')
    const end = Date.now() + 120_000
    let calls = 0
    let processes = 0
    while (Date.now() < end && (scorer.stats().recycled === 0 || calls < 40)) {
      const row = calls++ % 20
      const [late, , , plus] = loaded as [Loaded, Loaded, Loaded, Loaded]
      const [a, b] = await Promise.all([
        predict(scorer, late.model, late.codec, [objects[row]], 'features', soon()),
        predict(scorer, plus.model, plus.codec, [{ a: calls, b: 0 }], 'features', soon()),
      ])
      expect(a.predictions).toEqual([labels![row]])
      expect(b.predictions).toEqual([[calls + 1, 1]])
      processes = Math.max(processes, workersOf(process.pid, 'score').length)
    }
    expect(scorer.stats().recycled).toBeGreaterThan(0)
    expect(scorer.stats().restarts).toBe(0)
    // the one, its successor, and perhaps its predecessor that is ending: however often its memory is looked at meanwhile
    expect(processes).toBeLessThanOrEqual(3)
    expect(scorer.stats().pids).not.toContain(first)
  } finally {
    await scorer.close()
  }
})

const residentOf = (pid: number) =>
  1024 * Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])

/** y = x, by way of 200,000 numbers for each row. */
const wasteful = () =>
  buildModel({
    inputs: [{ name: 'x', type: 'float', dims: ['N', 1] }],
    outputs: [{ name: 'y', type: 'float', dims: ['N', 1] }],
    initializers: [{ name: 'shape', type: 'int64', dims: [2], values: [1, 200_000] }],
    nodes: [
      { op: 'Expand', inputs: ['x', 'shape'], outputs: ['wide'] },
      { op: 'ReduceMax', inputs: ['wide'], outputs: ['y'], attributes: [{ name: 'axes', ints: [1] }] },
    ],
  })

test('what a large call took of a process with a single model is given back, once: its calls may need it', async () => {
  const { model, codec } = await models.add(wasteful())
  const scorer = createScorer({ mode: 'worker', workers: 1, memoryBytes: 1, watchMs: 50 })
  const score = async (count: number) => {
    const rows = Array.from({ length: count }, (_, x) => ({ x }))
    const { predictions } = await predict(scorer, model, codec, rows, 'rows', soon(60_000))
    expect(predictions).toEqual(rows.map(({ x }) => x))
  }
  try {
    await scorer.ready()
    await scorer.warm(model)
    const [first] = scorer.stats().pids
    await score(1)
    expect(scorer.stats().recycled).toBe(0)
    await score(512)
    await waitFor(() => scorer.stats().recycled === 1 || undefined)
    const [second] = scorer.stats().pids
    expect(second).not.toBe(first)
    await score(1)
    expect(residentOf(second!)).toBeLessThan(512 * 200_000 * 4)
    // it is looked at again and again meanwhile
    for (let i = 0; i < 5; i++) await score(512)
    expect(residentOf(second!)).toBeGreaterThan(512 * 200_000 * 4)
    expect(scorer.stats()).toMatchObject({ recycled: 1, restarts: 0, pids: [second!] })
  } finally {
    await scorer.close()
  }
})

test('max_delay_ms lets a call wait for company, and no longer', async () => {
  const scorer = createScorer({ mode: 'worker', workers: 1 })
  try {
    await scorer.ready()
    const plus = loaded[3]!
    const patient = { ...plus.model, maxDelayMs: 2000 }
    const call = (n: number) => predict(scorer, patient, plus.codec, [{ a: n, b: n }], 'features', soon())
    await predict(scorer, plus.model, plus.codec, [{ a: 0, b: 0 }], 'features', soon()) // loaded
    const before = scorer.stats().batches
    const started = performance.now()
    const one = call(1)
    await waitFor(() => scorer.stats().waitingRows === 1 || undefined)
    const two = call(2)
    expect((await one).predictions).toEqual([[2, 2]])
    expect((await two).predictions).toEqual([[3, 3]])
    const took = performance.now() - started
    expect(scorer.stats().batches - before).toBe(1)
    expect(took).toBeGreaterThan(1950)
    expect(took).toBeLessThan(50_000) // of the 100 s that they have
  } finally {
    await scorer.close()
  }
})
