import type { Fault } from './fault.ts'

/**
 * A problem document (RFC 9457) as a Response. `detail` is always a string: it is what the Honeyframe SDK reads.
 */
export function problem(fault: Fault, identity: { requestId: string; headers: Record<string, string> }): Response {
  const body = {
    type: 'about:blank',
    title: TITLES[fault.status] ?? 'Error',
    status: fault.status,
    detail: fault.message,
    code: fault.code,
    request_id: identity.requestId,
    ...fault.members,
  }
  return new Response(JSON.stringify(body), {
    status: fault.status,
    headers: { 'content-type': 'application/problem+json', ...identity.headers, ...fault.headers },
  })
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}
