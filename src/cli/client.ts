/** What commands that are clients of the management API share: where it is, who asks, and how answers are printed. */
import { parseArgs } from 'node:util'
import { isLoopback } from '../lib/address.ts'
import { CommandError } from './command-error.ts'

/** What every such command takes. */
export const CLIENT_HELP = `  --url URL        where Callgate is (CALLGATE_URL; default http://127.0.0.1:8080)
  --token TOKEN    who asks: an hf_ token (CALLGATE_TOKEN)
  --json           prints what the API answers`

export type Options = Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }>
type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

const COMMON: Options = { url: { type: 'string' }, token: { type: 'string' }, json: { type: 'boolean' } }

/** @param options what the command takes beside `--url`, `--token` and `--json`. @throws CommandError */
export function readArguments(argv: string[], options: Options): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: argv, options: { ...COMMON, ...options }, allowPositionals: true }) as never
  } catch (error) {
    throw new CommandError((error as Error).message.split('\n')[0]!, 2)
  }
}

/** `--help` or `-h`, wherever it stands. */
export const asksForHelp = (argv: string[]) => argv.includes('--help') || argv.includes('-h')

export const isWebUrl = (url: string) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

export class Client {
  readonly json: boolean
  #url: string
  #token: string

  /** @throws CommandError no token, or a URL that is none */
  constructor({ url, token, json }: Values) {
    const { env } = process
    this.json = json === true
    this.#url = String(url ?? (env.CALLGATE_URL || 'http://127.0.0.1:8080')).replace(/\/+$/, '')
    if (!isWebUrl(this.#url)) throw new CommandError('--url must be a URL such as http://127.0.0.1:8080.', 2)
    const given = token ?? env.CALLGATE_TOKEN
    if (!given) throw new CommandError('A token is needed: give --token hf_..., or set CALLGATE_TOKEN.', 2)
    this.#token = String(given)
  }

  /** @returns the body. @throws CommandError what the server refused, in its words; it cannot be reached */
  // biome-ignore lint/suspicious/noExplicitAny: the API's answers have many shapes
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await this.send(method, path, body)
    const answer = await response.json().catch(() => undefined)
    if (typeof answer !== 'object' || answer === null) throw this.#isNone()
    return answer
  }

  /** The body of an answer as it comes. @throws CommandError the connection breaks midway */
  async *pieces(response: Response): AsyncGenerator<Uint8Array> {
    try {
      yield* response.body ?? []
    } catch {
      throw new CommandError(`The connection to ${this.#url} is broken.`)
    }
  }

  #isNone = () => new CommandError(`The server at ${this.#url} is not Callgate. Check --url.`)

  /** As `call`, for answers that are no JSON. */
  async send(method: string, path: string, body?: unknown): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${this.#url}/api${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        // a redirect may make a GET of anything
        redirect: 'manual',
        // a log that is followed may be silent for long
        timeout: false,
        // a proxy of the environment (HTTP_PROXY) is not on the way to this machine, and is not told who asks
        ...(isLoopback(new URL(this.#url).hostname.replace(/^\[(.*)\]$/, '$1')) ? { proxy: false } : {}),
      } as RequestInit)
    } catch (error) {
      throw new CommandError(
        `${this.#url} cannot be reached (${(error as { code?: string }).code ?? 'no connection'}).`,
      )
    }
    if (response.ok) return response
    const elsewhere = response.headers.get('location')
    if (elsewhere !== null)
      throw new CommandError(`${this.#url} redirects to another address (${elsewhere}). Check --url.`)
    const detail = await response.json().then(
      problem => (problem as { detail?: string } | null)?.detail,
      () => undefined,
    )
    throw new CommandError(detail ?? `${this.#url} answered ${response.status}.`)
  }

  /** The id of a project, by its slug or its id; the only one, where none is named. @throws CommandError */
  async projectId(named: string | undefined): Promise<number> {
    const { items } = (await this.call('GET', '/projects')) as { items?: { project_id: number; slug: string }[] }
    if (!Array.isArray(items)) throw this.#isNone()
    if (named === undefined && items.length === 1) return items[0]!.project_id
    if (named === undefined)
      throw new CommandError(
        `Name the project with --project: ${items.map(p => p.slug).join(', ') || 'there is none'}.`,
        2,
      )
    const found = items.find(p => p.slug === named || String(p.project_id) === named)
    if (!found) throw new CommandError(`There is no project ${named}.`)
    return found.project_id
  }
}

/** Rows in columns, with a head. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)))
  return [head, ...rows]
    .map(row =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
