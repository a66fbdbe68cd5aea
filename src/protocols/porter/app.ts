import { docsPaths, type PorterApp } from '../../catalog/porter.ts'
import { sent } from '../../lib/sending.ts'
import { type Identity, newRequestId } from '../../telemetry/identity.ts'
import { porterJson } from './json.ts'

/** The release of porter whose behaviour this is. */
export const PORTER_VERSION = '0.16.8'

/** porter's app as its answers show it. */
export interface AppView {
  /** whether a manifest declared it: then it owns `/`, its pages and unknown paths */
  declared: boolean
  /** the probes' `app_meta` */
  meta: Record<string, unknown>
  title: string | null
  description: string
  version: string | null
  docs?: { page: string; json: string; assets: string }
  status: string
  messages: boolean
  traceback: boolean
  userData: boolean
  requestId: boolean
  gzip: boolean
}

const views = new WeakMap<PorterApp, AppView>()
const UNDECLARED = viewOf({}, false)

export function appView(app: PorterApp | undefined): AppView {
  if (!app) return UNDECLARED
  let view = views.get(app)
  if (!view) {
    view = viewOf(app, true)
    views.set(app, view)
  }
  return view
}

function viewOf(app: PorterApp, declared: boolean): AppView {
  const { docs_url, docs_json_url, assets } = docsPaths(app)
  const docs = app.expose_docs ? { page: docs_url, json: docs_json_url, assets } : undefined
  const description = `<div>${app.description ?? ''}</div><div><p>(porter v${PORTER_VERSION})</p></div>`
  const own = { name: app.name ?? null, description, version: app.version ?? null, expose_docs: Boolean(docs) }
  const pages = docs ? { docs_url, docs_json_url, docs_prefix: app.docs_prefix ?? '' } : {}
  return {
    declared,
    meta: declared ? { ...app.meta, ...own, ...pages } : {},
    title: own.name,
    description,
    version: own.version,
    docs,
    status: app.status ?? 'READY',
    messages: app.return_message_on_error ?? true,
    traceback: app.return_traceback_on_error ?? false,
    userData: app.return_user_data_on_error ?? false,
    requestId: app.return_request_id ?? true,
    gzip: app.support_response_gzip ?? false,
  }
}

/** porter's request id: always its own, so another than the caller's where it sent one. */
export const ownRequestId = (identity: Identity, headers: Headers): string =>
  headers.get('x-request-id') === identity.requestId ? newRequestId() : identity.requestId

/** Whether an answer that is a 200 goes out compressed: where the app does so and the caller takes it. */
export const packs = (app: AppView, request: Request): boolean =>
  app.gzip && takesGzip(request.headers.get('accept-encoding') ?? '')

/** An answer in porter's JSON. */
export function porterReply(
  app: AppView,
  request: Request,
  value: unknown,
  { status = 200, headers }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const text = porterJson(value)
  if (status !== 200) return new Response(sent(text, request.method), { status, headers: { ...JSON_TYPE, ...headers } })
  return writtenReply(app, request, packs(app, request) ? Bun.gzipSync(text) : text, headers)
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** A 200 whose text was made already, compressed where it has to be. */
export function writtenReply(
  app: AppView,
  request: Request,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Response {
  const all: Record<string, string> = { ...JSON_TYPE, ...headers }
  if (app.gzip) {
    // this one stands in for the edge's own, which names the origin; who sends none gets what porter says
    const others = all.vary ?? (request.headers.has('origin') ? 'Origin' : undefined)
    all.vary = others === undefined ? 'Accept-Encoding' : `Accept-Encoding, ${others}`
    if (packs(app, request)) all['content-encoding'] = 'gzip'
  }
  return new Response(sent(body, request.method), { headers: all })
}

const takesGzip = (accepted: string) =>
  accepted
    .toLowerCase()
    .split(',')
    .some(one => /^\s*(x-)?gzip\s*(;|$)/.test(one) && !/;\s*q=0(\.0*)?\s*$/.test(one))
