import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { parseArgs } from 'node:util'
import { fromEnvironment, SETTINGS } from '../config.ts'
import { isWebUrl } from './client.ts'

const TIMEOUT_MS = 3000
const USAGE = 'callgate health [--url http://127.0.0.1:8080]: exit 0 when the server on this machine is alive, else 1'

/**
 * `callgate health`: asks `/-/alive` of the server that the same environment (CALLGATE_HOST, CALLGATE_PORT, CALLGATE_TLS_CERT)
 * would start. It is the container's HEALTHCHECK, so it needs nothing but this executable. Exit code 0 alive, 1 not, 2 usage.
 */
export async function health(argv: string[]): Promise<number> {
  let base: string | undefined
  try {
    base = parseArgs({ args: argv, options: { url: { type: 'string' } } }).values.url
  } catch {
    console.error(USAGE)
    return 2
  }
  if (base !== undefined && !isWebUrl(base)) {
    console.error('callgate health: --url must be a URL such as http://127.0.0.1:8080.')
    return 2
  }
  const url = `${(base ?? ownUrl()).replace(/\/+$/, '')}/-/alive`
  try {
    const status = await ask(url, base === undefined)
    if (status === 200) return 0
    console.error(`callgate health: ${url} answered ${status}`)
  } catch (error) {
    console.error(
      `callgate health: ${url} does not answer (${(error as NodeJS.ErrnoException).code ?? 'no connection'})`,
    )
  }
  return 1
}

/**
 * Not `fetch`: it would ask an HTTP_PROXY of the environment. Of our own server the certificate names the public host, so it is not
 * checked.
 */
function ask(url: string, own: boolean): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const answered = (response: IncomingMessage) => {
    resolve(response.statusCode)
    response.destroy()
  }
  const request = url.startsWith('https:')
    ? https.get(url, { agent: false, rejectUnauthorized: !own }, answered)
    : http.get(url, { agent: false }, answered)
  request.on('error', reject)
  request.setTimeout(TIMEOUT_MS, () => request.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })))
  return promise
}

function ownUrl(): string {
  const [host = '', port = SETTINGS.port.default, cert] = ['host', 'port', 'tls-cert'].map(flag =>
    fromEnvironment(flag, process.env),
  )
  const everywhere = ['', '0.0.0.0', '::', '[::]', '*'].includes(host)
  const address = everywhere ? '127.0.0.1' : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${cert ? 'https' : 'http'}://${address}:${port}`
}
