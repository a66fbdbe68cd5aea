import type { Grant } from '../../catalog/grant.ts'
import type { Endpoint, ServedModel, ServedRoute } from '../../endpoints/endpoint.ts'
import { HandlerFault } from '../../endpoints/handler.ts'
import { MOST_READ_HERE, type SchemaChecks } from '../../endpoints/schema-checks.ts'
import { readBytes } from '../../lib/body.ts'
import { deadlineIn } from '../../lib/deadline.ts'
import { Fault } from '../../lib/fault.ts'
import type { Scorer } from '../../scoring/scorer.ts'
import { packs } from './app.ts'
import { type ErrorContext, modelContext } from './errors.ts'
import { formOf, modelFailed, type Predict, porterForm } from './form.ts'
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
 * The answer to a POST, as it is sent.
 * @throws Fault 400, 413, 415, 422; 500 when the model itself refuses, or when it cannot take what was not to be checked; else as
 * `Scorer.form`
 */
export async function predictPorter(request: Request, call: PorterCall): Promise<string | Uint8Array> {
  const { route, model, grant, scorer, settings, context } = call
  const { hooks } = model
  const version = route.model!
  const options = { deadline: deadlineIn(settings.requestTimeout), caller: request }
  const bytes = await readBytes(request, settings.maxBody, options.deadline)
  const { userData, requestId } = context.app
  const body = userData || hooks || bytes.length <= MOST_READ_HERE ? parsePorter(bytes) : undefined
  if (userData) context.userData = body?.verbatim
  await requestCheck(route, call.schemas)(body?.value, bytes, { endpoint: call.endpoint, deadline: options.deadline })
  const around = { model_context: modelContext(route), ...(requestId ? { request_id: context.requestId } : {}) }
  const given = { batch: route.batch, around, packed: packs(context.app, request) }
  const called: Predict | undefined = hooks && ((rows, score) => hooks.predict(rows, score, { grant, ...options }))
  try {
    const form = body ? formOf(body, called) : porterForm
    return (await scorer.form(form, version.scoring, version, { body: bytes, given }, options)).body
  } catch (error) {
    const refused = error instanceof Fault && error.status === 422 && !(error instanceof HandlerFault)
    const byModel = refused && error.code === 'model_refused'
    throw byModel || (refused && !route.validate) ? modelFailed(error) : error
  }
}
