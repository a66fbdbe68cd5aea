import { parseArgs } from 'node:util'

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
  const url = `${(base ?? ownUrl()).replace(/\/+$/, '')}/-/alive`
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(3000),
      redirect: 'manual',
      // the certificate names the public host, not this loop-back address
      tls: { rejectUnauthorized: base !== undefined },
    })
    if (response.ok) return 0
    console.error(`callgate health: ${url} answered ${response.status}`)
  } catch (error) {
    console.error(
      `callgate health: ${url} does not answer (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`,
    )
  }
  return 1
}

function ownUrl(): string {
  const { CALLGATE_HOST: host = '', CALLGATE_PORT: port = '8080', CALLGATE_TLS_CERT: cert } = process.env
  const everywhere = ['', '0.0.0.0', '::', '[::]', '*'].includes(host)
  const address = everywhere ? '127.0.0.1' : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${cert ? 'https' : 'http'}://${address}:${port || '8080'}`
}
