import { afterAll, beforeAll, expect, test } from 'bun:test'
import { render } from '../../src/protocols/open-inference/answer.ts'
import { predict } from '../../src/scoring/predict.ts'
import { createScorer, type Scorer } from '../../src/scoring/scorer.ts'
import { modelsDirectory, soon } from './fixtures.ts'
import { buildModel } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
let scorer: Scorer
let zeros: Awaited<ReturnType<typeof models.add>>
beforeAll(async () => {
  models = await modelsDirectory()
  scorer = createScorer({ mode: 'worker', workers: 1 })
  await scorer.ready()
  // its caller says how much it answers
  zeros = await models.add(
    buildModel({
      inputs: [{ name: 'count', type: 'int64', dims: [1] }],
      outputs: [{ name: 'zeros', type: 'float', dims: [''] }],
      nodes: [{ op: 'ConstantOfShape', inputs: ['count'], outputs: ['zeros'] }],
    }),
  )
})
afterAll(async () => {
  await scorer.close()
  await models.remove()
})

const TOO_LARGE = { status: 422, code: 'answer_too_large' }
const binary = (count: number) =>
  scorer.score(zeros.model, { count: { type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(count)) } }, 1, soon())
const inRows = (count: number) => predict(scorer, zeros.model, zeros.codec, [{ count }], 'rows', soon())

test('an answer of more than 256 MiB is refused where it was made, and its process goes on', async () => {
  const [pid] = scorer.stats().pids
  expect(binary(2 ** 26 + 1)).rejects.toMatchObject(TOO_LARGE)
  expect((await binary(5_000_000)).zeros!.data).toHaveLength(5_000_000)
  expect(scorer.stats()).toMatchObject({ restarts: 0, pids: [pid!] })
}, 30_000)

test('one of more than four million numbers is not written as JSON: not as rows, not as tensors', async () => {
  expect(inRows(4_000_001)).rejects.toMatchObject(TOO_LARGE)
  expect((await inRows(3)).predictions).toEqual([[0, 0, 0]])
  const { zeros: tensor } = (await binary(4_000_001)) as {
    zeros: NonNullable<Awaited<ReturnType<typeof binary>>['zeros']>
  }
  const answer = { id: '1', model: 'zeros', version: 1 }
  const rendered = (binary: boolean) => render({ ...answer, outputs: [{ name: 'zeros', tensor, binary }] })
  expect(() => rendered(false)).toThrow('ask for binary tensors')
  expect((rendered(true).body as Uint8Array).length).toBeGreaterThan(16_000_000)
}, 30_000)
