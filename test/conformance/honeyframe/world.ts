/** What the conformance suite runs on: one Callgate with two projects, small tables with personal data, and two models. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../../src/lib/secret.ts'
import {
  type Answer,
  type Callgate,
  type CallInit,
  FIXTURES,
  startCallgate,
  type Target,
  temporaryFolder,
} from '../../harness.ts'
import { buildModel } from '../../scoring/onnx-builder.ts'

/** 20 customers; customer 7 has NULLs, customer 8 an empty text, customer 3 the numbers that a double cannot hold. */
export const CUSTOMERS = Array.from({ length: 20 }, (_, index) => {
  const id = index + 1
  return {
    id,
    name: ['Ada Lovelace', 'Grace Hopper', 'Alan Turing', 'Zoë Ångström'][index % 4]!,
    email: id === 7 ? '' : `person${id}@example.org`,
    phone: id === 7 ? '' : `+49301234${String(id).padStart(4, '0')}`,
    born: `19${70 + index}-03-0${1 + (index % 9)}`,
    passport: `P${1000 + id}`,
    ssn: `000-11-${2000 + id}`,
    nickname: `nick${id}`,
    region: ['north', 'south', 'east', 'west'][index % 4]!,
    plan: id === 7 ? '' : id === 8 ? '""' : ['free', 'basic', 'premium'][index % 3]!,
    visits: id === 3 ? '9223372036854775807' : String(id * 10),
    balance: id === 3 ? '1234567890123456.78' : `${id}.50`,
    score: id === 7 ? '' : String(id / 4),
    active: id % 2 === 0 ? 'true' : 'false',
    since: `2024-01-${String(id).padStart(2, '0')}T08:30:00`,
  }
})

const PLANS = [
  { plan: 'free', label: 'Free of charge', price: '0', region: 'north' },
  { plan: 'basic', label: 'Basic', price: '9.90', region: 'south' },
  { plan: 'premium', label: 'Premium', price: '29.90', region: 'north' },
]

/** A model that gives its one int64 feature `n` back. */
const echo = () =>
  buildModel({
    inputs: [{ name: 'n', type: 'int64', dims: ['N', 1] }],
    outputs: [{ name: 'm', type: 'int64', dims: ['N', 1] }],
    nodes: [{ op: 'Identity', inputs: ['n'], outputs: ['m'] }],
  })

const csv = (rows: Record<string, unknown>[]) =>
  [Object.keys(rows[0]!).join(','), ...rows.map(row => Object.values(row).join(','))].join('\n')

const CUSTOMER_POLICY = {
  visits: { type: 'integer' },
  balance: { type: 'decimal' },
  name: { sensitivity: 'medium', mask: 'initials' },
  email: { sensitivity: 'high', mask: 'email' },
  phone: { sensitivity: 'medium', mask: 'last4' },
  born: { sensitivity: 'high', mask: 'year' },
  passport: { sensitivity: 'high', mask: 'hash' },
  ssn: { sensitivity: 'critical' },
  nickname: { sensitivity: 'medium', mask: 'null' },
}

export const source = { schema: 'marts', table: 'customers' }

export const filter = (column: string, op: string, param: unknown = column, more: object = {}) => ({
  column,
  op,
  param,
  ...more,
})

const ENDPOINTS = [
  { id: 'customer', kind: 'lookup', dataset: 'marts.customers', key_column: 'id' },
  {
    id: 'by id/2',
    kind: 'lookup',
    dataset: 'marts.customers',
    key_column: 'id',
    key_param: 'no',
    columns: ['id', 'region'],
    max_results: 5,
  },
  {
    id: 'by_email',
    kind: 'lookup',
    dataset: 'marts.customers',
    key_column: 'email',
    key_param: 'email',
    columns: ['id'],
  },
  {
    id: 'search',
    kind: 'sql',
    query: {
      source,
      columns: ['id', 'name', 'region', { column: 'plan', as: 'tariff' }],
      filters: [filter('region', 'eq'), filter('id', 'gte', 'from'), filter('name', 'eq'), filter('plan', 'in')],
      pagination: { default_limit: 5, max_limit: 10 },
    },
  },
  { id: 'all', kind: 'sql', query: { source } },
  { id: 'churn', kind: 'model', model: 'churn_risk' },
  { id: 'late', kind: 'model', model: 'late_arrival' },
  { id: 'echo', kind: 'model', model: 'echo' },
  { id: 'greet', kind: 'function', handler: 'export default ({ body }) => ({ hello: body.name })' },
]

export const ADMIN_PASSWORD = 'correct horse battery'

export const MODEL_ROW = { tenure: 30, plan: 'basic' }

export interface Key {
  id: number
  key: string
}

let addresses = 0

/** The installation under test, and shorthands for what the suite does with it again and again. */
export class World {
  #target: Target
  #maxBody: string
  #dataDir = join(temporaryFolder(), 'data')
  #env: Record<string, string> = {
    CALLGATE_ADMIN_TOKEN: mintSecret('hf'),
    CALLGATE_ADMIN_PASSWORD: ADMIN_PASSWORD,
  }
  callgate!: Callgate
  /** project `shop`, and `other`, which has a service and a model of its own */
  shop!: number
  other!: number
  /** the published service `shop` */
  service!: number
  otherService!: number
  /** of service `shop`, masked up to medium, without a rate limit */
  key!: string
  /** of service `shop`, raw up to critical */
  rawKey!: string

  constructor(target: Target, { maxBody = '64KB' } = {}) {
    this.#target = target
    this.#maxBody = maxBody
  }

  #start(manifest?: object): Promise<Callgate> {
    const flags = ['--trusted-proxies', '127.0.0.1/32', '--max-body', this.#maxBody]
    return startCallgate({ target: this.#target, env: this.#env, flags, manifest, dataDir: this.#dataDir })
  }

  /** Stops the process in order and starts another on the same data directory, with no manifest. */
  async restart(): Promise<void> {
    await this.callgate.stop()
    this.callgate = await this.#start()
  }

  async start(): Promise<void> {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'customers.csv'), csv(CUSTOMERS))
    writeFileSync(join(folder, 'plans.csv'), csv(PLANS))
    writeFileSync(join(folder, 'echo.onnx'), echo())
    const model = (name: string) => ({ name, versions: [{ version: 1, file: join(FIXTURES, `models/${name}.onnx`) }] })
    this.callgate = await this.#start({
      projects: [
        {
          slug: 'shop',
          datasets: [
            {
              name: 'marts.customers',
              from: join(folder, 'customers.csv'),
              primary_key: 'id',
              columns: CUSTOMER_POLICY,
            },
            { name: 'marts.plans', from: join(folder, 'plans.csv'), primary_key: 'plan' },
          ],
          models: [
            model('churn_risk'),
            model('late_arrival'),
            { name: 'echo', versions: [{ version: 1, file: join(folder, 'echo.onnx') }] },
          ],
          services: [{ key: 'shop', title: 'Shop', publish: true, endpoints: ENDPOINTS }],
        },
        {
          slug: 'other',
          datasets: [{ name: 'marts.plans', from: join(folder, 'plans.csv'), primary_key: 'plan' }],
          models: [model('iris')],
          services: [
            {
              key: 'elsewhere',
              publish: true,
              endpoints: [{ id: 'plan', kind: 'lookup', dataset: 'marts.plans', key_column: 'plan' }],
            },
          ],
        },
      ],
    })
    const { items } = (await this.admin('GET', '/api/projects')).json
    this.shop = items.find((p: { slug: string }) => p.slug === 'shop').project_id
    this.other = items.find((p: { slug: string }) => p.slug === 'other').project_id
    const assets = (await this.admin('GET', '/api/publish/assets')).json
    this.service = assets.find((a: { asset_key: string }) => a.asset_key === 'shop').id
    this.otherService = assets.find((a: { asset_key: string }) => a.asset_key === 'elsewhere').id
    this.key = (await this.mint({})).key
    this.rawKey = (await this.mint({ masking_level: 'unmasked', sensitivity_max: 'critical' })).key
  }

  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.callgate.admin(method, path, body, headers)
  }

  call(path: string, init?: CallInit): Promise<Answer> {
    return this.callgate.call(path, init)
  }

  /** Calls an endpoint of service `shop` (with `key`, the masked one by default). */
  serve(path: string, init: CallInit = {}): Promise<Answer> {
    return this.call(`/api/service/shop/${path}`, { key: this.key, ...init })
  }

  /** Scores with the endpoint `churn`. */
  score(body: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.serve('churn', { method: 'POST', body, headers })
  }

  /** A key of a service (`shop` by default), without a rate limit unless `fields` say otherwise. */
  async mint(fields: object, asset = this.service): Promise<Key> {
    return this.#minted(`/api/publish/assets/${asset}/api-keys`, fields)
  }

  async mintForProject(fields: object, project = this.shop): Promise<Key> {
    return this.#minted(`/api/projects/${project}/api-keys`, fields)
  }

  async #minted(path: string, fields: object): Promise<Key> {
    const minted = await this.admin('POST', path, { name: 'test', rate_limit: null, ...fields })
    if (minted.status !== 201) throw new Error(`no key was minted: ${minted.text}`)
    return { id: minted.json.id, key: minted.json.key }
  }

  /** A service of its own for one test; published unless `publish` is false. */
  async publish(key: string, endpoints: object[], { publish = true, project = this.shop } = {}): Promise<number> {
    const body = { asset_type: 'api_service', asset_key: key, title: key, config: { endpoints } }
    const created = await this.admin('POST', '/api/publish/assets', body, { 'x-project-id': String(project) })
    if (created.status !== 201) throw new Error(`no service was created: ${created.text}`)
    const { id } = created.json
    if (!publish) return id
    const published = await this.admin('POST', `/api/publish/assets/${id}/publish`, {})
    if (published.status !== 200) throw new Error(`the service was not published: ${published.text}`)
    return id
  }

  /** A sql endpoint `q` in a service of its own, and a way to ask it with a key that sees everything raw. */
  async query(key: string, query: object): Promise<(params?: string) => Promise<Answer>> {
    const asset = await this.publish(key, [{ id: 'q', kind: 'sql', query }])
    const { key: secret } = await this.mint({ masking_level: 'unmasked', sensitivity_max: 'critical' }, asset)
    return (params = '') => this.call(`/api/service/${key}/q?${params}`, { key: secret })
  }

  /** Headers of a caller with an address of its own, so that what it does wrong counts against nobody else. */
  stranger(): Record<string, string> {
    addresses++
    return { 'x-forwarded-for': `203.0.${addresses >> 8}.${addresses & 255}` }
  }
}

/** The ids of an answer's rows. */
export const ids = (answer: Answer): number[] => answer.json.rows.map((row: { id: number }) => row.id)
