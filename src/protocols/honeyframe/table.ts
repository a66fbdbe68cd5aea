/**
 * Tables over HTTP: the list at `/api/service/{service}/{endpoint}`, each row below it at its primary key. Methods, statuses,
 * preconditions and `Idempotency-Key` of RFC 9110, RFC 5789, RFC 7396 and draft-ietf-httpapi-idempotency-key-header-07.
 */
import type { Grant } from '../../catalog/grant.ts'
import type { ServedTable, TableWrite } from '../../endpoints/endpoint.ts'
import { checkJsonType, readBytes } from '../../lib/body.ts'
import { badRequest, Fault } from '../../lib/fault.ts'
import { shown } from '../../lib/text.ts'
import { BY_KEY, withOrigin } from '../../lib/vary.ts'
import type { Tags } from '../../query/write/apply.ts'
import { LINKS } from '../../query/write/rows.ts'
import type { Written } from '../../query/write/store.ts'

export interface TableRequest {
  request: Request
  /** the row's raw path segment; undefined: the table itself */
  id: string | undefined
  /** the raw query string */
  query: string
  /** the table's own path */
  path: string
  maxBody: number
  /** milliseconds since the epoch */
  deadline: number
}

/** @returns undefined where the list is asked for, which is answered as any query's rows are. @throws Fault */
export async function answerTable(
  { request, id, query, path, maxBody, deadline }: TableRequest,
  table: ServedTable,
  grant: Grant,
): Promise<Response | undefined> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  table.check(grant, method, id !== undefined)
  if (method === 'GET' && id === undefined) return undefined
  if (query !== '') refuseParameters(query)
  if (method === 'GET') return found(request, path, await table.find(grant, id!, deadline))
  const write: TableWrite = {
    method: method as TableWrite['method'],
    id,
    body: method === 'DELETE' ? new Uint8Array() : await bodyOf(request, method, maxBody, deadline),
    ifMatch: id === undefined ? undefined : tagsOf(request.headers, 'if-match'),
    ifNoneMatch: id === undefined ? undefined : tagsOf(request.headers, 'if-none-match'),
    idempotencyKey: idempotencyKeyOf(request.headers),
    deadline,
  }
  return written(path, await table.write(grant, write), table.mayRead(grant))
}

function refuseParameters(query: string): void {
  const [name] = new URLSearchParams(query).keys()
  if (name !== undefined) throw badRequest(`${shown(name)} is not a parameter here.`, 'unknown_parameter')
}

async function bodyOf(request: Request, method: string, maxBody: number, deadline: number): Promise<Uint8Array> {
  try {
    checkJsonType(request.headers)
    if (/^application\/json-patch\+json/i.test(request.headers.get('content-type') ?? ''))
      throw new Fault(415, 'unsupported_media_type', 'The content type must be application/json.')
  } catch (error) {
    // RFC 5789, 2.2
    if (method !== 'PATCH' || !(error instanceof Fault)) throw error
    throw new Fault(415, error.code, 'The content type must be application/merge-patch+json or application/json.', {
      headers: { 'accept-patch': 'application/merge-patch+json, application/json' },
    })
  }
  return readBytes(request, maxBody, deadline)
}

const TAG_LIST = /^\s*(?:W\/)?"[^"]*"\s*(?:,\s*(?:W\/)?"[^"]*"\s*)*$/

/**
 * @returns the strong tags; weak ones match nothing where the comparison is strong (RFC 9110, 8.8.3.2)
 * @throws Fault 400 what is no list of tags: a precondition that was not understood must not be passed over
 */
function tagsOf(headers: Headers, name: 'if-match' | 'if-none-match'): Tags | undefined {
  const text = headers.get(name)
  if (text === null) return undefined
  if (text.trim() === '*') return '*'
  if (!TAG_LIST.test(text)) throw badRequest(`${name} must be * or a list of entity tags in double quotes.`)
  const tags = text.match(/(?:W\/)?"[^"]*"/g)!
  // If-None-Match compares weakly (13.1.2)
  return name === 'if-match' ? tags.filter(tag => !tag.startsWith('W/')) : tags.map(tag => tag.replace(/^W\//, ''))
}

/** A string of structured fields, or the same without its quotes. @throws Fault 400 */
function idempotencyKeyOf(headers: Headers): string | undefined {
  const text = headers.get('idempotency-key')?.trim()
  if (text === undefined) return undefined
  const quoted = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(text)?.[1]?.replace(/\\(.)/g, '$1')
  const key = quoted ?? (/^[\x21-\x7e]+$/.test(text) && !text.includes('"') ? text : undefined)
  if (!key || key.length > 255)
    throw badRequest('Idempotency-Key must be a string of 1 to 255 printable ASCII characters.')
  return key
}

const HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'private, no-cache',
  vary: withOrigin(BY_KEY),
}

function found(request: Request, path: string, { row, etag, id }: Awaited<ReturnType<ServedTable['find']>>): Response {
  const wanted = tagsOf(request.headers, 'if-none-match')
  const { 'content-type': _, ...headers } = { ...HEADERS, etag }
  if (wanted === '*' || wanted?.includes(etag)) return new Response(null, { status: 304, headers })
  return new Response(single(row, path, id), { headers: { ...HEADERS, etag } })
}

/** @param mayRead else the answer shows nothing but what the caller itself has sent */
function written(path: string, { outcome, replayed }: Written, mayRead: boolean): Response {
  const { status, row, etag, id, count, keys } = outcome
  const headers: Record<string, string> = replayed ? { 'idempotent-replayed': 'true' } : {}
  if (status === 204 || (status === 200 && !mayRead)) return new Response(null, { status: 204, headers })
  headers['content-type'] = 'application/json'
  if (count !== undefined)
    return new Response(JSON.stringify({ count, ...(keys ? { keys } : {}) }), { status, headers })
  if (etag && mayRead) headers.etag = etag
  if (status === 201 && id !== undefined) headers.location = `${path}/${id}`
  return new Response(single(row ?? {}, path, id), { status, headers })
}

/** A row with where it is; a column of the name goes before. */
function single(row: Record<string, unknown>, path: string, id: string | undefined): string {
  const links = { ...(id === undefined ? {} : { self: { href: `${path}/${id}` } }), collection: { href: path } }
  return JSON.stringify(Object.hasOwn(row, LINKS) ? row : { ...row, [LINKS]: links })
}
