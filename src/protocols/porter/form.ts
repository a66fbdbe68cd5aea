/** A porter body of rows as its answer: here, or where that takes long, in the process of large bodies. */
import { Fault } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import { type Answered, counting, type Form, type FormCall } from '../../scoring/bodies.ts'
import type { Decoded } from '../../scoring/codec.ts'
import { predictWith } from '../../scoring/predict.ts'
import { type PorterBody, parsePorter, porterJson } from './json.ts'

export const FAILED = 'Could not serve model results successfully.'

/** What is not to be told more of: the model's own failure, or what it cannot take and nobody checked. */
export const modelFailed = (cause: unknown) => new Fault(500, 'model_failed', FAILED, { cause })

interface Given {
  /** a list of rows, or one row */
  batch: boolean
  /** what the answer has besides its predictions */
  around: Record<string, unknown>
  packed: boolean
}

/** Predictions of rows, with the author's code around the model where there is any. */
export type Predict = (
  rows: readonly unknown[],
  score: (rows: readonly unknown[]) => Promise<Decoded>,
) => Promise<Decoded>

/** @throws Fault 400 what is no body of porter's; 500 what are no rows with ids; as `predictWith` */
export const porterForm: Form<Given> = {
  formName: 'porter',
  answer: call => answered(call, parsePorter(call.body), (rows, score) => score(rows)),
}

/** The same of a body that was read already. @param hooked with the author's code, which is called from this process only */
export const formOf = (body: PorterBody, hooked?: Predict): Form<Given> => ({
  formName: hooked ? undefined : porterForm.formName,
  answer: call => answered(call, body, hooked ?? ((rows, score) => score(rows))),
})

async function answered(call: FormCall<Given>, body: PorterBody, predict: Predict): Promise<Answered> {
  const { model, given } = call
  const rows = rowsOf(given.batch, body.value)
  const counted = counting(call)
  const { predictions } = await predict(rows, made => predictWith(counted, model.codec, { rows: made, form: 'rows' }))
  const answers = body.ids(rows).map((id, row) => ({ id, prediction: predictions[row] }))
  const text = porterJson({ ...given.around, predictions: given.batch ? answers : answers[0] })
  return { head: {}, body: given.packed ? Bun.gzipSync(text) : text }
}

/** What was not checked may be anything; the model cannot take it then. @throws Fault 500 */
function rowsOf(batch: boolean, value: unknown): readonly Record<string, unknown>[] {
  const rows = batch ? value : [value]
  if (Array.isArray(rows) && rows.length > 0 && rows.every(row => isObject(row) && Object.hasOwn(row, 'id')))
    return rows
  throw modelFailed(
    new Error(batch ? 'a list of objects with an id was expected' : 'an object with an id was expected'),
  )
}
