/** Types for Callgate's functions and hooks. `callgate function types > callgate.d.ts` writes them beside your handlers. */
declare module 'callgate' {
  export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

  /** A call, as a handler gets it. */
  export interface Request<Body = any> {
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
    /** of the URL, e.g. `/api/service/shop/price` */
    path: string
    /** what stands for the parameters of a porter path, e.g. `<key>` */
    params: Record<string, string>
    /** a parameter that is repeated is a list */
    query: Record<string, string | string[]>
    /** in lower case; without the caller's key and cookies */
    headers: Record<string, string>
    /** parsed JSON (an integer beyond 2^53 is rounded: send it as text); text, where its type is text; else bytes. undefined: there is none */
    body: Body
  }

  export interface Host {
    /**
     * Calls an endpoint of the same service, in the caller's name: what it is masked for stays masked. A query or lookup takes
     * parameters (`{ id: 1 }`) and gives `{ columns, rows, count, ... }`; a model takes `{ features }` or `{ rows }`; a
     * function takes a body. Rejects with an `HttpError`.
     */
    call<Answer = any>(endpoint: string, argument?: unknown): Promise<Answer>
    /** Fetches from a host that `grants.fetch` lists. Rejects with an `HttpError`; an answer of any status is an answer. */
    fetch(url: string, init?: FetchInit): Promise<FetchAnswer>
    /** For the author: shown by a dry-run and by `callgate function test`. */
    log(...values: unknown[]): void
    /** milliseconds since the epoch */
    now(): number
    /** a random UUID */
    uuid(): string
    /** An answer other than the JSON of a 200. A string or bytes are sent as they are, null as no body, anything else as JSON. At most 50 headers, of 8 KB. */
    reply(body?: unknown, init?: { status?: number; headers?: Named<string | number> }): Reply
    /** An error to throw: its status (400 to 599) and text reach the caller. Any other error is a 500 that says nothing. */
    error(status: number, message?: string | string[], init?: { name?: string }): HttpError
  }

  /** Headers: an object, a Map, or a list of pairs. */
  export type Named<Value> = Record<string, Value> | Iterable<readonly [name: string, value: Value]>

  export interface Reply {
    readonly __reply: unique symbol
  }

  /** What `host.error` makes, and what a refused host call rejects with. */
  export interface HttpError extends Error {
    status: number
    /** of a refused host call: a stable name, e.g. `endpoint_unknown` */
    code?: string
    /** of a model that refused rows: which, and why */
    errors?: unknown
  }

  export interface FetchInit {
    method?: string
    headers?: Named<string>
    /** a string or bytes as they are, anything else as JSON */
    body?: unknown
  }

  export interface FetchAnswer {
    readonly status: number
    /** whether the status is 200 to 299 */
    readonly ok: boolean
    /** where it came from, after redirects */
    readonly url: string
    readonly headers: Record<string, string>
    text(): string
    json(): any
    bytes(): Uint8Array
  }

  /** The default export of a function's module. */
  export type Handler<Body = any> = (request: Request<Body>, host: Host) => unknown

  export type Row = Record<string, any>
  /** `check`: throws `host.error(422, ...)` where it does not want the rows. */
  export type Check = (request: { rows: Row[] }, host: Host) => unknown
  /** `before`: the model's rows, one for each. */
  export type Before = (request: { rows: Row[] }, host: Host) => Row[] | Promise<Row[]>
  /** `after`: an answer for each row. `input` are the rows as the caller sent them, `rows` as the model got them. */
  export type After = (
    request: { predictions: any[]; probabilities?: Record<string, number>[]; rows: Row[]; input: Row[] },
    host: Host,
  ) => unknown[] | Promise<unknown[]>
}
