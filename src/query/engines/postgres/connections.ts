import { PostgresConnection } from './connection.ts'

/** The connections of a server, each made when it is first used, by its name in the catalog. */
export class Connections {
  #urlOf: (name: string) => string
  #statementTimeoutMs: number
  #open = new Map<string, PostgresConnection>()

  /** @param urlOf where the database is, with its secret. @throws Fault where there is none of the name, or the secret is not there */
  constructor(urlOf: (name: string) => string, statementTimeoutMs: number) {
    this.#urlOf = urlOf
    this.#statementTimeoutMs = statementTimeoutMs
  }

  get(name: string): PostgresConnection {
    let connection = this.#open.get(name)
    if (!connection) {
      connection = new PostgresConnection(name, () => this.#urlOf(name), this.#statementTimeoutMs)
      this.#open.set(name, connection)
    }
    return connection
  }

  /** The connection was changed or removed: what is under way on it is ended, and the next use has it where it is then. */
  forget(name: string): void {
    void this.#open.get(name)?.close()
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(open.map(connection => connection.close()))
  }
}
