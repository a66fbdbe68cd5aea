import { type Grant, type Method, mayUse } from '../catalog/grant.ts'
import { steadyOf } from '../lib/deadline.ts'
import { forbidden, methodNotAllowed, unprocessable } from '../lib/fault.ts'
import { PerPolicy } from '../query/per-policy.ts'
import { viewOf } from '../query/policy.ts'
import type { Query } from '../query/query.ts'
import type { StoredValue } from '../query/values.ts'
import { noSuchRow, type Write } from '../query/write/apply.ts'
import { codecOf } from '../query/write/codec.ts'
import { DatabaseTable } from '../query/write/database/table.ts'
import { formatId, parseId } from '../query/write/id.ts'
import { LiveTable } from '../query/write/live-table.ts'
import { type RenderedRow, rendererOf, type StoredRow } from '../query/write/render.ts'
import type { Replay, TableStore, Written } from '../query/write/store.ts'
import { type WriteView, writeViewOf } from '../query/write/view.ts'
import type { ServedTable, TableWrite } from './endpoint.ts'
import type { EndpointRuntime } from './runtime.ts'

const OF_TABLE: readonly Method[] = ['GET', 'POST']
const OF_ROW: readonly Method[] = ['GET', 'PUT', 'PATCH', 'DELETE']

interface Granted {
  view: WriteView
  /** equal for answers that hold the same of the same rows */
  policy: string
  render: (row: StoredRow) => RenderedRow
}

/** The rows of a table endpoint, one at a time and as they are written. */
export class TableRows implements ServedTable {
  #store: TableStore
  #secret: Uint8Array
  #methods: ReadonlySet<Method>
  #identity: TableIdentity
  #views: PerPolicy<Granted>

  /**
   * @param query that lists the table
   * @throws Fault 422 its engine does not find single rows
   */
  constructor(query: Query, methods: ReadonlySet<Method>, runtime: EndpointRuntime, identity: TableIdentity) {
    this.#store = storeOf(query, runtime)
    this.#secret = runtime.secret
    this.#methods = methods
    this.#identity = identity
    this.#views = new PerPolicy((grant, policy) => {
      const view = writeViewOf(viewOf(query, grant))
      const seen = view.seen.map(({ column: { name, mask }, treatment }) => [name, treatment, mask])
      return { view, policy: JSON.stringify([policy, seen]), render: rendererOf(view, runtime.secret) }
    })
  }

  check(grant: Grant, method: string, ofRow: boolean): void {
    const allow = (ofRow ? OF_ROW : OF_TABLE).filter(m => this.#methods.has(m))
    const known = allow.find(m => m === method)
    if (!known) throw methodNotAllowed(allow)
    if (!mayUse(grant, known))
      throw forbidden(`This key may not use ${known} here: its allowed_methods do not name it.`, 'method_out_of_reach')
  }

  mayRead(grant: Grant): boolean {
    return this.#methods.has('GET') && mayUse(grant, 'GET')
  }

  async find(grant: Grant, id: string, deadline: number): Promise<RenderedRow & { id: string }> {
    const { view, render } = this.#views.of(grant)
    const key = keyOf(view, id)
    const row = await this.#store.find(view, key, steadyOf(deadline))
    if (!row) throw noSuchRow()
    return { ...render(row), id: formatId(view.key!.columns, key, codecOf(view.engine)) }
  }

  async write(grant: Grant, write: TableWrite): Promise<Written> {
    const { view, policy } = this.#views.of(grant)
    const request = { view, write: asked(view, write), deadline: steadyOf(write.deadline) }
    const replay = this.#replayOf(grant, policy, write)
    return this.#store.write(replay ? { ...request, replay } : request)
  }

  /**
   * One caller's Idempotency-Key on one table, and the whole of the request that it came with. Keyed, as several
   * installations may keep their answers in one database, and the ids of keys and projects are each one's own.
   */
  #replayOf(grant: Grant, policy: string, write: TableWrite): Replay | undefined {
    const { idempotencyKey, method, id, body, ifMatch, ifNoneMatch } = write
    if (idempotencyKey === undefined) return undefined
    const { projectId, dataset } = this.#identity
    const about = JSON.stringify([this.#identity, method, id, ifMatch, ifNoneMatch])
    return {
      id: hmac(this.#secret, JSON.stringify([projectId, dataset, grant.keyId, idempotencyKey])),
      fingerprint: hmac(this.#secret, about, '\n', body),
      policy: hmac(this.#secret, policy),
    }
  }
}

function hmac(secret: Uint8Array, ...parts: (string | Uint8Array)[]): string {
  const hasher = new Bun.CryptoHasher('sha256', secret)
  hasher.update('replay\0')
  for (const part of parts) hasher.update(part)
  return hasher.digest('base64url')
}

function storeOf(query: Query, { queries, writer, connections, secret }: EndpointRuntime): TableStore {
  const { dataset } = query.tables[0]!
  if (dataset.engine === 'postgres') return new DatabaseTable(query, connections, writer, secret)
  if (dataset.engine === 'sqlite') return new LiveTable(dataset.file, queries.sqlite.local, writer)
  throw unprocessable(
    'A table is of the embedded store or of a database; files that are read in place are for queries.',
  )
}

function asked(view: WriteView, { method, id, body, ifMatch, ifNoneMatch }: TableWrite): Write {
  if (method === 'POST') return { op: 'insert', body }
  const about = { key: keyOf(view, id!), ...(ifMatch ? { ifMatch } : {}), ...(ifNoneMatch ? { ifNoneMatch } : {}) }
  if (method === 'DELETE') return { op: 'delete', ...about }
  return { op: method === 'PUT' ? 'replace' : 'merge', body, ...about }
}

/** @throws Fault 404 no row can be called so; 403 the caller may not see what rows are called */
function keyOf({ key, engine }: WriteView, id: string): StoredValue[] {
  if (!key) throw noSuchRow()
  if (!key.raw)
    throw forbidden('This key does not see the primary key of this table unmasked, so it cannot reach single rows.')
  const values = parseId(key.columns, id, codecOf(engine))
  if (!values) throw noSuchRow()
  return values
}

/** What an endpoint's answers to a write depend on; the rest of its definition may change meanwhile. */
interface TableIdentity {
  projectId: number
  dataset: string
  endpoint: string
  columns?: string[]
}
