/** How a connection to a server is made. */
import { isIP } from 'node:net'
import type { Socket, TCPSocketConnectOptions } from 'bun'
import { addressesOf } from '../../lib/address.ts'
import { SILENT_SECONDS } from '../../lib/vanished.ts'

/** Where a server listens. */
export interface Address {
  host: string
  port: number
  tls?: { serverName: string; ca?: string }
}

/** The connection ended, or could not be made. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost'
  /** something of the answer had come: its server has had the request */
  readonly begun: boolean

  constructor(message: string, begun = false) {
    super(message)
    this.begun = begun
  }
}

/**
 * @param data what its events come with
 * @param isWanted asked when its name is known, which may take long
 * @returns undefined: it is not wanted any more. With TLS its handshake is still to come
 * @throws ConnectionLost refused, or not found
 */
export async function dial<T>(
  { host, port, tls }: Address,
  data: T,
  socket: TCPSocketConnectOptions<T>['socket'],
  isWanted: () => boolean,
): Promise<Socket<T> | undefined> {
  try {
    await nameAnswered(host)
    if (!isWanted()) return undefined
    const made = await Bun.connect({
      hostname: host,
      port,
      data,
      socket,
      ...(tls
        ? { tls: { serverName: tls.serverName, rejectUnauthorized: true, ...(tls.ca ? { ca: tls.ca } : {}) } }
        : {}),
    })
    made.setKeepAlive(true, SILENT_SECONDS * 1000)
    return made
  } catch (error) {
    throw new ConnectionLost(`no connection: ${(error as { code?: string }).code ?? error}`)
  }
}

/**
 * The system knows names of more kinds than DNS (mDNS, say) and tries all addresses of one at a time, but holds a thread while
 * nobody answers, see `addressesOf`: it is asked when there are answers.
 * @throws Error there are none
 */
async function nameAnswered(host: string): Promise<void> {
  if (isIP(host)) return
  await addressesOf(host).catch((error: { code?: string }) => {
    if (error.code?.includes('TIMEOUT')) throw error
  })
}
