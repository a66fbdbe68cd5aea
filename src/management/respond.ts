import { Fault, unprocessable } from '../lib/fault.ts'

export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  jsonText(JSON.stringify(value), status, headers)

/** JSON that was written already, as where integers beyond 2^53 are in it. */
export const jsonText = (text: string, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })

const etagOf = (text: string) => `"${Bun.hash.wyhash(text).toString(16)}"`

/**
 * A single resource, with its `_links` and an `ETag` of what it says; `beside` (a secret that is shown once, warnings) is no part of
 * that.
 */
export function single(resource: object, links: Record<string, string>, status = 200, beside: object = {}): Response {
  const text = JSON.stringify(resource)
  const body = {
    ...resource,
    ...beside,
    _links: Object.fromEntries(Object.entries(links).map(([rel, href]) => [rel, { href }])),
  }
  return json(body, status, { etag: etagOf(text), ...(status === 201 && links.self ? { location: links.self } : {}) })
}

/**
 * Holds a change against `If-Match`: of the resource as it is now (the same object that `single` was given).
 * @throws Fault 412 somebody changed it meanwhile (RFC 9110, 13.1.1)
 */
export function checkMatch(request: Request, resource: object): void {
  const wanted = request.headers.get('if-match')
  if (wanted === null || wanted.trim() === '*') return
  const tag = etagOf(JSON.stringify(resource))
  if (!wanted.split(',').some(candidate => candidate.trim() === tag))
    throw new Fault(412, 'changed_meanwhile', 'This was changed since you read it; read it again.')
}

/** A part of a list: how many are before it, and how many it has at most. */
interface Part {
  from: number
  most: number
}

/** The page that is asked for (`page` from 1, `page_size` up to 1000); undefined: all. @throws Fault 422 */
export function partOf(request: Request): Part | undefined {
  const url = new URL(request.url)
  if (!url.searchParams.has('page') && !url.searchParams.has('page_size')) return undefined
  const page = wholeNumber(url, 'page', 1, 1_000_000)
  const most = wholeNumber(url, 'page_size', 50, 1000)
  return { from: (page - 1) * most, most }
}

/** `Link` (RFC 8288) of a page to its neighbours. */
export function linksOf(request: Request, { from, most }: Part, total: number): Record<string, string> {
  const url = new URL(request.url)
  const page = from / most + 1
  const last = Math.max(1, Math.ceil(total / most))
  const to = (target: number, rel: string) => {
    const params = new URLSearchParams(url.search)
    params.set('page', String(target))
    params.set('page_size', String(most))
    return `<${url.pathname}?${params}>; rel="${rel}"`
  }
  const links = [to(1, 'first'), to(last, 'last')]
  // beyond the last one, what is before it is the last one
  if (page > 1) links.push(to(Math.min(page - 1, last), 'prev'))
  if (page < last) links.push(to(page + 1, 'next'))
  return { link: links.join(', ') }
}

/**
 * A list pages only when asked.
 * @param wrap the answer around the rows
 * @throws Fault 422
 */
export function list(request: Request, rows: unknown[], wrap?: (rows: unknown[]) => unknown): Response {
  return listParts(
    request,
    () => rows.length,
    part => (part ? rows.slice(part.from, part.from + part.most) : rows),
    wrap,
  )
}

/** The same of what may be so long that only what is asked for is read. */
export function listParts(
  request: Request,
  count: () => number,
  read: (part: Part | undefined) => unknown[],
  wrap: (rows: unknown[]) => unknown = r => r,
): Response {
  const part = partOf(request)
  return json(wrap(read(part)), 200, part ? linksOf(request, part, count()) : {})
}

/** A number of the query string, from 1. @throws Fault 422 */
export function wholeNumber(url: URL, name: string, fallback: number, max: number): number {
  const text = url.searchParams.get(name)
  if (text === null) return fallback
  if (!/^\d{1,16}$/.test(text) || Number(text) < 1 || Number(text) > max)
    throw unprocessable(`${name} must be a whole number from 1 to ${max}.`)
  return Number(text)
}
