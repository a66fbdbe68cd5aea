import { afterAll, beforeAll, expect, test } from 'bun:test'
import { inferForm } from '../../src/protocols/open-inference/infer.ts'
import { predictForm } from '../../src/protocols/open-inference/predict.ts'
import { rowsForm, sendableRecipe } from '../../src/scoring/answer.ts'
import { Bodies, type Form, type KnownModel } from '../../src/scoring/bodies.ts'
import type { JobOptions } from '../../src/scoring/job.ts'
import type { ScoreEach, ScoreTensors } from '../../src/scoring/predict.ts'
import { createScorer, type Scorer } from '../../src/scoring/scorer.ts'
import { waitFor } from '../harness.ts'
import { workersOf } from '../life/processes.ts'
import { type Loaded, modelsDirectory, soon } from './fixtures.ts'
import { buildModel, slowModel } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
let scorer: Scorer
let negated: Loaded
let zeros: Loaded
let slow: Loaded
beforeAll(async () => {
  models = await modelsDirectory()
  scorer = createScorer({ mode: 'worker', workers: 1 })
  await scorer.ready()
  negated = await models.add(
    buildModel({
      inputs: [{ name: 'x', type: 'float', dims: ['N', 1] }],
      outputs: [{ name: 'y', type: 'float', dims: ['N', 1] }],
      nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
    }),
  )
  zeros = await models.add(
    buildModel({
      inputs: [{ name: 'count', type: 'int64', dims: [1] }],
      outputs: [{ name: 'zeros', type: 'float', dims: [''] }],
      nodes: [{ op: 'ConstantOfShape', inputs: ['count'], outputs: ['zeros'] }],
    }),
  )
  slow = await models.add(slowModel())
})
afterAll(async () => {
  await scorer.close()
  await models.remove()
})

const LARGE = 60_000
const bodies = () => workersOf(process.pid, 'body').map(({ pid }) => pid)
const knownAs = ({ model, codec }: Loaded, schema?: Record<string, unknown>): KnownModel => ({
  id: 7,
  metadata: model.metadata,
  codec,
  checksRows: schema !== undefined,
  check() {},
  checksUpTo: Number.POSITIVE_INFINITY,
  wholeRecipe: sendableRecipe({ modelId: 7, metadata: model.metadata, options: {}, schema }),
})
/** A form that may not be used in this process. */
const notHere = <Given>({ formName }: Form<Given>): Form<Given> => ({
  formName,
  answer() {
    throw new Error('answered here')
  },
})
const ask = async <Given>(
  form: Form<Given>,
  loaded: Loaded,
  body: unknown,
  given: Given,
  { schema, ...options }: JobOptions & { schema?: Record<string, unknown> } = soon(),
) => {
  const asked = { body: Buffer.from(JSON.stringify(body)), given }
  const { body: text } = await scorer.form(form, loaded.model, knownAs(loaded, schema), asked, options)
  return JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString())
}
const rows = Array.from({ length: LARGE }, (_, x) => ({ x }))
const given = { name: 'm', number: 1, requestId: 'r', jsonLength: null }
const tensor = (name: string, datatype: string, data: number[]) => ({
  inputs: [{ name, datatype, shape: name === 'x' ? [data.length, 1] : [data.length], data }],
})

test('a large body is read, scored in parts and answered by another process, in the form of each door', async () => {
  const { predictions, count, model_id } = await ask(notHere(rowsForm), negated, { rows }, null)
  expect([predictions[LARGE - 1], count, model_id]).toEqual([1 - LARGE, LARGE, 7])
  const ofV1 = await ask(notHere(predictForm), negated, { instances: rows.map(({ x }) => [x]) }, null)
  expect(ofV1.predictions).toEqual(predictions)
  const { outputs, ...head } = await ask(
    notHere(inferForm),
    negated,
    tensor(
      'x',
      'FP32',
      rows.map(({ x }) => x),
    ),
    given,
  )
  expect(head).toEqual({ id: 'r', model_name: 'm', model_version: '1' })
  expect(outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [LARGE, 1], data: predictions }])
  expect(bodies()).toHaveLength(1)
}, 180_000)

test('what is wrong with it is said as it would be of a small one; a schema is held against its rows there', async () => {
  await expect(ask(notHere(rowsForm), negated, { rows: [...rows, { x: 'a' }] }, null)).rejects.toMatchObject({
    status: 422,
    code: 'unacceptable_rows',
    members: { errors: [{ row: LARGE, feature: 'x', message: 'A number is expected.' }] },
  })
  const schema = { properties: { x: { maximum: 9 } } }
  await expect(ask(notHere(rowsForm), negated, { rows }, null, { ...soon(), schema })).rejects.toMatchObject({
    status: 422,
    members: { errors: expect.arrayContaining([expect.objectContaining({ row: 10, feature: 'x' })]) },
  })
}, 180_000)

test('a large answer to a small body is written there, and not scored a second time', async () => {
  const before = scorer.stats().batches
  const ofRows = await ask(rowsForm, zeros, { rows: [{ count: LARGE }] }, null)
  expect(ofRows.predictions).toEqual([new Array(LARGE).fill(0)])
  expect(scorer.stats().batches).toBe(before + 1)
  const { outputs } = await ask(inferForm, zeros, tensor('count', 'INT64', [LARGE]), given)
  expect(outputs[0].data).toEqual(new Array(LARGE).fill(0))
  expect(scorer.stats().batches).toBe(before + 2)
}, 180_000)

test('a caller who goes, or whose time is over, waits no longer, and the others do', async () => {
  const inputs = slow.model.metadata.inputs[0]!.name
  const many = Array.from({ length: LARGE }, () => ({ [inputs]: 1 }))
  const leaving = new AbortController()
  const gone = ask(rowsForm, slow, { rows: many }, null, { ...soon(), caller: leaving })
  const late = ask(rowsForm, slow, { rows: many }, null, soon(200))
  const other = ask(rowsForm, negated, { rows }, null)
  leaving.abort()
  await expect(gone).rejects.toMatchObject({ status: 499 })
  await expect(late).rejects.toMatchObject({ status: 504 })
  expect((await other).count).toBe(LARGE)
}, 180_000)

test('a process that ends under a body is started again for it', async () => {
  const [pid] = bodies()
  const answer = ask(rowsForm, negated, { rows }, null)
  process.kill(pid!, 'SIGKILL')
  expect((await answer).count).toBe(LARGE)
  expect(bodies()).not.toContain(pid!)
}, 180_000)

test('rows that were scored already stay those rows, also when the process ends that was to write of them', async () => {
  const alone = new Bodies(512)
  const others = bodies()
  let killed: number | undefined
  const counts = Array.from({ length: 40 }, (_, i) => 1000 + i)
  const [output] = zeros.model.metadata.outputs
  // a run for each row, and so many that the answer becomes too large for this process when most are scored
  const score: ScoreTensors = async feeds => {
    const count = Number(Object.values(feeds)[0]!.data[0])
    const data = new Float32Array(count)
    return {
      [output!.name]: {
        type: 'float32',
        dims: [count],
        get data() {
          // read again for the other process: it ends when it has some of them, and asked for no more yet
          if (count === 1010 && killed === undefined) {
            killed = bodies().find(pid => !others.includes(pid))
            if (killed !== undefined) process.kill(killed, 'SIGKILL')
          }
          return data
        },
      },
    }
  }
  const asked = { body: Buffer.from(JSON.stringify({ rows: counts.map(count => ({ count })) })), given: null }
  const each: ScoreEach = runs => Promise.all(runs.map(feeds => score(feeds, 1)))
  const { body } = await alone.answer(rowsForm, knownAs(zeros), asked, soon(), { score, each })
  const { predictions } = JSON.parse(Buffer.from(body as Uint8Array).toString())
  expect(killed).toBeDefined()
  expect(predictions.map((zeros: number[]) => zeros.length)).toEqual(counts)
  await alone.close()
}, 180_000)

test('a caller who goes while the process for the body starts waits for it no longer', async () => {
  const alone = new Bodies(512)
  const others = bodies()
  const leaving = new AbortController()
  const asked = { body: Buffer.from(JSON.stringify({ rows })), given: null }
  const score = () => Promise.reject(new Error('nothing is scored'))
  const answer = alone.answer(
    notHere(rowsForm),
    knownAs(negated),
    asked,
    { ...soon(), caller: leaving },
    { score, each: score },
  )
  const pid = await waitFor(() => bodies().find(other => !others.includes(other)))
  process.kill(pid, 'SIGSTOP')
  leaving.abort()
  await expect(answer).rejects.toMatchObject({ status: 499 })
  process.kill(pid, 'SIGKILL')
  await alone.close()
}, 180_000)

test('rows that are held against a schema have the time of their call, in the form of each door', async () => {
  const options = soon()
  const deadlines: (number | undefined)[] = []
  const model: KnownModel = {
    ...knownAs(negated, {}),
    check: (_rows, _form, deadline) => void deadlines.push(deadline),
  }
  const answer = <Given>(form: Form<Given>, body: unknown, asked: Given) =>
    scorer.form(form, negated.model, model, { body: Buffer.from(JSON.stringify(body)), given: asked }, options)
  await answer(rowsForm, { rows: [{ x: 1 }] }, null)
  await answer(predictForm, { instances: [[1]] }, null)
  await answer(inferForm, tensor('x', 'FP32', [1]), given)
  expect(deadlines).toEqual(Array(3).fill(options.deadline))
})
