import { join } from 'node:path'
import { mintSecret } from '../../../src/lib/secret.ts'
import { type Answer, type Callgate, type CallInit, startCallgate, type Target, waitFor } from '../../harness.ts'
import { head, type RawAnswer, sendRaw } from '../raw-http.ts'
import type { Seen } from './backend.ts'

export const ORIGIN = 'https://app.example'
export const DOMAIN = 'serving.example'
export const PREFIX = '/v1/proxy/raw'
/** bytes, of `--max-deployment-body` */
export const MOST = 120 * 1024 * 1024
const here = (file: string) => [process.execPath, join(import.meta.dir, file)]

/** where nobody listens: a port that is given out might be somebody's by then */
const NOBODY = 'http://127.0.0.1:9'

let marks = 0

/** A Callgate with the servers of this folder behind it. */
export class World {
  readonly key = mintSecret('dk')
  readonly target: Target
  callgate!: Callgate

  constructor(target: Target) {
    this.target = target
  }

  async start(): Promise<void> {
    const raw = { command: here('backend.ts'), timeout_seconds: 1.5, min_instances: 1 }
    this.callgate = await startCallgate({
      target: this.target,
      flags: ['--cors-origins', ORIGIN, '--host-domain', DOMAIN, '--max-deployment-body', String(MOST)],
      env: { PROXY_KEY: this.key },
      manifest: {
        projects: [
          {
            slug: 'proxy',
            deployments: [
              { name: 'raw', ...raw },
              { name: 'trusting', ...raw, pass_authorization: true },
              { name: 'sockets', command: here('sockets.ts') },
              { name: 'restless', command: here('restless.ts') },
              { name: 'refusing', upstream: NOBODY, timeout_seconds: 3 },
            ],
            keys: [{ name: 'proxy', secret_env: 'PROXY_KEY' }],
          },
        ],
      },
    })
  }

  call(path: string, { headers, ...init }: CallInit = {}): Promise<Answer> {
    return this.callgate.call(PREFIX + path, { ...init, headers: { authorization: `ApiKey ${this.key}`, ...headers } })
  }

  /** What the server got of a call. */
  async seen(path: string, init?: CallInit): Promise<Seen & { header(name: string): string | undefined }> {
    const answer = await this.call(path, init)
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text.slice(0, 300)}`)
    return withHeader(answer.json)
  }

  /** A request byte by byte, with the key. */
  raw(request: string, lines: string[] = [], body: (string | Uint8Array)[] = [], quietMs?: number): Promise<RawAnswer> {
    return sendRaw(
      this.callgate.url,
      [head(request, 'Host: a.example', `Authorization: ApiKey ${this.key}`, ...lines), ...body],
      quietMs,
    )
  }

  /** What the server got of a request byte by byte. */
  async seenRaw(request: string, lines: string[] = [], body: (string | Uint8Array)[] = []) {
    const answer = await this.raw(request, lines, body)
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.head} ${answer.text.slice(0, 300)}`)
    return withHeader(answer.json)
  }

  /** A request for a WebSocket, with the key of RFC 6455, 1.3; more header lines may follow. */
  asking = (path: string): string =>
    [
      `GET ${path} HTTP/1.1`,
      'Host: a',
      `Authorization: ApiKey ${this.key}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ].join('\r\n')

  /** A name for a request, by which the server tells whether it came. */
  mark = (): string => `mark-${++marks}`

  /** Whether a request with this mark reached the server. */
  async reached(mark: string): Promise<boolean> {
    return (await this.#marks()).marks.includes(mark)
  }

  /** Whether a whole request with this mark reached the server: one that is cut off on its way is none. */
  async reachedWhole(mark: string): Promise<boolean> {
    const { marks, abandoned } = await this.#marks()
    return marks.includes(mark) && !abandoned.includes(mark)
  }

  async #marks(): Promise<{ marks: string[]; abandoned: string[] }> {
    return (await this.call('/marks')).json
  }

  /** Waits until the server knows that whoever sent this request has gone. */
  async abandoned(mark: string): Promise<void> {
    await waitFor(async () => (await this.#marks()).abandoned.includes(mark) || undefined)
  }
}

const withHeader = (seen: Seen) => ({
  ...seen,
  header: (name: string) => seen.headers.find(([n]) => n.toLowerCase() === name)?.[1],
})
