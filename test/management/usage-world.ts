/** A Callgate with something at each serving door, and a reader of its usage. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Answer, type Callgate, FIXTURES, startCallgate, temporaryFolder } from '../harness.ts'

export const FLOWER = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
const BUSY = 'export default () => { for (;;); }'
const TEAPOT = 'export default (request, host) => host.reply({ no: true }, { status: Number(request.query.status) })'

export class UsageWorld {
  callgate!: Callgate
  readonly key = mintSecret('dk')
  readonly slow = mintSecret('dk')
  readonly projectKey = mintSecret('dk')
  readonly otherKey = mintSecret('dk')
  readonly #folder = temporaryFolder()
  readonly #env = {
    CALLGATE_ADMIN_TOKEN: mintSecret('hf'),
    APP: this.key,
    SLOW: this.slow,
    PROJECT: this.projectKey,
    OTHER: this.otherKey,
  }
  shop!: number
  other!: number

  /** a server behind deployment `remote`, which answers the status that its path names */
  readonly #remote = Bun.serve({
    port: 0,
    fetch: request => new Response('x', { status: Number(new URL(request.url).pathname.slice(1)) }),
  })

  async start(): Promise<void> {
    this.#remote.unref()
    writeFileSync(join(this.#folder, 't.csv'), 'id,n\n1,10\n2,20\n')
    const table = { from: join(this.#folder, 't.csv'), primary_key: 'id' }
    const lookup = (id: string) => ({ id, kind: 'lookup', dataset: 'm.t', key_column: 'id' })
    const models = [
      {
        name: 'iris',
        versions: [{ version: 1, file: join(FIXTURES, 'models/iris.onnx'), features: Object.keys(FLOWER) }],
      },
    ]
    const manifest = {
      projects: [
        {
          slug: 'shop',
          datasets: [
            { name: 'm.t', ...table },
            { name: 'm.unused', ...table },
          ],
          models,
          services: [
            {
              key: 'shop',
              publish: true,
              endpoints: [
                lookup('row'),
                lookup('unloved'),
                { id: 'iris', kind: 'model', model: 'iris', porter: { namespace: 'flowers' } },
                { id: 'busy', kind: 'function', handler: BUSY, limits: { cpu_ms: 10_000, wall_ms: 20_000 } },
                { id: 'teapot', kind: 'function', handler: TEAPOT, methods: ['GET'] },
                { id: 'through', kind: 'function', handler: "export default (r, host) => host.call('row', { id: 1 })" },
              ],
              keys: [
                { name: '=app()', secret_env: 'APP' },
                { name: 'slow', secret_env: 'SLOW', rate_limit: 2 },
              ],
            },
            { key: 'open', publish: true, public: true, endpoints: [lookup('row')] },
          ],
          deployments: [
            { name: 'flowers', model: 'iris' },
            { name: 'idle', model: 'iris' },
            { name: 'remote', upstream: `http://127.0.0.1:${this.#remote.port}` },
          ],
          keys: [{ name: 'whole', secret_env: 'PROJECT' }],
        },
        {
          slug: 'other',
          datasets: [{ name: 'm.t', ...table }],
          services: [{ key: 'elsewhere', publish: true, endpoints: [lookup('row')] }],
          keys: [{ name: 'others-app', secret_env: 'OTHER' }],
        },
      ],
    }
    await this.#start(manifest)
    const { items } = (await this.admin('GET', '/api/projects')).json
    const idOf = (slug: string) => items.find((p: { slug: string }) => p.slug === slug).project_id
    this.shop = idOf('shop')
    this.other = idOf('other')
  }

  async #start(manifest?: object): Promise<void> {
    const dataDir = join(this.#folder, 'data')
    const flags = ['--scoring-workers', '1']
    this.callgate = await startCallgate({ manifest, dataDir, env: this.#env, flags })
  }

  async restart(how: 'stop' | 'kill'): Promise<void> {
    await this.callgate[how]()
    await this.#start()
  }

  admin = (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> =>
    this.callgate.admin(method, path, body, headers)

  /** `GET /api/usage` of project shop, or of another one, or (null) of all. @throws when it is not 200 */
  async usage(query: string, project: number | null = this.shop) {
    const scope = project === null ? undefined : { 'x-project-id': String(project) }
    const answer = await this.admin('GET', `/api/usage${query}`, undefined, scope)
    if (answer.status !== 200) throw new Error(answer.text)
    return answer.json
  }

  /** Calls by `service.endpoint` or deployment, then key, then status: all that was counted. */
  async counted(project?: number | null): Promise<Record<string, number>> {
    const { groups } = await this.usage('?group_by=endpoint,deployment,key,status&limit=1000', project)
    const told: Record<string, number> = {}
    for (const { service, endpoint, deployment, key, status, calls } of groups)
      told[`${deployment ?? (service ? `${service}.${endpoint ?? ''}` : '-')} ${key} ${status}`] = calls
    return told
  }
}
