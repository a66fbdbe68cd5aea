import type { ServedRoute } from '../../endpoints/endpoint.ts'
import { HandlerFault } from '../../endpoints/handler.ts'
import { type Fault, methodNotAllowed, notFound } from '../../lib/fault.ts'
import { type AppView, porterReply } from './app.ts'
import { FAILED } from './form.ts'

const NOT_FOUND =
  'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.'
const SEMANTICS = 'The request was well-formed but was unable to be followed due to semantic errors.'
const METHOD = 'The method is not allowed for the requested URL.'
const BAD_REQUEST = 'The browser (or proxy) sent a request that this server could not understand.'

/** werkzeug's names. */
const NAMES: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  408: 'RequestTimeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'LengthRequired',
  412: 'PreconditionFailed',
  413: 'RequestEntityTooLarge',
  414: 'RequestURITooLarge',
  415: 'UnsupportedMediaType',
  416: 'RequestedRangeNotSatisfiable',
  417: 'ExpectationFailed',
  418: 'ImATeapot',
  422: 'UnprocessableEntity',
  423: 'Locked',
  424: 'FailedDependency',
  428: 'PreconditionRequired',
  429: 'TooManyRequests',
  431: 'RequestHeaderFieldsTooLarge',
  451: 'UnavailableForLegalReasons',
  500: 'InternalServerError',
  501: 'NotImplemented',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
}

/** werkzeug's texts of what a custom service refuses without one of its own. */
const DESCRIPTIONS: Record<number, string> = {
  403: "You don't have the permission to access the requested resource. It is either read-protected or not readable by the server.",
  409: 'A conflict happened while processing the request. The resource might have been modified while the request was being processed.',
  410: 'The requested URL is no longer available on this server and there is no forwarding address. If you followed a link from a foreign page, please contact the author of this page.',
  412: 'The precondition on the request for the URL failed positive evaluation.',
  418: 'This server is a teapot, not a coffee machine',
  429: 'This user has exceeded an allotted request count. Try again later.',
  501: 'The server does not support the action requested by the browser.',
  503: 'The server is temporarily unable to service your request due to maintenance downtime or capacity problems. Please try again later.',
}

export const unknownPath = () => notFound(NOT_FOUND, 'not_routed')
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
  /** makes the body of the answer, as far as it came: that takes long where it is large */
  userData?: () => unknown
}

/** A Fault as porter's error object. Only where the app says so does it hold a stack or what the caller sent. */
export function porterError(fault: Fault, request: Request, context: ErrorContext): Response {
  const { app, route } = context
  const own = fault instanceof HandlerFault ? fault : undefined
  const error: Record<string, unknown> = { name: own?.errorName ?? NAMES[fault.status] ?? 'HTTPException' }
  if (app.messages) error.messages = own?.messages.length ? own.messages : [messageOf(fault, request)]
  if (app.traceback) error.traceback = stackOf(fault)
  if (app.userData) error.user_data = context.userData?.() ?? null
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
    case 422:
      return fault instanceof HandlerFault ? SEMANTICS : fault.message
    case 500:
      return FAILED
    default:
      return (fault instanceof HandlerFault && DESCRIPTIONS[fault.status]) || fault.message
  }
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${stackOf(error.cause)}\n\nThe above was the cause of:\n\n${own}`
}
