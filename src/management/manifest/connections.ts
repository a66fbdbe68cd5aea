import { type DeclaredConnection, findConnection, isDeclared, urlOf } from '../../catalog/connections.ts'
import { Fault } from '../../lib/fault.ts'
import { PostgresConnection } from '../../query/engines/postgres/connection.ts'
import { checkDatabase } from '../connections.ts'
import type { ManagementContext } from '../context.ts'
import { type ConnectionOf, catalogConnections } from '../sources.ts'

interface StagedConnections {
  /** new ones, and those that are declared otherwise than the catalog has them */
  changed: DeclaredConnection[]
  /** as they will be when the manifest is applied */
  connectionOf: ConnectionOf
  /** those that are as they were, but whose secret is not where it should be */
  warnings: string[]
  close(): Promise<void>
}

/**
 * Connects to what is new or changed, once; what is not is left alone, so that a database that is down keeps nobody from
 * starting.
 * @throws Fault 422 `connection_failed`: which connection, and which part of it fails
 */
export async function stageConnections(
  context: ManagementContext,
  declared: DeclaredConnection[],
): Promise<StagedConnections> {
  const changed = declared.filter(connection => {
    const known = findConnection(context.db, connection.name)
    return !known || !isDeclared(known, connection)
  })
  for (const connection of changed) await checkDatabase(connection)
  const made = new Map<string, PostgresConnection>()
  const known = catalogConnections(context)
  const unchanged = declared.filter(connection => !changed.includes(connection))
  return {
    changed,
    warnings: unchanged.flatMap(missingSecret),
    connectionOf(name) {
      const connection = changed.find(c => c.name === name)
      if (!connection) return known(name)
      const own =
        made.get(name) ?? new PostgresConnection(name, () => urlOf(connection), context.config.requestTimeout, 1)
      made.set(name, own)
      return own
    },
    close: async () => {
      await Promise.all([...made.values()].map(connection => connection.close()))
    },
  }
}

function missingSecret(connection: DeclaredConnection): string[] {
  try {
    urlOf(connection)
    return []
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return [`${error.message} Until it is mended, whatever needs it is 503.`]
  }
}
