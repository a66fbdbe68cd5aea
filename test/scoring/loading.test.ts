import { afterAll, beforeAll, expect, test } from 'bun:test'
import { predict } from '../../src/scoring/predict.ts'
import { createScorer, type Scorer } from '../../src/scoring/scorer.ts'
import { modelsDirectory, soon } from './fixtures.ts'
import { buildModel, plusOne } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
let scorer: Scorer
beforeAll(async () => {
  models = await modelsDirectory()
  scorer = createScorer({ mode: 'worker', workers: 1, graceMs: 100 })
  await scorer.ready()
})
afterAll(async () => {
  await scorer.close()
  await models.remove()
})

/** The runtime works out what is constant when it loads a model: here a product of large matrices. */
function slowToLoad(): Uint8Array {
  const products = Array.from({ length: 6 }, (_, i) => ({
    op: 'MatMul',
    inputs: [`m${i}`, 'm0'],
    outputs: [`m${i + 1}`],
  }))
  return buildModel({
    inputs: [{ name: 'x', type: 'float', dims: ['N', 1] }],
    outputs: [{ name: 'y', type: 'float', dims: ['N', 1] }],
    initializers: [{ name: 'shape', type: 'int64', dims: [2], values: [1600, 1600] }],
    nodes: [
      { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['m0'] },
      ...products,
      { op: 'ReduceMax', inputs: ['m6'], outputs: ['nothing'], attributes: [{ name: 'keepdims', int: 0 }] },
      { op: 'Add', inputs: ['x', 'nothing'], outputs: ['y'] },
    ],
  })
}

test('a model that takes longer to load than calls may wait is loaded all the same, and its process lives', async () => {
  const { model, codec } = await models.add(slowToLoad())
  const other = await models.add(plusOne())
  const [pid] = scorer.stats().pids
  const briefly = () => ({ deadline: Date.now() + 100 })
  const first = predict(scorer, model, codec, [{ x: 1 }], 'rows', briefly())
  await expect(first).rejects.toMatchObject({ status: 504 })
  const neighbour = predict(scorer, other.model, other.codec, [{ x: [1, 2] }], 'rows', briefly())
  await neighbour.catch(() => {}) // the process is busy
  const { predictions } = await predict(scorer, model, codec, [{ x: 3 }], 'rows', soon(50_000))
  expect(predictions).toEqual([3])
  expect(scorer.stats()).toMatchObject({ restarts: 0, pids: [pid!] })
}, 180_000)
