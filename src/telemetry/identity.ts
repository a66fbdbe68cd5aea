const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/
/** W3C Trace Context, level 1: version, 16 bytes of trace id, 8 of the parent's span, flags. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/

/** What names a request, in its answer and in the log. */
export interface Identity {
  requestId: string
  /** of the caller's `traceparent`, when it sent a valid one */
  traceId?: string
  /** to be sent with the answer */
  headers: Record<string, string>
}

/**
 * The request's id: the caller's `X-Request-Id` when it is short and plain, else 32 hex digits of our own. A valid
 * `traceparent` is continued: the same trace, with a span of ours.
 */
export function identify(headers: Headers): Identity {
  const given = headers.get('x-request-id')
  const requestId = given !== null && REQUEST_ID.test(given) ? given : newRequestId()
  const parent = headers.get('traceparent')
  const trace = parent === null ? null : TRACEPARENT.exec(parent)
  if (!trace) return { requestId, headers: { 'x-request-id': requestId } }
  const [, traceId, flags] = trace as unknown as [string, string, string]
  const span = crypto.getRandomValues(Buffer.alloc(8)).toString('hex')
  return { requestId, traceId, headers: { 'x-request-id': requestId, traceparent: `00-${traceId}-${span}-${flags}` } }
}

const HEX_ID = /^(?!0{32})[0-9a-f]{32}$/

/** A `traceparent` that begins a trace, not sampled: under the request's id, where that is one of ours. */
export function newTraceparent(requestId: string): string {
  const trace = HEX_ID.test(requestId) ? requestId : newRequestId()
  return `00-${trace}-${trace.slice(8, 16)}${trace.slice(24)}-00`
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
let random = ''
let prefix = ''
let counter = 0

/** 14 bytes that are random anew for every 65,536 requests, and 2 that count those: unique, and far cheaper than a UUID a request. */
export function newRequestId(): string {
  const low = counter & 0xff
  if (low === 0) {
    if (counter === 0) random = crypto.randomUUID().replaceAll('-', '').slice(0, 28)
    prefix = random + HEX[counter >>> 8]!
  }
  counter = (counter + 1) & 0xffff
  return prefix + HEX[low]!
}
