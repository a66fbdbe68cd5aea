import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { asc, eq } from 'drizzle-orm'
import { connections } from '../../db/schema.ts'
import { conflict, Fault, notFound, unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { allDatasets, connectionOf } from './datasets.ts'
import { type Actor, note, now, type Store } from './store.ts'

export type Connection = typeof connections.$inferSelect

/** A connection as it is declared: exactly one of the two places where its URL, with its secret, is kept. */
export interface DeclaredConnection {
  name: string
  kind: 'postgres'
  urlEnv?: string
  urlFile?: string
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

export const listConnections = (store: Store): Connection[] =>
  store.select().from(connections).orderBy(asc(connections.name)).all()

export const findConnection = (store: Store, name: string): Connection | undefined =>
  store.select().from(connections).where(eq(connections.name, name)).get()

/** @throws Fault 404 */
export function getConnection(store: Store, name: string): Connection {
  const connection = findConnection(store, name)
  if (!connection) throw notFound('No such connection.')
  return connection
}

/** @throws Fault 422 the name's form, or not exactly one place for its URL */
export function checkConnection({ name, urlEnv, urlFile }: DeclaredConnection): void {
  if (!NAME.test(name))
    throw unprocessable('A connection name is 1 to 63 of A-Z a-z 0-9 _ - and begins with a letter or digit.')
  if ((urlEnv === undefined) === (urlFile === undefined))
    throw unprocessable(`connection ${name}: name either url_env or url_file.`)
  if (urlEnv !== undefined && !VARIABLE.test(urlEnv))
    throw unprocessable(`connection ${name}: url_env is the name of an environment variable, not a URL.`)
  if (urlFile !== undefined && (!isAbsolute(urlFile) || urlFile.includes('\0')))
    throw unprocessable(`connection ${name}: url_file must be an absolute path.`)
}

export const isDeclared = (known: Connection, { kind, urlEnv, urlFile }: DeclaredConnection): boolean =>
  known.kind === kind && known.urlEnv === (urlEnv ?? null) && known.urlFile === (urlFile ?? null)

/** Adds a connection, or changes the one of its name. */
export function putConnection(store: Store, actor: Actor, declared: DeclaredConnection): Connection {
  const { name, kind, urlEnv = null, urlFile = null } = declared
  const known = findConnection(store, name)
  const values = { kind, urlEnv, urlFile, updatedAt: now() }
  const connection = known
    ? store.update(connections).set(values).where(eq(connections.id, known.id)).returning().get()
    : store
        .insert(connections)
        .values({ ...values, name })
        .returning()
        .get()
  note(store, actor, known ? 'connection.update' : 'connection.create', name)
  return connection!
}

/** @throws Fault 409 datasets are tables of it */
export function deleteConnection(store: Store, actor: Actor, { id, name }: Connection): void {
  const used = allDatasets(store).filter(dataset => connectionOf(dataset) === name)
  if (used.length > 0)
    throw conflict(
      `Datasets are tables of this connection: ${used.map(d => shown(d.name)).join(', ')}.`,
      'still_needed',
    )
  store.delete(connections).where(eq(connections.id, id)).run()
  note(store, actor, 'connection.delete', name)
}

/**
 * The URL of a connection's database, with its secret, from where that is kept.
 * @throws Fault 422 `connection_failed`: the variable is not set, the file cannot be read, or it holds no such URL
 */
export function urlOf(
  { name, urlEnv = null, urlFile }: { name: string; urlEnv?: string | null; urlFile?: string | null },
  env: Record<string, string | undefined> = process.env,
): string {
  const refuse = (what: string, cause?: unknown) =>
    new Fault(422, 'connection_failed', `connection ${name}: ${what}.`, { cause })
  let text: string
  if (urlEnv !== null) {
    const value = env[urlEnv]
    if (!value) throw refuse(`the environment variable ${urlEnv} is not set`)
    text = value
  } else
    try {
      text = readFileSync(urlFile!, 'utf8')
    } catch (error) {
      throw refuse('the file that url_file names cannot be read', error)
    }
  const url = text.trim()
  const place = urlEnv !== null ? urlEnv : 'url_file'
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw refuse(`${place} does not hold a URL such as postgres://user:password@host:5432/database`)
  const { hostname, username, password, pathname } = new URL(url)
  if (hostname === '') throw refuse(`the URL in ${place} names no host`)
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part)
  } catch {
    throw refuse(`the URL in ${place} has a % that begins no escape: write %25 for it`)
  }
  return url
}
