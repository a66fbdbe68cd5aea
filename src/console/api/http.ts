/** Requests to the management API, as the session that the browser's cookie is of. */
import { common } from '../texts/common.ts'
import { connectionBack, connectionLost } from './connection.ts'

/** A refusal as the server says it (RFC 9457): shown to people as it is. */
export class Problem extends Error {
  readonly status: number
  readonly title: string
  readonly code: string
  readonly requestId: string
  /** What is wrong with single fields or rows, where the server says so. */
  readonly errors: FieldError[]
  /** All that it says: members of a kind of refusal are there. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? body.title ?? `The server answered ${status}.`)
    this.name = 'Problem'
    this.status = status
    this.title = body.title ?? 'Error'
    this.code = body.code ?? ''
    this.requestId = body.request_id ?? ''
    this.errors = Array.isArray(body.errors) ? body.errors : []
    this.body = { ...body }
  }
}

/** Whether somebody else changed it since it was read. */
export const isMeanwhile = (error: unknown): boolean => error instanceof Problem && error.status === 412

export interface FieldError {
  row?: number
  feature?: string
  field?: string
  message: string
}

interface ProblemBody {
  title?: string
  detail?: string
  code?: string
  request_id?: string
  errors?: FieldError[]
}

/** The server was not reached, or went away before it answered. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost'
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** sent as JSON */
  body?: unknown
  /** JSON that is written already, instead of `body` */
  json?: string
  headers?: Record<string, string>
  /** the project in scope, by its id */
  project?: number
  /** the ETag that the resource must still have */
  ifMatch?: string
  signal?: AbortSignal
}

let csrf = ''

/** Kept in memory only: a page that is loaded anew asks for it again. */
export const setCsrfToken = (token: string): void => {
  csrf = token
}

export const csrfToken = (): string => csrf

let noteEnd = (): void => {}

/** `note` runs each time that a request is told that there is no session any more. */
export const onSessionEnd = (note: () => void): void => {
  noteEnd = note
}

let renewToken = (): Promise<boolean> => Promise.resolve(false)

/** `renew` runs where the CSRF token is not that of the session, and says whether the same user's is there now. */
export const onTokenRefused = (renew: () => Promise<boolean>): void => {
  renewToken = renew
}

/** Whether a refused request can be made again: its user has signed in again in another tab. */
export const isRenewed = async (status: number, { code }: { code?: string }): Promise<boolean> =>
  status === 403 && code === 'csrf_token_missing' && (await renewToken())

/** What the server refused. Where the session has ended, how a script would sign in is of no use here. */
export function refusalOf(status: number, body: ProblemBody): Problem {
  if (status !== 401 || body.code === 'sign_in_failed') return new Problem(status, body)
  noteEnd()
  return new Problem(status, { ...body, detail: common.signedOut })
}

/** @throws Problem, ConnectionLost */
export async function api<T>(path: string, call: Call = {}): Promise<T> {
  return (await apiWithTag<T>(path, call)).value
}

/** The answer with its ETag, for a later change that must not overwrite somebody else's. @throws Problem, ConnectionLost */
export async function apiWithTag<T>(path: string, call: Call = {}): Promise<{ value: T; etag: string | undefined }> {
  const response = await send(path, call)
  const value = await bodyOf(response, call.signal)
  if (!response.ok) throw refusalOf(response.status, value as ProblemBody)
  return { value: value as T, etag: response.headers.get('etag') ?? undefined }
}

/** The answer's text as it came. @throws Problem, ConnectionLost */
export async function apiText(path: string, call: Call = {}): Promise<string> {
  const response = await send(path, call)
  if (!response.ok) throw refusalOf(response.status, (await bodyOf(response, call.signal)) as ProblemBody)
  return textOf(response, call.signal)
}

/** The answer, whatever its status. @throws ConnectionLost */
export async function send(path: string, call: Call): Promise<Response> {
  const response = await sendOnce(path, call)
  if (response.status !== 403) return response
  const body = await bodyOf(response.clone(), call.signal)
  return (await isRenewed(response.status, body as ProblemBody)) ? sendOnce(path, call) : response
}

async function sendOnce(path: string, call: Call): Promise<Response> {
  const { method = 'GET', body, json = JSON.stringify(body), project, ifMatch, signal } = call
  const headers: Record<string, string> = { accept: 'application/json', ...call.headers }
  if (json !== undefined) headers['content-type'] = 'application/json'
  if (project !== undefined) headers['x-project-id'] = String(project)
  if (ifMatch !== undefined) headers['if-match'] = ifMatch
  if (method !== 'GET') headers['x-csrf-token'] = csrf
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: json,
      signal,
      cache: 'no-store',
      credentials: 'same-origin',
    })
    if (isOfProxy(response.status, response.headers.get(REQUEST_ID))) throw new Error('the server is not there')
    connectionBack()
    return response
  } catch (error) {
    if (signal?.aborted) throw error
    connectionLost()
    throw new ConnectionLost('The server cannot be reached.')
  }
}

/** Every answer of the server has it. */
export const REQUEST_ID = 'x-request-id'

/** Whether a proxy before the server says that this is not reached: its page is for nobody to read here. */
export const isOfProxy = (status: number, requestId: string | null): boolean =>
  status >= 502 && status <= 504 && requestId === null

async function bodyOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const text = await textOf(response, signal)
  try {
    return JSON.parse(text)
  } catch {
    return { detail: text.slice(0, 300) || undefined }
  }
}

/** Who gives up an answer on its way, as a page that is left does, has not lost the server. */
const textOf = (response: Response, signal: AbortSignal | undefined): Promise<string> =>
  response.text().catch((error: unknown) => {
    if (signal?.aborted) throw error
    connectionLost()
    throw new ConnectionLost('The server went away.')
  })
