/** What the suite of tables runs on: one Callgate, a few tables that can be written to, and a key for every purpose. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../../src/lib/secret.ts'
import { type Answer, type Callgate, startCallgate, type Target, temporaryFolder } from '../../harness.ts'

const PEOPLE = `id,name,email,region,visits,note
1,Ada Lovelace,ada@example.org,north,5,first
2,Grace Hopper,grace@example.org,south,7,
3,Alan Turing,alan@example.org,north,9,third
`
export const VERBS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
/** Sees and writes everything. */
export const RAW = { masking_level: 'unmasked', sensitivity_max: 'critical', allowed_methods: VERBS }

const table = (id: string, dataset = `t.${id}`, more: object = {}) => ({
  id,
  kind: 'table',
  dataset,
  methods: VERBS,
  ...more,
})

export class TableWorld {
  #target: Target
  folder!: string
  readonly env = { CALLGATE_ADMIN_TOKEN: mintSecret('hf') }
  callgate!: Callgate
  project!: string
  service!: number
  /** sees and writes everything */
  key!: string

  constructor(target: Target) {
    this.#target = target
  }

  manifest(): object {
    const any = { type: 'text' }
    return {
      projects: [
        {
          slug: 'shop',
          datasets: [
            {
              name: 't.people',
              from: join(this.folder, 'people.csv'),
              primary_key: 'id',
              indexes: [['region']],
              writable: true,
              columns: {
                name: { sensitivity: 'medium', mask: 'initials' },
                email: { sensitivity: 'high', mask: 'email' },
                note: { nullable: true },
              },
            },
            {
              name: 't.orders',
              writable: true,
              primary_key: ['shop', 'number'],
              columns: {
                shop: any,
                number: { type: 'integer' },
                amount: { type: 'decimal(12,2)', nullable: false },
                at: { type: 'timestamptz' },
              },
            },
            {
              name: 't.values',
              writable: true,
              primary_key: 'id',
              columns: {
                id: { type: 'integer' },
                whole: { type: 'integer' },
                real: { type: 'float' },
                exact: { type: 'decimal(30,10)' },
                yes: { type: 'boolean' },
                words: { type: 'text' },
                day: { type: 'date' },
                clock: { type: 'time' },
                local: { type: 'timestamp' },
                moment: { type: 'timestamptz' },
                bytes: { type: 'blob' },
                doc: { type: 'json' },
              },
            },
            {
              name: 't.named',
              writable: true,
              primary_key: 'name',
              columns: { name: any, n: { type: 'integer' } },
            },
            { name: 't.log', writable: true, columns: { line: any } },
            {
              name: 't.fixed',
              from: join(this.folder, 'people.csv'),
              primary_key: 'id',
              columns: { email: { sensitivity: 'low' }, name: { sensitivity: 'low' } },
            },
          ],
          services: [
            {
              key: 'shop',
              publish: true,
              endpoints: [
                table('people'),
                table('orders'),
                table('values'),
                table('named'),
                table('log', 't.log', { methods: ['GET', 'POST'] }),
                table('fixed', 't.fixed', { methods: ['GET'] }),
                table('by region/2', 't.people', {
                  methods: ['GET', 'PATCH'],
                  columns: ['id', 'region', 'visits'],
                  pagination: { default_limit: 2, max_limit: 3, total: true },
                }),
                { id: 'person', kind: 'lookup', dataset: 't.people', key_column: 'id' },
                {
                  id: 'regions',
                  kind: 'sql',
                  query: {
                    source: { schema: 't', table: 'people' },
                    columns: ['region', { fn: 'count', as: 'n' }],
                    group_by: ['region'],
                  },
                },
              ],
            },
            { key: 'open', publish: true, public: true, endpoints: [table('people')] },
          ],
        },
      ],
    }
  }

  get dataDir(): string {
    return join(this.folder, 'data')
  }

  async start(): Promise<void> {
    this.folder = temporaryFolder()
    writeFileSync(join(this.folder, 'people.csv'), PEOPLE)
    await this.#start(this.manifest())
    this.project = String((await this.admin('GET', '/api/projects')).json.items[0].project_id)
    const assets = (await this.admin('GET', '/api/publish/assets')).json
    this.service = assets.find((a: { asset_key: string }) => a.asset_key === 'shop').id
    this.key = await this.mint(RAW)
  }

  async #start(manifest?: object): Promise<void> {
    this.callgate = await startCallgate({ target: this.#target, env: this.env, dataDir: this.dataDir, manifest })
  }

  /** Ends it, in order or at once, and starts another on the same data. */
  async restart(how: 'stop' | 'kill' = 'stop', manifest?: object): Promise<void> {
    await this.callgate[how]()
    await this.#start(manifest)
  }

  admin(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.callgate.admin(method, path, body, {
      ...(this.project ? { 'x-project-id': this.project } : {}),
      ...headers,
    })
  }

  /** A key of the service `shop` without a rate limit. */
  async mint(fields: object, asset = this.service): Promise<string> {
    const minted = await this.admin('POST', `/api/publish/assets/${asset}/api-keys`, {
      name: 'test',
      rate_limit: null,
      ...fields,
    })
    if (minted.status !== 201) throw new Error(`no key was minted: ${minted.text}`)
    return minted.json.key
  }

  /** Asks an endpoint of the service `shop`, with the key that may everything by default. */
  send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    key = this.key,
  ): Promise<Answer> {
    return this.callgate.call(`/api/service/shop/${path}`, { method, key, body, headers })
  }

  /** The same with another key. */
  as(key: string) {
    return (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      this.send(method, path, body, headers, key)
  }
}

/** The fields of a refusal's `errors`, with their rows where they have any. */
export const fields = ({ json }: Answer): string[] =>
  (json.errors ?? []).map((e: { row?: number; field?: string }) =>
    [e.row, e.field].filter(v => v !== undefined).join(' '),
  )
