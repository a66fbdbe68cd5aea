import type { ServedRoute } from '../../endpoints/endpoint.ts'
import { Fault, methodNotAllowed, notFound } from '../../lib/fault.ts'
import { type AppView, porterReply } from './app.ts'

export const NOT_FOUND =
  'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.'
const METHOD = 'The method is not allowed for the requested URL.'
const BAD_REQUEST = 'The browser (or proxy) sent a request that this server could not understand.'
const FAILED = 'Could not serve model results successfully.'

/** werkzeug's names. */
const NAMES: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'UnprocessableEntity',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  501: 'NotImplemented',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
}

export const unknownPath = () => notFound(NOT_FOUND, 'not_routed')
/** What is not to be told more of: the model's own failure, or what it cannot take and nobody checked. */
export const modelFailed = (cause: unknown) => new Fault(500, 'model_failed', FAILED, { cause })
export const wrongMethod = (allow: string[]) => methodNotAllowed(allow)

export const modelContext = ({ name, version, meta }: ServedRoute) => ({
  api_version: version,
  model_meta: meta,
  model_name: name,
})

export interface ErrorContext {
  app: AppView
  requestId: string
  headers: Record<string, string>
  /** once the caller was let in to it */
  route?: ServedRoute
  /** the parsed body, as far as it came */
  userData?: unknown
}

/** A Fault as porter's error object. Only where the app says so does it hold a stack or what the caller sent. */
export function porterError(fault: Fault, request: Request, context: ErrorContext): Response {
  const { app, route } = context
  const error: Record<string, unknown> = { name: NAMES[fault.status] ?? 'HTTPException' }
  if (app.messages) error.messages = [messageOf(fault, request)]
  if (app.traceback) error.traceback = stackOf(fault)
  if (app.userData) error.user_data = context.userData ?? null
  const body = {
    error,
    ...(route && fault.status !== 405 ? { model_context: modelContext(route) } : {}),
    ...(app.requestId ? { request_id: context.requestId } : {}),
  }
  return porterReply(app, request, body, { status: fault.status, headers: { ...context.headers, ...fault.headers } })
}

function messageOf(fault: Fault, request: Request): string {
  switch (fault.status) {
    case 400:
      return BAD_REQUEST
    case 404:
      return NOT_FOUND
    case 405:
      return METHOD
    case 415: {
      const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
      return /^[\w.+*, -]{1,40}$/.test(encoding) ? `unsupported encoding: "${encoding}"` : 'unsupported encoding'
    }
    case 500:
      return FAILED
    default:
      return fault.message
  }
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${stackOf(error.cause)}\n\nThe above was the cause of:\n\n${own}`
}
