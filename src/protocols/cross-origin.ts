/** What browsers may do from pages of other origins (CORS, of the Fetch standard): the same at every door, on errors too. */

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
].join(', ')
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/

type Answering = { request: Request; set: { headers: Record<string, unknown> } }

/**
 * Sets what the answer to a request will say, whatever it is. An answer that has a `Vary` of its own names `Origin` there: it
 * takes the place of this one. No answer lets a browser send its cookies.
 * @param origins exact ones, or `*`: then answers are the same for all, and caches need not tell them apart
 * @returns the answer to what a browser asks before a call; undefined: it is another request
 */
export function crossOrigin(origins: string[]): (asked: Answering) => Response | undefined {
  const any = origins.includes('*')
  return ({ request, set: { headers } }) => {
    headers['access-control-expose-headers'] = EXPOSED
    if (any) headers['access-control-allow-origin'] = '*'
    else {
      headers.vary = 'Origin'
      const origin = request.headers.get('origin')
      if (origin !== null && origins.includes(origin)) headers['access-control-allow-origin'] = origin
    }
    return preflight(request, headers)
  }
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
  headers['access-control-max-age'] = '600'
  return new Response(null, { status: 204 })
}
