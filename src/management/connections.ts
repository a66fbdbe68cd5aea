/** Connections to databases, for administrators: where their secret is kept is told, the secret never. */

import { type Static, Type } from '@sinclair/typebox'
import {
  type Connection,
  checkConnection,
  type DeclaredConnection,
  deleteConnection,
  findConnection,
  getConnection,
  listConnections,
  putConnection,
  urlOf,
} from '../catalog/connections.ts'
import { conflict, Fault } from '../lib/fault.ts'
import { closed } from '../lib/shape.ts'
import { shown as shownName } from '../lib/text.ts'
import { type CheckedConnection, connectOnce } from '../query/engines/postgres/check.ts'
import { change, jsonBody, type ManagementContext, needAdmin, type SignedIn } from './context.ts'
import { checkMatch, json, list, single } from './respond.ts'

const Declared = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    kind: Type.Optional(Type.Literal('postgres', { error: 'must be postgres.' })),
    url_env: Type.Optional(Type.String({ minLength: 1 })),
    url_file: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
)

export type NewConnectionInput = Static<typeof Declared>

export function connections({ db }: ManagementContext, request: Request, who: SignedIn): Response {
  needAdmin(who)
  return list(request, listConnections(db).map(connectionRow), rows => ({ connections: rows }))
}

export function oneConnection({ db }: ManagementContext, who: SignedIn, name: string): Response {
  needAdmin(who)
  return shown(getConnection(db, name))
}

/** Connects before it is added: what is wrong with it is said now, and nothing is kept. */
export async function addConnection(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const may = () => needAdmin(who)
  may()
  const { name, kind = 'postgres', url_env: urlEnv, url_file: urlFile } = await jsonBody(context, request, Declared)
  const declared: DeclaredConnection = { name, kind, urlEnv, urlFile }
  checkConnection(declared)
  const refuseTaken = () => {
    if (findConnection(context.db, name)) throw conflict(`There is a connection ${shownName(name)} already.`)
  }
  refuseTaken()
  may() // what the body names is looked at with the server's own rights
  const checked = await checkDatabase(declared)
  const connection = change(context, may, tx => {
    refuseTaken()
    return putConnection(tx, who.actor, declared)
  })
  return shown(connection, 201, checkedRow(checked))
}

/** Whether it can be connected to now: `ok`, and what the server is or what fails. */
export async function testConnection({ db }: ManagementContext, who: SignedIn, name: string): Promise<Response> {
  needAdmin(who)
  const connection = getConnection(db, name)
  try {
    return json({ ok: true, ...checkedRow(await checkDatabase(connection)) })
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'connection_failed') throw error
    return json({ ok: false, error: error.message })
  }
}

export function removeConnection(context: ManagementContext, request: Request, who: SignedIn, name: string): Response {
  change(
    context,
    () => needAdmin(who),
    tx => {
      const connection = getConnection(tx, name)
      checkMatch(request, connectionRow(connection))
      deleteConnection(tx, who.actor, connection)
    },
  )
  context.connections.forget(name)
  return json({ deleted: true })
}

/** @throws Fault 422 `connection_failed`: the secret is not where it should be, or which part of the connection fails */
export const checkDatabase = async (connection: Parameters<typeof urlOf>[0]): Promise<CheckedConnection> =>
  connectOnce(connection.name, urlOf(connection))

const checkedRow = ({ server, database, milliseconds }: CheckedConnection) => ({ server, database, milliseconds })
export type CheckedRow = ReturnType<typeof checkedRow>

const connectionRow = ({ name, kind, urlEnv, urlFile, createdAt, updatedAt }: Connection) => ({
  name,
  kind,
  url_env: urlEnv,
  url_file: urlFile,
  created_at: createdAt,
  updated_at: updatedAt,
})
export type ConnectionRow = ReturnType<typeof connectionRow>

const shown = (connection: Connection, status = 200, beside: object = {}) =>
  single(connectionRow(connection), { self: `/api/connections/${connection.name}` }, status, beside)
