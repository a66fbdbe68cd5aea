import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Fault } from '../../src/lib/fault.ts'
import { sendableRecipe } from '../../src/scoring/answer.ts'
import { predict } from '../../src/scoring/predict.ts'
import { createScorer, type Scorer } from '../../src/scoring/scorer.ts'
import { type Loaded, modelBytes, modelsDirectory, reference, soon } from './fixtures.ts'
import { buildModel, plusOne } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
let scorer: Scorer
const text = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const recipeOf = ({ model }: Loaded, features?: string[], modelId = 7) =>
  sendableRecipe({ modelId, metadata: model.metadata, features, options: {} })
beforeAll(async () => {
  models = await modelsDirectory()
  scorer = createScorer({ mode: 'worker', workers: 1 })
  await scorer.ready()
})
afterAll(async () => {
  await scorer.close()
  await models.remove()
})

async function outcome(answer: Promise<string>): Promise<unknown> {
  try {
    return JSON.parse(await answer)
  } catch (error) {
    if (error instanceof Fault) return [error.status, error.code, error.message, error.members]
    throw error
  }
}

describe('a body that is answered where it is scored', () => {
  test('has the same answer as its rows by themselves, for every reference model', async () => {
    for (const name of ['churn_risk', 'late_arrival', 'tumour_forest', 'arrival_delay']) {
      const { objects, feature_names } = await reference(name)
      const names = name === 'tumour_forest' || name === 'arrival_delay' ? feature_names : undefined
      const loaded = await models.add(await modelBytes(name), names)
      const rows = objects.slice(0, 20)
      const expected = await predict(scorer, loaded.model, loaded.codec, rows, 'rows', soon())
      const answered = await outcome(
        scorer.answer(loaded.model, recipeOf(loaded, names), { body: text({ rows }) }, 1, soon()),
      )
      expect(answered).toEqual({ ...JSON.parse(JSON.stringify(expected)), model_id: 7, count: 20 })
    }
  })

  test('is kept apart from its neighbours: 200 at once, every fifth of them wrong in some way', async () => {
    const plus = await models.add(plusOne(), ['a', 'b'])
    const recipe = recipeOf(plus, ['a', 'b'])
    const bodies = Array.from({ length: 200 }, (_, i) => {
      if (i % 5) return { rows: Array.from({ length: (i % 3) + 1 }, (_, r) => ({ a: i, b: r })) }
      return ['{"rows": [', '{}', '{"rows": []}', '{"features": {"a": 1}}', '{"features": {"a": 1, "b": "x"}}'][
        (i / 5) % 5
      ]!
    })
    const answers = await Promise.all(
      bodies.map(b => outcome(scorer.answer(plus.model, recipe, { body: text(b) }, 1, soon()))),
    )
    for (const [i, answer] of answers.entries()) {
      if (i % 5 === 0) expect((answer as unknown[])[0]).toBe((i / 5) % 5 === 0 ? 400 : 422)
      else
        expect(answer).toEqual({
          predictions: Array.from({ length: (i % 3) + 1 }, (_, r) => [i + 1, r + 1]),
          model_id: 7,
          count: (i % 3) + 1,
        })
    }
    expect(answers[15]).toEqual([
      422,
      'unacceptable_rows',
      'The model cannot take this: feature "b": This feature is missing.',
      { errors: [{ feature: 'b', message: 'This feature is missing.' }] },
    ])
    expect(JSON.stringify(answers[20])).not.toContain('"x"')
  })

  test('that the model refuses is refused alone, and what the runtime said of its values is in the cause only', async () => {
    // Gather fails for a whole batch when one index is out of range
    const table = await models.add(
      buildModel({
        inputs: [{ name: 'i', type: 'int64', dims: ['N'] }],
        outputs: [{ name: 'y', type: 'float', dims: ['N'] }],
        initializers: [{ name: 'table', type: 'float', dims: [4], values: [10, 11, 12, 13] }],
        nodes: [{ op: 'Gather', inputs: ['table', 'i'], outputs: ['y'] }],
      }),
    )
    const recipe = recipeOf(table)
    const ask = (i: number) => scorer.answer(table.model, recipe, { body: text({ features: { i } }) }, 1, soon())
    const answers = await Promise.allSettled([1, 4242, 3, 4242].map(ask))
    expect(answers.map(a => a.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
    const fault = (answers[1] as PromiseRejectedResult).reason as Fault
    expect([fault.status, fault.code]).toEqual([422, 'model_refused'])
    expect(String(fault.cause)).toContain('Gather')
    expect(fault.message + JSON.stringify(fault.members) + String(fault.cause)).not.toContain('4242')
  })

  test('of two endpoints on one file is answered by its own: outputs, ids and features are not mixed up', async () => {
    const plus = await models.add(plusOne(), ['a', 'b'])
    const [one, two] = [recipeOf(plus, ['a', 'b'], 1), recipeOf(plus, ['b', 'a'], 2)]
    const body = text({ features: { a: 10, b: 20 } })
    const both = await Promise.all(
      [one, two].map(recipe => outcome(scorer.answer(plus.model, recipe, { body }, 1, soon()))),
    )
    expect(both).toEqual([
      { predictions: [[11, 21]], model_id: 1, count: 1 },
      { predictions: [[21, 11]], model_id: 2, count: 1 },
    ])
  })

  test('survives its process: it is scored again by the next', async () => {
    const plus = await models.add(plusOne(), ['a', 'b'])
    const recipe = recipeOf(plus, ['a', 'b'])
    const answers = Array.from({ length: 50 }, (_, a) =>
      outcome(scorer.answer(plus.model, recipe, { body: text({ features: { a, b: 0 } }) }, 1, soon())),
    )
    process.kill(scorer.stats().pids[0]!, 'SIGKILL')
    expect(await Promise.all(answers)).toEqual(
      Array.from({ length: 50 }, (_, a) => ({ predictions: [[a + 1, 1]], model_id: 7, count: 1 })),
    )
  })
})
