import { lookup } from 'node:dns/promises'
import { Fault } from '../../../lib/fault.ts'
import { PostgresConnection } from './connection.ts'
import { whyNot } from './failures.ts'

/** What a server says of itself. */
export interface CheckedConnection {
  /** `PostgreSQL 15.18 ...` */
  server: string
  database: string
  /** from asking to the answer, connecting included */
  milliseconds: number
}

const PATIENCE_MS = 10_000

/**
 * Connects to a database once, and asks it who it is.
 * @param url with its secret, which is in no message
 * @throws Fault 422 `connection_failed`: which part of it fails
 */
export async function connectOnce(name: string, url: string, patienceMs = PATIENCE_MS): Promise<CheckedConnection> {
  const connection = new PostgresConnection(name, () => url, patienceMs, 1)
  const begun = performance.now()
  try {
    const [row] = await connection.read(
      session => session.query('SELECT version(), current_database()'),
      { deadline: performance.now() + patienceMs },
      () => false,
    )
    return { server: String(row![0]), database: String(row![1]), milliseconds: Math.round(performance.now() - begun) }
  } catch (error) {
    const parsed = new URL(url)
    const cause = error instanceof Fault ? (error.cause ?? error) : error
    const what = (await isUnknownHost(parsed)) ? `the host ${parsed.hostname} is not known` : whyNot(cause, parsed)
    throw new Fault(422, 'connection_failed', `connection ${name}: ${what}.`, { cause: error })
  } finally {
    await connection.close()
  }
}

async function isUnknownHost({ hostname }: URL): Promise<boolean> {
  const host = hostname.replace(/^\[|\]$/g, '')
  return lookup(host).then(
    () => false,
    () => true,
  )
}
