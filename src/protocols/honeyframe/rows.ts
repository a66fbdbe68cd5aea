/** The answers of queries over HTTP: a format that was negotiated, a validator, and where the next page is. */

import type { Grant } from '../../catalog/grant.ts'
import type { Call } from '../../endpoints/endpoint.ts'
import type { Answer, QueryAnswers } from '../../query/answers.ts'
import type { Format, Page } from '../../query/formats.ts'
import { matchesNone } from './conditional.ts'
import { formatOf, MEDIA_TYPES } from './negotiate.ts'

/** What a cache may tell answers apart by. */
const VARY = 'X-API-Key, Authorization, Accept'

/**
 * @param name of the endpoint, for the file that a browser saves
 * @param headers what every answer of this request carries
 * @throws Fault 400 an unknown `format`, 406, and what the query throws
 */
export function answerRows(
  request: Request,
  answers: QueryAnswers,
  name: string,
  call: Call,
  grant: Grant,
  headers: Record<string, string>,
): Response | Promise<Response> {
  const format = formatOf(call.params, request.headers.get('accept'))
  const answer = answers.answer(grant, call.params, format, call.deadline, call.caller)
  const respond = (given: Answer) => response(request, given, format, name, answers.ttlSeconds, call.params, headers)
  return answer instanceof Promise ? answer.then(respond) : respond(answer)
}

function response(
  request: Request,
  { body, etag, page, age }: Answer,
  format: Format,
  name: string,
  ttl: number,
  params: URLSearchParams,
  common: Record<string, string>,
): Response {
  const headers: Record<string, string> = {
    etag,
    'cache-control': ttl === 0 ? 'private, no-cache' : `private, max-age=${ttl}`,
    vary: VARY,
    ...common,
  }
  if (age !== undefined) headers.age = String(age)
  if (!matchesNone(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers })
  headers['content-type'] = MEDIA_TYPES[format]
  if (format !== 'json') Object.assign(headers, pagingOf(request, page, params))
  if (format === 'csv') headers['content-disposition'] = attachment(`${name}.csv`)
  return new Response(body as BodyInit, { headers })
}

/** What a JSON answer says of its page in the body: `Link` (RFC 8288) and `X-Total-Count`. */
function pagingOf(request: Request, { limit, offset, has_more, total, next }: Page, given: URLSearchParams) {
  const headers: Record<string, string> = {}
  if (total !== undefined) headers['x-total-count'] = String(total)
  if (has_more) {
    const params = new URLSearchParams(given)
    if (next !== undefined) {
      params.set('cursor', next)
      params.delete('offset')
    } else {
      params.delete('cursor')
      params.set('offset', String(offset + limit))
    }
    headers.link = `<${new URL(request.url).pathname}?${params}>; rel="next"`
  }
  return headers
}

/** RFC 6266: a plain name, and beside it the name as it is (RFC 8187) where that is not plain. */
function attachment(fileName: string): string {
  const plain = fileName.replace(/[^\w.-]/g, '_')
  if (plain === fileName) return `attachment; filename="${plain}"`
  const encoded = encodeURIComponent(fileName.toWellFormed()).replace(
    /['()*]/g,
    c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
