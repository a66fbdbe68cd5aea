import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { compileCodec } from '../../src/scoring/codec.ts'
import { predict } from '../../src/scoring/predict.ts'
import { createScorer, type Scorer } from '../../src/scoring/scorer.ts'
import { type Loaded, modelBytes, modelsDirectory, reference, soon } from './fixtures.ts'
import { buildModel } from './onnx-builder.ts'

const names = ['late_arrival', 'churn_risk', 'iris', 'tumour_forest', 'arrival_delay'] as const
let models: Awaited<ReturnType<typeof modelsDirectory>>
const loaded = new Map<string, Loaded & { expected: Awaited<ReturnType<typeof reference>> }>()

beforeAll(async () => {
  models = await modelsDirectory()
  for (const name of names) {
    const expected = await reference(name)
    loaded.set(name, { ...(await models.add(await modelBytes(name), expected.feature_names)), expected })
  }
})
afterAll(() => models.remove())

for (const mode of ['worker', 'subprocess'] as const)
  describe(`in ${mode} mode`, () => {
    let scorer: Scorer
    beforeAll(async () => {
      scorer = createScorer({ mode, workers: 1 })
      await scorer.ready()
    })
    afterAll(() => scorer.close())

    for (const name of names)
      test(`${name} predicts what the reference says`, async () => {
        const { model, codec, expected } = loaded.get(name)!
        const rows = mode === 'worker' ? expected.objects : expected.objects.slice(0, 20)
        const { predictions, probabilities } = await predict(scorer, model, codec, rows, 'rows', soon())
        expect(predictions).toHaveLength(rows.length)
        if (expected.labels) expect(predictions).toEqual(expected.labels.slice(0, rows.length))
        else
          for (const [i, value] of predictions.entries()) {
            const want = expected.values![i]!
            expect(Math.abs((value as number) - want)).toBeLessThanOrEqual(Math.max(1e-3, Math.abs(want) * 1e-4))
          }
        for (const [i, want] of (expected.probabilities ?? []).slice(0, rows.length).entries()) {
          const got = probabilities![i]!
          if (!Array.isArray(want)) expect(Object.keys(got).toSorted()).toEqual(Object.keys(want).toSorted())
          for (const [label, share] of Object.entries(want)) expect(got[label]).toBeCloseTo(share, 5)
        }
      })
  })

describe('an endpoint chooses what it answers', () => {
  let scorer: Scorer
  beforeAll(() => {
    scorer = createScorer({ mode: 'worker', workers: 1 })
  })
  afterAll(() => scorer.close())

  test('probabilities instead of the label, and every output beside it', async () => {
    const { model, expected } = loaded.get('churn_risk')!
    const codec = compileCodec(model.metadata, undefined, { output: 'probabilities', allOutputs: true })
    const answer = await predict(scorer, model, codec, expected.objects.slice(0, 2), 'rows', soon())
    const want = expected.probabilities as Record<string, number>[]
    expect((answer.predictions[0] as number[])[0]).toBeCloseTo(want[0]!.leaves!, 5)
    expect(answer.outputs!.output_label).toEqual(expected.labels!.slice(0, 2))
    expect(Object.keys(answer.outputs!)).toEqual(['output_label', 'output_probability'])
  })

  test('an output that the model does not have is refused when the endpoint is compiled', () => {
    const { metadata } = loaded.get('late_arrival')!.model
    expect(() => compileCodec(metadata, undefined, { output: 'nonsense' })).toThrow('no such output')
  })

  test('only the outputs that the answer needs are asked for', () => {
    const { metadata } = loaded.get('arrival_delay')!.model
    expect(compileCodec(metadata).outputs).toBeUndefined()
    const two = { ...metadata, outputs: [...metadata.outputs, { ...metadata.outputs[0]!, name: 'other' }] }
    expect(compileCodec(two).outputs).toEqual(['variable'])
  })

  test('a request larger than a batch is answered in the order of its rows', async () => {
    const { model, codec, expected } = loaded.get('tumour_forest')!
    const rows = Array.from({ length: 1000 }, (_, i) => expected.objects[i % expected.objects.length]!)
    const { predictions } = await predict(scorer, model, codec, rows, 'rows', soon())
    expect(predictions).toEqual(rows.map((_, i) => expected.labels![i % expected.objects.length]))
  })
})

test('a request larger than a batch is scored whole where its parts have answers of different shapes', async () => {
  // y = n times 0, 1, ... below the largest n of all rows: taking it for a model of independent rows would be wrong
  const table = await models.add(
    buildModel({
      inputs: [{ name: 'n', type: 'int64', dims: ['N', 1] }],
      outputs: [{ name: 'y', type: 'int64', dims: ['N', 'L'] }],
      initializers: [
        { name: 'zero', type: 'int64', dims: [], values: [0] },
        { name: 'one', type: 'int64', dims: [], values: [1] },
      ],
      nodes: [
        { op: 'ReduceMax', inputs: ['n'], outputs: ['most'], attributes: [{ name: 'keepdims', int: 0 }] },
        { op: 'Range', inputs: ['zero', 'most', 'one'], outputs: ['steps'] },
        { op: 'Mul', inputs: ['n', 'steps'], outputs: ['y'] },
      ],
    }),
  )
  expect(table.model.metadata.independentRows).toBe(false)
  const model = { ...table.model, metadata: { ...table.model.metadata, independentRows: true } }
  const parted = createScorer({ mode: 'worker', workers: 1, maxBatchRows: 2 })
  try {
    const rows = [1, 2, 3].map(n => ({ n }))
    const { predictions } = await predict(parted, model, table.codec, rows, 'rows', soon())
    expect(predictions).toEqual([1, 2, 3].map(n => [0, n, 2 * n]))
  } finally {
    await parted.close()
  }
})
