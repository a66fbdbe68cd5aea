import type { Grant } from '../../catalog/grant.ts'
import type { Endpoint, ServedModel, ServedRoute } from '../../endpoints/endpoint.ts'
import { HandlerFault } from '../../endpoints/handler.ts'
import type { SchemaChecks } from '../../endpoints/schema-checks.ts'
import { readBytes } from '../../lib/body.ts'
import { Fault } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import { predict } from '../../scoring/predict.ts'
import type { Scorer } from '../../scoring/scorer.ts'
import { type ErrorContext, modelContext, modelFailed } from './errors.ts'
import { parsePorter } from './json.ts'
import { requestCheck } from './request-schema.ts'

export interface PorterCall {
  endpoint: Endpoint
  route: ServedRoute
  model: ServedModel
  grant: Grant
  scorer: Scorer
  schemas: SchemaChecks
  settings: { maxBody: number; requestTimeout: number }
  /** gets what the caller sent, for an app that shows it in errors */
  context: ErrorContext
}

/**
 * A POST's predictions, as the answer without its request id.
 * @throws Fault 400, 413, 415, 422; 500 when the model itself refuses, or when it cannot take what was not to be checked; else as
 * `Scorer.score`
 */
export async function predictPorter(request: Request, call: PorterCall): Promise<Record<string, unknown>> {
  const { route, model, grant, scorer, settings, context } = call
  const { active: served, hooks } = model
  const deadline = Date.now() + settings.requestTimeout
  const bytes = await readBytes(request, settings.maxBody)
  const body = parsePorter(bytes)
  if (context.app.userData) context.userData = body.verbatim
  await requestCheck(route, call.schemas)(body.value, bytes, { endpoint: call.endpoint, deadline })
  const rows = rowsOf(route, body.value)
  try {
    const options = { deadline, caller: request }
    const codec = route.codec ?? served.codec
    const score = (made: readonly unknown[]) => predict(scorer, served.scoring, codec, made, 'rows', options)
    const { predictions } = hooks ? await hooks.predict(rows, score, { grant, ...options }) : await score(rows)
    const answers = body.ids(rows).map((id, row) => ({ id, prediction: predictions[row] }))
    return { model_context: modelContext(route), predictions: route.batch ? answers : answers[0] }
  } catch (error) {
    const refused = error instanceof Fault && error.status === 422 && !(error instanceof HandlerFault)
    const byModel = refused && error.code === 'model_refused'
    throw byModel || (refused && !route.validate) ? modelFailed(error) : error
  }
}

/** What was not checked may be anything; the model cannot take it then. @throws Fault 500 */
function rowsOf({ batch }: ServedRoute, value: unknown): readonly Record<string, unknown>[] {
  const rows = batch ? value : [value]
  if (Array.isArray(rows) && rows.length > 0 && rows.every(row => isObject(row) && Object.hasOwn(row, 'id')))
    return rows
  throw modelFailed(
    new Error(batch ? 'a list of objects with an id was expected' : 'an object with an id was expected'),
  )
}
