import { afterAll, beforeAll, describe, expect, setSystemTime, test } from 'bun:test'
import { Fault } from '../../src/lib/fault.ts'
import { Batcher, type Lane } from '../../src/scoring/batcher.ts'
import { predict } from '../../src/scoring/predict.ts'
import { JobQueue } from '../../src/scoring/queue.ts'
import { createScorer, type Scorer, type ScorerOptions } from '../../src/scoring/scorer.ts'
import type { Tensors } from '../../src/scoring/tensors.ts'
import { waitFor } from '../harness.ts'
import { sigkill, workersOf } from '../life/processes.ts'
import { type Loaded, modelBytes, modelsDirectory, reference, soon } from './fixtures.ts'
import { buildModel, plusOne, slowModel } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
let plus: Loaded
let slow: Loaded
beforeAll(async () => {
  models = await modelsDirectory()
  plus = await models.add(plusOne(), ['a', 'b'])
  slow = await models.add(slowModel())
})
afterAll(() => models.remove())

async function withScorer(options: Partial<ScorerOptions>, use: (scorer: Scorer) => Promise<void>): Promise<void> {
  const scorer = createScorer({ mode: 'worker', workers: 1, ...options })
  try {
    await scorer.ready()
    await use(scorer)
  } finally {
    await scorer.close()
  }
}

const score = (scorer: Scorer, n: number, options = soon()) =>
  predict(scorer, plus.model, plus.codec, [{ a: n, b: -n }], 'features', options).then(answer => answer.predictions[0])
const drag = (scorer: Scorer, options: Parameters<typeof predict>[5] = soon()) =>
  predict(scorer, slow.model, slow.codec, [{ x: 1 }], 'features', options)
/** The process of a scorer, which does nothing until it is let go on: what is given to it is in it as long. */
function stopped(scorer: Scorer): { goesOn(): void } {
  const pid = scorer.stats().pids[0]!
  process.kill(pid, 'SIGSTOP')
  return { goesOn: () => process.kill(pid, 'SIGCONT') }
}
const statusOf = (error: unknown) => (error instanceof Fault ? error.status : error)
const until = (condition: () => boolean) => waitFor(() => condition() || undefined)

describe('batches', () => {
  test('form by themselves from what arrives meanwhile, and everyone gets their own answer', () =>
    withScorer({}, async scorer => {
      const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => score(scorer, i)))
      expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => [i + 1, 1 - i]))
      expect(scorer.stats().batches).toBeLessThan(20)
      expect(scorer.stats().rows).toBe(200)
    }))

  test('never hold more rows than they may, counting rows and not requests', () =>
    withScorer({ maxBatchRows: 8 }, async scorer => {
      const rows = (n: number) => [n, n + 0.5, n + 0.25].map(a => ({ a, b: 0 }))
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => predict(scorer, plus.model, plus.codec, rows(i), 'rows', soon())),
      )
      for (const [i, { predictions }] of answers.entries())
        expect(predictions).toEqual([
          [i + 1, 1],
          [i + 1.5, 1],
          [i + 1.25, 1],
        ])
      expect(scorer.stats().batches).toBeGreaterThanOrEqual(20) // two requests of three rows in each
    }))

  test('a request that the model refuses does not spoil its neighbours', async () => {
    // Gather fails for a whole batch when one index is out of range
    const table = await models.add(
      buildModel({
        inputs: [{ name: 'i', type: 'int64', dims: ['N'] }],
        outputs: [{ name: 'y', type: 'float', dims: ['N'] }],
        initializers: [{ name: 'table', type: 'float', dims: [4], values: [10, 11, 12, 13] }],
        nodes: [{ op: 'Gather', inputs: ['table', 'i'], outputs: ['y'] }],
      }),
    )
    expect(table.model.metadata.independentRows).toBe(true)
    await withScorer({}, async scorer => {
      const settled = await Promise.allSettled(
        Array.from({ length: 60 }, (_, n) =>
          predict(scorer, table.model, table.codec, [{ i: n % 20 === 7 ? 4242 : n % 4 }], 'features', soon()),
        ),
      )
      for (const [n, one] of settled.entries())
        if (n % 20 === 7) {
          expect(one.status).toBe('rejected')
          const fault = (one as PromiseRejectedResult).reason as Fault
          expect([fault.status, fault.code]).toEqual([422, 'model_refused'])
          const logged = String(fault.cause) // logs hold no row values either
          expect(logged).toContain('Gather')
          expect(fault.message + JSON.stringify(fault.members) + logged).not.toContain('4242')
        } else
          expect((one as PromiseFulfilledResult<{ predictions: unknown[] }>).value.predictions).toEqual([10 + (n % 4)])
      expect(scorer.stats().reruns).toBeGreaterThan(0)
    })
  })

  test('requests for different outputs or shapes are kept apart', () =>
    withScorer({}, async scorer => {
      const forest = await models.add(await modelBytes('tumour_forest'))
      const { rows, labels } = await reference('tumour_forest')
      const ask = (i: number, outputs?: string[]) => {
        const data = new Float32Array(rows[i] as number[])
        return scorer.score(forest.model, { X: { type: 'float32', dims: [1, 30], data } }, 1, { ...soon(), outputs })
      }
      const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i, i % 2 ? ['label'] : undefined)))
      for (const [i, answer] of answers.entries()) {
        expect(Object.keys(answer)).toEqual(i % 2 ? ['label'] : ['label', 'probabilities'])
        expect(Number(answer.label!.data[0])).toBe(labels![i] as number)
      }
    }))

  test('outputs are told apart whatever their names are', () =>
    withScorer({}, async scorer => {
      const names = ['a', 'b', 'a|b']
      const { model } = await models.add(
        buildModel({
          inputs: [{ name: 'x', type: 'float', dims: ['N'] }],
          outputs: names.map(name => ({ name, type: 'float', dims: ['N'] })),
          nodes: names.map(name => ({ op: 'Neg', inputs: ['x'], outputs: [name] })),
        }),
      )
      const ask = (i: number, outputs: string[]) =>
        scorer.score(model, { x: { type: 'float32', dims: [1], data: Float32Array.of(i) } }, 1, { ...soon(), outputs })
      const wanted = Array.from({ length: 60 }, (_, i) => (i % 2 ? ['a', 'b'] : ['a|b']))
      const answers = await Promise.all(wanted.map((outputs, i) => ask(i, outputs)))
      expect(answers.map(answer => Object.keys(answer))).toEqual(wanted)
    }))
})

describe('workers that are killed', () => {
  test('cost their requests one retry that nobody notices', () =>
    withScorer({ workers: 2 }, async scorer => {
      await score(scorer, 0)
      const first = scorer.stats().pids[0]!
      const answers = Array.from({ length: 100 }, (_, i) => score(scorer, i))
      process.kill(first, 'SIGKILL')
      expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => [i + 1, 1 - i]))
      await until(() => scorer.stats().pids.length === 2 && !scorer.stats().pids.includes(first))
      expect(scorer.stats().restarts).toBe(1)
    }))

  test('never mix answers up: 200 callers with distinct rows, while workers die at random', () =>
    withScorer({ workers: 2 }, async scorer => {
      let [right, wrong, refused, kills] = [0, 0, 0, 0]
      const killed = (async () => {
        for (; kills < 8; kills++) {
          // each at its work: as many answers as there are callers lie between two of them
          await until(() => right >= kills * 200 && scorer.stats().pids.length > 0)
          process.kill(scorer.stats().pids[0]!, 'SIGKILL')
        }
      })()
      await Promise.all(
        Array.from({ length: 200 }, async (_, caller) => {
          for (let i = 0; kills < 8; i++) {
            const n = caller * 1000 + (i % 1000)
            try {
              const [a, b] = (await score(scorer, n)) as number[]
              if (a === n + 1 && b === 1 - n) right++
              else wrong++
            } catch (error) {
              expect(statusOf(error)).toBe(503)
              refused++
            }
          }
        }),
      )
      await killed
      expect(wrong).toBe(0)
      expect(right).toBeGreaterThan(1400)
      // a request is lost with the second process that ends under it, where it was by itself
      expect(refused).toBeLessThanOrEqual(kills)
      expect(scorer.stats().open).toBe(0)
    }))

  test('twice under one request, that is 503 and not a third try', () =>
    withScorer({}, async scorer => {
      const endless = await models.add(slowModel(1500, 600))
      const answer = predict(scorer, endless.model, endless.codec, [{ x: 1 }], 'features', soon()).catch(statusOf)
      for (let kill = 0; kill < 2; kill++) {
        await until(() => scorer.stats().pids.length === 1 && scorer.stats().batches === kill + 1)
        await Bun.sleep(50)
        process.kill(scorer.stats().pids[0]!, 'SIGKILL')
        await until(() => scorer.stats().pids.length === 0 || scorer.stats().restarts > kill)
      }
      expect(await answer).toBe(503)
      expect(await score(scorer, 1)).toEqual([2, 0])
    }))
})

test('a worker that has served and does not start any more is tried again after pauses that grow, not at once for ever', () =>
  withScorer({}, async scorer => {
    expect(await score(scorer, 1)).toEqual([2, 0])
    const before = scorer.stats().restarts
    const end = Date.now() + 3000
    while (Date.now() < end) {
      for (const { pid } of workersOf(process.pid, 'score')) sigkill(pid)
      await Bun.sleep(5)
    }
    // at 0, 50, 150, 350, 750, 1550 ms and so on
    expect(scorer.stats().restarts - before).toBeLessThan(9)
    await until(() => scorer.status().ready)
    expect(await score(scorer, 2)).toEqual([3, -1])
  }))

describe('bounds', () => {
  test('a full queue is 503 with Retry-After, and what waits is still served', () =>
    withScorer({ maxQueueRows: 5 }, async scorer => {
      const { goesOn } = stopped(scorer)
      const busy = score(scorer, 0)
      await until(() => scorer.stats().batches === 1)
      const waiting = Array.from({ length: 5 }, (_, i) => score(scorer, i))
      const fault = (await score(scorer, 9).catch(error => error)) as Fault
      expect(fault.status).toBe(503)
      expect(Number(fault.headers['retry-after'])).toBeGreaterThan(0)
      goesOn()
      expect(await Promise.all(waiting)).toHaveLength(5)
      await busy
    }))

  test('a deadline fires while a request waits, and while it is scored; later requests are served', () =>
    withScorer({ graceMs: 60_000 }, async scorer => {
      const { goesOn } = stopped(scorer)
      const scored = score(scorer, 0, soon(150)).catch(statusOf)
      await until(() => scorer.stats().batches === 1)
      const waiting = score(scorer, 1, soon(100)).catch(statusOf)
      let free = false
      const later = score(scorer, 2).finally(() => {
        free = true
      })
      expect(await Promise.all([scored, waiting])).toEqual([504, 504])
      expect([free, scorer.stats().waitingRows]).toEqual([false, 1])
      goesOn()
      expect(await later).toEqual([3, -1])
      expect(scorer.stats().restarts).toBe(0)
      expect(await score(scorer, 3, soon(-1)).catch(statusOf)).toBe(504)
    }))

  test('a worker that computes long past its deadline is ended', () =>
    withScorer({ graceMs: 50 }, async scorer => {
      const before = scorer.stats().pids
      const endless = await models.add(slowModel(1500, 600))
      await scorer.warm(endless.model)
      const late = predict(scorer, endless.model, endless.codec, [{ x: 1 }], 'features', soon(50)).catch(statusOf)
      expect(await late).toBe(504)
      await until(() => scorer.stats().restarts === 1)
      expect(await score(scorer, 4)).toEqual([5, -3])
      expect(scorer.stats().pids).not.toEqual(before)
    }))

  test('so is one whose caller has gone, long before the deadline', () =>
    withScorer({ graceMs: 50 }, async scorer => {
      const endless = await models.add(slowModel(1500, 600))
      await scorer.warm(endless.model)
      const caller = new AbortController()
      const options = { ...soon(60_000), caller }
      const dropped = predict(scorer, endless.model, endless.codec, [{ x: 1 }], 'features', options).catch(statusOf)
      await until(() => scorer.stats().batches === 1)
      caller.abort()
      expect(await dropped).toBe(499)
      await until(() => scorer.stats().restarts === 1)
      expect(await score(scorer, 5)).toEqual([6, -4])
    }))

  test('one that computes for several callers goes on while one of them waits', async () => {
    const queue = new JobQueue({ maxQueueRows: 10, maxQueueBytes: 1000, maxBatchRows: 10 })
    let abandoned = 0
    const lane: Lane = { exchange: () => new Promise(() => {}), abandon: () => abandoned++ }
    const batcher = new Batcher(queue, { free: () => lane, onFree: () => {} }, 10)
    const feeds: Tensors = { x: { type: 'float32', dims: [1, 2], data: new Float32Array(2) } }
    const callers = [1, 2].map(() => new AbortController())
    const answers = callers.map(caller => queue.add(plus.model, { feeds }, 1, { ...soon(), caller }).catch(statusOf))
    batcher.pump()
    expect(batcher.counts).toMatchObject({ batches: 1, rows: 2 })
    callers[0]!.abort()
    expect(await answers[0]).toBe(499)
    expect(abandoned).toBe(0)
    callers[1]!.abort()
    expect(await answers[1]).toBe(499)
    expect(abandoned).toBe(1)
  })

  test('one that waits has its time and no more when the clock is set back meanwhile', async () => {
    const queue = new JobQueue({ maxQueueRows: 10, maxQueueBytes: 1000, maxBatchRows: 10 })
    const feeds: Tensors = { x: { type: 'float32', dims: [1, 2], data: new Float32Array(2) } }
    const answer = queue.add({ ...plus.model, maxDelayMs: 20 }, { feeds }, 1, soon(500)).catch(statusOf)
    const { promise: ripe, resolve } = Promise.withResolvers<void>()
    queue.onRipe = resolve
    expect(queue.next()).toBe('nothing')
    setSystemTime(Date.now() - 3_600_000)
    try {
      await ripe
      await until(() => queue.next() === 'group')
      expect(await answer).toBe(504)
    } finally {
      setSystemTime()
    }
  })

  test('one that comes to wait after the clock was set has what is left of its time', async () => {
    const queue = new JobQueue({ maxQueueRows: 10, maxQueueBytes: 1000, maxBatchRows: 10 })
    const feeds: Tensors = { x: { type: 'float32', dims: [1, 2], data: new Float32Array(2) } }
    const [early, late] = [soon(100), soon()]
    try {
      setSystemTime(Date.now() - 3_600_000)
      expect(await queue.add(plus.model, { feeds }, 1, early).catch(statusOf)).toBe(504)
      setSystemTime(Date.now() + 7_200_000)
      const answer = queue.add(plus.model, { feeds }, 1, late).catch(statusOf)
      queue.rejectAll(new Fault(418, 'it_waited', ''))
      expect(await answer).toBe(418)
    } finally {
      setSystemTime()
    }
  })

  test('one request of rows that do not stack is no crowd: it does not fill the queue, and what is left of it is not scored once it has failed', async () => {
    const table = await models.add(
      buildModel({
        inputs: [{ name: 'i', type: 'int64', dims: [2] }],
        outputs: [{ name: 'y', type: 'float', dims: [2] }],
        initializers: [{ name: 'table', type: 'float', dims: [4], values: [10, 11, 12, 13] }],
        nodes: [{ op: 'Gather', inputs: ['table', 'i'], outputs: ['y'] }],
      }),
    )
    expect(table.codec.stacks).toBe(false)
    await withScorer({ maxQueueRows: 5 }, async scorer => {
      const ask = (rows: { i: number[] }[]) => predict(scorer, table.model, table.codec, rows, 'rows', soon())
      const rows = Array.from({ length: 100 }, (_, r) => ({ i: [r % 4, 0] }))
      expect((await ask(rows)).predictions).toEqual(rows.map(({ i }) => [10 + i[0]!, 10]))
      const before = scorer.stats().batches
      expect(await ask([{ i: [0, 4242] }, ...rows]).catch(statusOf)).toBe(422)
      await until(() => scorer.stats().open === 0)
      expect(scorer.stats().batches - before).toBeLessThan(10)
    })
  })

  test('a caller that goes away is dropped from the queue', () =>
    withScorer({}, async scorer => {
      const { goesOn } = stopped(scorer)
      const busy = score(scorer, 0)
      await until(() => scorer.stats().batches === 1)
      const gone = new AbortController()
      const dropped = predict(scorer, plus.model, plus.codec, [{ a: 1, b: 1 }], 'features', {
        ...soon(),
        caller: gone,
      })
      gone.abort()
      expect(await dropped.catch(statusOf)).toBe(499)
      goesOn()
      await busy
      expect(await score(scorer, 1)).toEqual([2, 0])
      expect(scorer.stats().rows).toBe(2)
    }))
})

test('an endpoint that lets its requests wait for company holds up none of another one, of the same model', () =>
  withScorer({}, async scorer => {
    await score(scorer, 1)
    const delayed = { ...plus.model, maxDelayMs: 15_000 }
    let over = false
    const waiting = predict(scorer, delayed, plus.codec, [{ a: 5, b: 5 }], 'features', soon()).then(answer => {
      over = true
      return answer.predictions[0]
    })
    await until(() => scorer.stats().waitingRows === 1)
    expect(await score(scorer, 2)).toEqual([3, -1])
    expect(await waiting).toEqual([6, 6])
    expect(over).toBe(true)
    const began = performance.now()
    const next = predict(scorer, delayed, plus.codec, [{ a: 1, b: 1 }], 'features', soon())
    await until(() => scorer.stats().waitingRows === 1)
    await score(scorer, 2)
    await next
    expect(performance.now() - began).toBeLessThan(12_000)
  }))

test('a request that is never scored with others waits for none', async () => {
  const fixed = await models.add(
    buildModel({
      inputs: [{ name: 'x', type: 'float', dims: [1, 2] }],
      outputs: [{ name: 'y', type: 'float', dims: [1, 2] }],
      nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
    }),
  )
  const patient = ({ model }: Loaded) => ({ ...model, maxDelayMs: 1_000_000 })
  const began = performance.now()
  await withScorer({}, async scorer => {
    const rows = [1, 2].map(n => ({ x: [n, n] }))
    const { predictions } = await predict(scorer, patient(fixed), fixed.codec, rows, 'rows', soon())
    expect(predictions).toEqual([
      [-1, -1],
      [-2, -2],
    ])
  })
  await withScorer({ mode: 'subprocess' }, async scorer => {
    const { predictions } = await predict(scorer, patient(plus), plus.codec, [{ a: 1, b: 1 }], 'rows', soon())
    expect(predictions).toEqual([[2, 2]])
  })
  expect(performance.now() - began).toBeLessThan(40_000) // half of what they have
})

test('a call that may wait for others longer than it has is scored in time', () =>
  withScorer({}, async scorer => {
    await score(scorer, 1)
    const patient = { ...plus.model, maxDelayMs: 1_000_000 }
    const one = await predict(scorer, patient, plus.codec, [{ a: 1, b: 1 }], 'rows', soon(4000))
    expect(one.predictions).toEqual([[2, 2]])
  }))

test('a process that ends while another is started in its place leaves one, and none when all is closed', async () => {
  const before = workersOf(process.pid, 'score').length
  for (let i = 0; i < 3; i++) {
    const scorer = createScorer({ mode: 'worker', workers: 1, memoryBytes: 1, watchMs: 300 })
    await scorer.ready()
    await score(scorer, 1)
    await drag(scorer) // one that has but one model is left as it is
    const [old] = scorer.stats().pids
    // it starts, or has taken its place before somebody looked
    await until(() => workersOf(process.pid, 'score').length > before + 1 || !scorer.stats().pids.includes(old!))
    await Bun.sleep(i * 20)
    sigkill(old!) // where its successor was not quicker
    await Bun.sleep(1000) // both that may have been started are up
    expect(await score(scorer, 2)).toEqual([3, -1])
    await until(() => workersOf(process.pid, 'score').length === before + 1)
    await scorer.close()
    await until(() => workersOf(process.pid, 'score').length === before)
  }
})

describe('subprocess mode', () => {
  test('ends a process that nobody waits for any more', async () => {
    const endless = await models.add(slowModel(1500, 600))
    await withScorer({ mode: 'subprocess', workers: 1 }, async scorer => {
      const gone = new AbortController()
      const options = { ...soon(60_000), caller: gone }
      const dropped = predict(scorer, endless.model, endless.codec, [{ x: 1 }], 'features', options).catch(statusOf)
      await until(() => scorer.stats().pids.length === 1)
      const pids = scorer.stats().pids
      gone.abort()
      expect(await dropped).toBe(499)
      await until(() => !scorer.stats().pids.includes(pids[0]!))
      expect(await score(scorer, 1)).toEqual([2, 0])
    })
  })

  test('gives each request a process of its own and leaves none behind', () =>
    withScorer({ mode: 'subprocess', workers: 2 }, async scorer => {
      expect(await Promise.all([1, 2, 3, 4].map(n => score(scorer, n)))).toEqual([1, 2, 3, 4].map(n => [n + 1, 1 - n]))
      expect(scorer.stats().batches).toBe(4)
      await until(() => scorer.stats().pids.length === 0)
    }))

  test('gives one process to a request whose rows are scored one by one, and what becomes of it is as of one row', async () => {
    const fixed = await models.add(
      buildModel({
        inputs: [{ name: 'x', type: 'float', dims: [1, 'L'] }],
        outputs: [{ name: 'y', type: 'float', dims: [1, 'L'] }],
        nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
      }),
    )
    const table = await models.add(
      buildModel({
        inputs: [{ name: 'i', type: 'int64', dims: [] }],
        outputs: [{ name: 'y', type: 'string', dims: [] }],
        initializers: [{ name: 'table', type: 'string', dims: [3], values: ['a', 'ü', '𝄞'] }],
        nodes: [{ op: 'Gather', inputs: ['table', 'i'], outputs: ['y'] }],
      }),
    )
    await withScorer({ mode: 'subprocess', workers: 1, maxQueueRows: 10 }, async scorer => {
      const lists = Array.from({ length: 50 }, (_, i) => Array.from({ length: (i % 3) + 2 }, () => i + 1))
      const rows = lists.map(x => ({ x }))
      const negated = () => predict(scorer, fixed.model, fixed.codec, rows, 'rows', soon())
      for (const { predictions } of await Promise.all([negated(), negated(), negated()]))
        expect(predictions).toEqual(lists.map(list => list.map(n => -n)))
      const indexes = (...i: number[]) => i.map(i => ({ i }))
      const of = (rows: unknown[], options = soon()) => predict(scorer, table.model, table.codec, rows, 'rows', options)
      expect((await of(indexes(2, 0, 1, 2))).predictions).toEqual(['𝄞', 'a', 'ü', '𝄞'])
      expect(scorer.stats().batches).toBe(4)
      await expect(of(indexes(0, 9, 1))).rejects.toMatchObject({ status: 422, code: 'model_refused' })
      const gone = new AbortController()
      const three = [{ x: 1 }, { x: 1 }, { x: 1 }]
      const dropped = predict(scorer, slow.model, slow.codec, three, 'rows', { ...soon(), caller: gone })
      await until(() => scorer.stats().pids.length === 1)
      gone.abort()
      await expect(dropped).rejects.toMatchObject({ status: 499 })
      await expect(predict(scorer, slow.model, slow.codec, three, 'rows', soon(300))).rejects.toMatchObject({
        status: 504,
      })
      await until(() => scorer.stats().pids.length === 0)
    })
  })

  test('ends a process at its deadline', () =>
    withScorer({ mode: 'subprocess', workers: 1 }, async scorer => {
      const late = drag(scorer, soon(300)).catch(statusOf)
      const next = score(scorer, 1)
      expect(await late).toBe(504)
      expect(await next).toEqual([2, 0])
    }))
})

test("what goes wrong in a scoring process is a 500 and kept for the log: only what the runtime refuses is the caller's", async () => {
  const queue = new JobQueue({ maxQueueRows: 10, maxQueueBytes: 1000, maxBatchRows: 10 })
  const defect = new TypeError('undefined is not an object')
  const lane: Lane = { exchange: () => Promise.reject(defect), abandon: () => {} }
  const batcher = new Batcher(queue, { free: () => lane, onFree: () => {} }, 10)
  const answer = queue.add(plus.model, { feeds: {} }, 1, soon()).catch(error => error)
  batcher.pump()
  expect(await answer).toMatchObject({ status: 500, code: 'internal', cause: defect })
})

test('closing refuses what is open and ends every process', async () => {
  const scorer = createScorer({ mode: 'worker', workers: 2 })
  await scorer.ready()
  const { pids } = scorer.stats()
  const open = drag(scorer).catch(statusOf)
  await scorer.close()
  expect(await open).toBe(503)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow()
  expect(await score(scorer, 1).catch(statusOf)).toBe(503)
})
