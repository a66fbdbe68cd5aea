/** The answers of queries over HTTP: a format that was negotiated, a validator, and where the next page is. */

import type { Grant } from '../../catalog/grant.ts'
import type { Call } from '../../endpoints/endpoint.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import { toFault } from '../../lib/fault.ts'
import type { Params } from '../../lib/params.ts'
import { rawPath } from '../../lib/path.ts'
import { sent } from '../../lib/sending.ts'
import { unread } from '../../lib/unread.ts'
import { BY_KEY } from '../../lib/vary.ts'
import type { Answer, QueryAnswers, StreamedAnswer } from '../../query/answers.ts'
import type { Format, Page } from '../../query/formats.ts'
import type { Identity } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { AnswerHeaders } from './answer-headers.ts'
import { matches } from './conditional.ts'
import { formatOf, MEDIA_TYPES } from './negotiate.ts'

/** What a cache tells answers apart by. */
const VARY = [BY_KEY, 'Accept']

/** A call of a query, as the door has admitted it. */
export interface RowsCall {
  request: Request
  call: Call
  grant: Grant
  /** the endpoint's, for the file that a browser saves */
  name: string
  identity: Identity
  limit: LimitHeaders | undefined
  /** Asked while an answer goes on. @throws Fault the caller would not be let in any more */
  checkAgain(): void
}

/**
 * Answers calls of queries.
 * @param vary what else than the key and the format an answer's headers depend on
 * @throws Fault 400 an unknown `format`, 406, and what the query throws
 */
export function rowsAnswerer(vary: string[] = []) {
  const known = new WeakMap<QueryAnswers, Partial<Record<Format, AnswerHeaders>>>()
  const headersOf = (answers: QueryAnswers, format: Format): AnswerHeaders => {
    let ofFormats = known.get(answers)
    if (!ofFormats) {
      ofFormats = {}
      known.set(answers, ofFormats)
    }
    ofFormats[format] ??= new AnswerHeaders({
      'content-type': MEDIA_TYPES[format],
      'cache-control': answers.ttlSeconds === 0 ? 'private, no-cache' : `private, max-age=${answers.ttlSeconds}`,
      vary: [...VARY, ...vary].join(', '),
    })
    return ofFormats[format]
  }
  return (answers: QueryAnswers, asked: RowsCall): Response | Promise<Response> => {
    const { request, call, grant } = asked
    const format = formatOf(call.params, request.headers.get('accept'))
    const answer = answers.answer(grant, call.params, format, call.deadline, call.caller)
    const respond = (given: Answer) => response(given, format, headersOf(answers, format), asked)
    return answer instanceof Promise ? answer.then(respond) : respond(answer)
  }
}

function response(answer: Answer, format: Format, alike: AnswerHeaders, asked: RowsCall): Response {
  const { request, call, name, identity, limit } = asked
  const known = answer.etag !== undefined && matches(request.headers.get('if-none-match'), answer.etag)
  const body = known ? null : bodyOf(answer, asked)
  const made = new Response(body, {
    status: known ? 304 : 200,
    headers: alike.of(identity, limit, answer.etag),
  })
  if (answer.age !== undefined) made.headers.set('age', String(answer.age))
  if (known) made.headers.delete('content-type')
  else if (format !== 'json') {
    if (answer.page) setPaging(made.headers, answer.page, request, call.params)
    if (format === 'csv') made.headers.set('content-disposition', attachment(`${name}.csv`))
  }
  return made
}

function bodyOf(answer: Answer, asked: RowsCall) {
  if (answer.etag !== undefined) return sent(answer.body, asked.request.method)
  if (asked.request.method !== 'HEAD') return streamOf(answer, asked)
  answer.end()
  return unread()
}

/**
 * The pieces of an answer, each asked for when the one before has gone out, and sent if the caller may still have it. Once the status
 * is sent, all that is left to say of a failure is to break the connection: the end of the body is missing, so nobody takes it for
 * the whole.
 */
function streamOf({ body, end }: StreamedAnswer, { identity, checkAgain }: RowsCall): ReadableStream<Uint8Array> {
  let gone = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await body.next()
          if (gone) return
          if (done) return controller.close()
          checkAgain()
          controller.enqueue(value)
        } catch (error) {
          if (gone) return
          end()
          logFailure(toFault(error), error, identity)
          controller.error() // an Error here would be printed by Bun
        }
      },
      cancel() {
        gone = true
        end()
      },
    },
    { highWaterMark: 0 },
  )
}

/** What a JSON answer says of its page in the body: `Link` (RFC 8288) and `X-Total-Count`. */
function setPaging(
  headers: Headers,
  { limit, offset, has_more, total, next }: Page,
  request: Request,
  given: Params,
): void {
  if (total !== undefined) headers.set('x-total-count', String(total))
  if (has_more) {
    const params = new URLSearchParams([...given].flatMap(([name, values]) => values.map(value => [name, value])))
    if (next !== undefined) {
      params.set('cursor', next)
      params.delete('offset')
    } else {
      params.delete('cursor')
      params.set('offset', String(offset + limit))
    }
    headers.set('link', `<${rawPath(request.url)}?${params}>; rel="next"`)
  }
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
