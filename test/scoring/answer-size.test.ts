import { afterAll, beforeAll, expect, test } from 'bun:test'
import { render } from '../../src/protocols/open-inference/answer.ts'
import { compileCodec } from '../../src/scoring/codec.ts'
import { inParts } from '../../src/scoring/parts.ts'
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
  const refused = expect(binary(2 ** 26 + 1)).rejects.toMatchObject(TOO_LARGE)
  expect((await binary(5_000_000)).zeros!.data).toHaveLength(5_000_000)
  await refused
  expect(scorer.stats()).toMatchObject({ restarts: 0, pids: [pid!] })
}, 180_000)

test('one of more than four million numbers is not written as JSON: not as rows, not as tensors', async () => {
  const refused = expect(inRows(4_000_001)).rejects.toMatchObject(TOO_LARGE)
  expect((await inRows(3)).predictions).toEqual([[0, 0, 0]])
  await refused
  const { zeros: tensor } = (await binary(4_000_001)) as {
    zeros: NonNullable<Awaited<ReturnType<typeof binary>>['zeros']>
  }
  const answer = { id: '1', model: 'zeros', version: 1 }
  const rendered = (binary: boolean) => render({ ...answer, outputs: [{ name: 'zeros', tensor, binary }] })
  expect(() => rendered(false)).toThrow('ask for binary tensors')
  expect((rendered(true).body as Uint8Array).length).toBeGreaterThan(16_000_000)
}, 180_000)

test('nor is one of as many in all, of rows that are scored one by one, or of several outputs', async () => {
  const half = { count: 2_000_001 }
  const rows = (count: number) =>
    predict(scorer, zeros.model, zeros.codec, new Array(count).fill(half), 'rows', soon(60_000))
  await expect(rows(2)).rejects.toMatchObject(TOO_LARGE)
  expect((await rows(1)).predictions[0]).toHaveLength(2_000_001)

  const y = { type: 'float32' as const, dims: [2, 1_000_001], data: new Float32Array(2_000_002) }
  const names = ['y', 'z']
  const outputs = names.map(name => ({ name, type: 'float32' as const, dims: [null, 1_000_001] }))
  const codec = compileCodec({ ...zeros.model.metadata, batched: true, outputs }, undefined, { allOutputs: true })
  expect(() => codec.decode({ y, z: y }, 2)).toThrow(expect.objectContaining(TOO_LARGE))
}, 180_000)

test('what a large request is answered in parts is held to the same in all, and no more of it is scored', async () => {
  const part = { y: { type: 'float32' as const, dims: [1, 2 ** 24], data: new Float32Array(2 ** 24) } }
  const x = { type: 'float32' as const, dims: [1000], data: new Float32Array(1000) }
  let scored = 0
  const answer = inParts(1000, 1, { x }, undefined, async () => {
    scored++
    return part
  })
  await expect(answer).rejects.toMatchObject(TOO_LARGE)
  expect(scored).toBeLessThan(10)
})
