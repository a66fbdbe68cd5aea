import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Answer, type Callgate, type CallInit, type StartOptions, startCallgate, waitFor } from '../harness.ts'

export const SERVER = [process.execPath, join(import.meta.dir, 'server.ts')]
const PROJECT = 'life'

/** A Callgate with deployments of a project, and what a test asks of them. */
export class World {
  readonly key = mintSecret('dk')
  callgate!: Callgate
  #projectId: number | undefined

  async start(deployments: object[], options: StartOptions = {}): Promise<void> {
    this.#projectId = undefined
    this.callgate = await startCallgate({
      ...options,
      env: { LIFE_KEY: this.key, ...options.env },
      manifest: this.manifest(deployments),
    })
  }

  manifest = (deployments: object[]) => ({
    projects: [{ slug: PROJECT, deployments, keys: [{ name: 'life', secret_env: 'LIFE_KEY' }] }],
  })

  call(deployment: string, path: string, init: CallInit = {}): Promise<Answer> {
    return this.callgate.call(`/v1/${PROJECT}/${deployment}${path}`, { key: this.key, ...init })
  }

  /** A route of the management API below the project's deployments. */
  async api(method: string, path = '', body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.callgate.admin(method, `${await this.path()}${path}`, body, headers)
  }

  async path(): Promise<string> {
    if (this.#projectId === undefined) {
      const projects = (await this.callgate.admin('GET', '/api/projects')).json.items
      this.#projectId = projects.find((p: { slug: string }) => p.slug === PROJECT).project_id
    }
    return `/api/projects/${this.#projectId}/deployments`
  }

  /** A new user who is an editor of the project. @returns a token of theirs */
  async editor(username: string): Promise<string> {
    const password = `${username}-has-a-long-password`
    await this.callgate.admin('POST', '/api/users', { username, password, roles: { [PROJECT]: 'editor' } })
    const signedIn = await this.callgate.call('/api/auth/login', { method: 'POST', body: { username, password } })
    return signedIn.json.access_token
  }

  /** A deployment as the API has it. */
  async shown(name: string) {
    return (await this.api('GET', `/${name}`)).json
  }

  status = (name: string, status: string) =>
    waitFor(async () => {
      const shown = await this.shown(name)
      return shown.status === status ? shown : undefined
    })

  /** Waits until so many requests of a deployment are under way. */
  underWay = (name: string, count: number) =>
    waitFor(async () => (await this.shown(name)).requests_in_flight === count || undefined)

  pid = async (name: string): Promise<number> => (await this.call(name, '/pid')).json
}
