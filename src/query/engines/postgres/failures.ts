import { callerGone, deadlinePassed, Fault, unavailable, unprocessable } from '../../../lib/fault.ts'

/** What Bun.SQL throws: `code` is its own, `errno` the server's SQLSTATE. */
interface SqlError {
  code?: string
  errno?: string
  message?: string
  routine?: string
  /** inside of what it happened: a function of the database's, say */
  where?: string
}

const errorOf = (error: unknown): SqlError => (error ?? {}) as SqlError
const stateOf = (error: unknown): string => String(errorOf(error).errno || '')

/** A pooler mixes up what connections have prepared. */
const MIXED_UP = /^(26000|42P05)$/

/**
 * Whether the server could not be had, or was lost: its state 08, 28 (it refuses the user), 57P0x (it ends or starts), 25P03 and
 * 25P04 (it ends what is idle in a transaction, or long in one), too many connections, `MIXED_UP`, and whatever Bun says of a
 * connection. Who asks again may have more luck.
 */
export function isLost(error: unknown): boolean {
  const { code = '' } = errorOf(error)
  if (isStale(error)) return true
  return (
    /^(ERR_POSTGRES_(CONNECTION|IDLE|LIFETIME|TLS|AUTHENTICATION|UNKNOWN)|ECONN|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(
      code,
    ) ||
    /^(08|28|3D000|57P0|53300|25P0[34])/.test(stateOf(error)) ||
    MIXED_UP.test(stateOf(error))
  )
}

/**
 * Whether a connection of the pool is of before: ended by the server, as a restart does, or with a prepared statement on a
 * table that is another now. The pool's next may be as stale, or new.
 */
export const isStale = (error: unknown): boolean =>
  /^(57P0|08)/.test(stateOf(error)) ||
  errorOf(error).code === 'ERR_POSTGRES_CONNECTION_CLOSED' ||
  hasStaleStatement(error)

/** A connection that was ended from here. */
export const closed = (): Error => Object.assign(new Error('closed'), { code: 'ERR_POSTGRES_CONNECTION_CLOSED' })

/** By the place that says it in the server, whose words may be of another language. */
export const hasStaleStatement = (error: unknown): boolean =>
  stateOf(error) === '0A000' &&
  (errorOf(error).routine === 'RevalidateCachedQuery' || /cached plan/.test(errorOf(error).message ?? ''))

/** Whether a statement was given up here because nobody could be asked to cancel it: the server may be at it still. */
export const isNotAsked = (error: unknown): boolean => errorOf(error).code === 'ERR_POSTGRES_QUERY_CANCELLED'

/** Whether the secret is no longer the right one: it may have been changed where it is kept. */
export const isRefused = (error: unknown): boolean =>
  /^28/.test(stateOf(error)) || errorOf(error).code?.includes('AUTHENTICATION') === true

/** What to say of a connection that cannot be made, by the part that fails. Never with the password. */
export function whyNot(error: unknown, { hostname, port, pathname, username }: URL): string {
  const server = `${hostname}:${port || '5432'}`
  const { code = '' } = errorOf(error)
  const state = stateOf(error)
  const database = decodeURIComponent(pathname.slice(1)) || decodeURIComponent(username)
  if (state === '28P01' || state === '28000' || code.includes('AUTHENTICATION'))
    return `the server at ${server} refuses the user or the password`
  if (state === '3D000') return `the server at ${server} has no database ${database}`
  if (state === '42501') return `the user may not connect to the database ${database} at ${server}`
  if (state === '53300') return `the server at ${server} has no connection left`
  if (state === '57P03') return `the server at ${server} is starting or stopping`
  if (code === 'ERR_POSTGRES_TLS_NOT_AVAILABLE') return `the server at ${server} has no TLS, and sslmode asks for it`
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code))
    return `the certificate of the server at ${server} is not trusted (${code})`
  if (code.includes('TLS')) return `the server at ${server} and this one cannot agree on TLS`
  if (/^(ERR_POSTGRES_CONNECTION_TIMEOUT|deadline_passed)$/.test(code))
    return `the server at ${server} does not answer in time`
  if (state === '08P01')
    return `the server at ${server} refuses the settings of a connection, as a pooler does that is not told to ignore them`
  if (MIXED_UP.test(state))
    return `the server at ${server} mixes up what connections have prepared, as a pooler does that is not in session mode`
  if (isLost(error)) return `no PostgreSQL answers at ${server}`
  return `the server at ${server} does not take the connection${state ? ` (SQLSTATE ${state})` : ''}`
}

export const lost = (connection: string, cause: unknown): Fault =>
  new Fault(503, 'connection_lost', `The database behind the connection ${connection} cannot be reached.`, {
    cause,
    headers: { 'retry-after': '5' },
  })

/**
 * What a statement of ours failed for.
 * @param why that it was ended from here
 */
export function explained(error: unknown, connection: string, why?: 'deadline' | 'gone'): unknown {
  if (error instanceof Fault) return error
  if (why === 'gone') return callerGone(error)
  if (why === 'deadline') return deadlinePassed()
  if (isLost(error)) return lost(connection, error)
  const state = stateOf(error)
  if (state === '57014') return deadlinePassed()
  if (/^(42P01|42703|42704|42883|3F000|42804|42846|42501|0A000)$/.test(state))
    return new Fault(
      503,
      'data_changed',
      'The table behind this endpoint has changed, or may no longer be read. Refresh the dataset.',
      { cause: error },
    )
  if (state === '22003')
    return new Fault(
      422,
      'sum_overflow',
      'A sum in this answer is beyond what the database holds; ask for fewer rows.',
      {
        cause: error,
      },
    )
  // "... in encoding "UTF8" has no equivalent in encoding "LATIN1"", in whatever language: on its way there, and not back
  if (state === '22P05' && /"UTF8"[^"]*"/.test(errorOf(error).message ?? ''))
    return unprocessable('A value of this request has a character that the database does not have.')
  if (/^(53|40|55P03)/.test(state))
    return unavailable('The database is too busy for this query at the moment.', 5, error)
  // a statement of ours that is wrong is wrong by itself
  if (state && (!state.startsWith('42') || errorOf(error).where)) return unreadable(state)
  return error
}

/** A view's own casts, divisions and functions fail at values, which the server's words then hold: they are let go. */
const unreadable = (state: string): Fault =>
  new Fault(503, 'data_unreadable', `The database failed on a value in the data (SQLSTATE ${state}).`)
