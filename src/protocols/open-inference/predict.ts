/** KServe v1's prediction: rows as named features or by position, and one prediction for each. */
import type { HandlerCall, ModelHooks, ServedVersion } from '../../endpoints/endpoint.ts'
import { parseJson, readBytes } from '../../lib/body.ts'
import { deadlineIn } from '../../lib/deadline.ts'
import { badRequest, type Fault } from '../../lib/fault.ts'
import { isObject, stringifyLossless } from '../../lib/json.ts'
import { type Answered, counting, type Form, type FormCall } from '../../scoring/bodies.ts'
import type { Decoded } from '../../scoring/codec.ts'
import type { Feature } from '../../scoring/features.ts'
import { predictWith } from '../../scoring/predict.ts'
import type { InferContext } from './infer.ts'
import type { NamedModel } from './scope.ts'
import type { Times } from './shelf.ts'

/** @returns the answer's JSON. @throws Fault 400, 413, 415, 422; as `Scorer.score` */
export async function predict(
  context: InferContext,
  { key, served, grant }: NamedModel,
  version: ServedVersion,
  request: Request,
): Promise<string | Uint8Array> {
  const options = { deadline: deadlineIn(context.requestTimeout), caller: request }
  const body = await readBytes(request, context.maxBody, options.deadline, ['gzip', 'deflate'])
  const started = Bun.nanoseconds()
  try {
    const { hooks } = served
    const form = hooks ? withHooks(hooks, { grant, ...options }) : predictForm
    const answered = await context.scorer.form(form, version.scoring, version, { body, given: null }, options)
    const { rows, times } = answered.head as unknown as Predicted
    context.shelf.succeeded(key, version.number, rows, times)
    return answered.body
  } catch (error) {
    context.shelf.failed(key, version.number, Bun.nanoseconds() - started)
    throw error
  }
}

interface Predicted {
  rows: number
  times: Times
}

export const predictForm: Form<null> = { formName: 'v1', answer: call => predicted(call, (rows, score) => score(rows)) }

/** With the author's code, which is called from this process only: so all else of it is done here, too. */
const withHooks = (hooks: ModelHooks, call: HandlerCall): Form<null> => ({
  answer: given => predicted(given, (rows, score) => hooks.predict(rows, score, call), hooks),
})

async function predicted(
  call: FormCall<null>,
  around: (rows: readonly unknown[], score: (rows: readonly unknown[]) => Promise<Decoded>) => Promise<Decoded>,
  hooks?: ModelHooks,
): Promise<Answered> {
  const started = Bun.nanoseconds()
  const { body, model, deadline } = call
  const { codec } = model
  const instances = instancesOf(parseJson(body))
  hooks?.checkRoom(instances.filter(row => !isObject(row)).length, codec.features)
  const rows = instances.map((row, i) => namedRow(row, i, codec.features))
  await model.check(rows, 'rows', deadline)
  const read = Bun.nanoseconds()
  const counted = counting(call)
  const { predictions } = await around(rows, made => predictWith(counted, codec, { rows: made, form: 'rows' }))
  const done = Bun.nanoseconds()
  const text = stringifyLossless({ predictions })
  const times = { input: read - started, infer: done - read, output: Bun.nanoseconds() - done }
  return { head: { rows: rows.length, times } satisfies Predicted, body: text }
}

const bad = (message: string): Fault => badRequest(message, 'bad_predict_request')

function instancesOf(body: unknown): unknown[] {
  if (!isObject(body)) throw bad('The body is {"instances": [...]} or {"inputs": [...]}.')
  const { instances, inputs } = body
  if ((instances === undefined) === (inputs === undefined))
    throw bad(
      `The body holds ${instances === undefined ? 'neither instances nor inputs' : 'both instances and inputs'}.`,
    )
  const rows = instances ?? inputs
  if (!Array.isArray(rows)) throw bad('instances (or inputs) must be a list, with one element for each row.')
  if (rows.length === 0) throw bad('There are no rows.')
  return rows
}

/**
 * A row as named features: an object is one already; a list holds the features in their order; where the model has one
 * feature, the row is its value.
 */
function namedRow(row: unknown, index: number, features: readonly Feature[]): unknown {
  if (isObject(row)) return row
  const [first] = features
  if (features.length === 1) {
    if (first!.shape.length > 0 || !Array.isArray(row)) return { [first!.name]: row }
  } else if (!Array.isArray(row))
    throw bad(`Row ${index} must be an object of named features, or a list of all of them.`)
  if (row.length !== features.length)
    throw bad(`Row ${index} must hold ${features.length} values, as many as the model has features.`)
  return Object.fromEntries(features.map((feature, i) => [feature.name, row[i]]))
}
