/** What browsers may do from pages of other origins (CORS, of the Fetch standard): the same at every door, on errors too. */
import { cors } from '@elysiajs/cors'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'X-API-Key',
  'X-Request-Id',
  'X-Project-Id',
  'If-Match',
  'If-None-Match',
  'Idempotency-Key',
  'Traceparent',
  'Inference-Header-Content-Length',
]
const KNOWN = new Set(REQUEST_HEADERS.map(name => name.toLowerCase()))
const EXPOSED = [
  'X-Request-Id',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'ETag',
  'Link',
  'Location',
  'X-Total-Count',
  'Content-Disposition',
  'Idempotent-Replayed',
  'Inference-Header-Content-Length',
]
/** seconds */
const MAX_AGE = 600
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/

/**
 * What `@elysiajs/cors` says with every answer, and the answer to what a browser asks before a call. An answer that has a `Vary`
 * of its own names `Origin` there: it takes the place of this one. No answer lets a browser send its cookies.
 * @param origins exact ones, or `*`
 */
export function crossOrigin(origins: string[]) {
  const any = origins.includes('*')
  return cors({
    origin: any ? '*' : request => origins.includes(request.headers.get('origin') ?? ''),
    methods: METHODS,
    allowedHeaders: REQUEST_HEADERS,
    exposeHeaders: EXPOSED,
    credentials: false,
    maxAge: MAX_AGE,
    // it would answer every OPTIONS, also those that are for a deployment's server
    preflight: false,
  }).onRequest(({ request, set: { headers } }) => {
    // it says `Vary: *` then, so that nobody could keep an answer; but answers are the same for all
    if (any) delete headers.vary
    return preflight(request, headers)
  })
}

/**
 * What a deployment's server takes is not known here, so what is asked for is allowed beside what Callgate takes; the origin
 * decides.
 */
function preflight({ method, headers: asked }: Request, headers: Record<string, unknown>): Response | undefined {
  const wanted = asked.get('access-control-request-method')
  if (method !== 'OPTIONS' || wanted === null || !asked.has('origin')) return undefined
  const more = (asked.get('access-control-request-headers') ?? '').split(',').map(name => name.trim())
  const extra = more.filter(name => TOKEN.test(name) && !KNOWN.has(name.toLowerCase()))
  headers['access-control-allow-headers'] = [...REQUEST_HEADERS, ...extra].join(', ')
  headers['access-control-allow-methods'] = [...new Set([...METHODS, ...(TOKEN.test(wanted) ? [wanted] : [])])].join(
    ', ',
  )
  headers['access-control-max-age'] = String(MAX_AGE)
  return new Response(null, { status: 204 })
}
