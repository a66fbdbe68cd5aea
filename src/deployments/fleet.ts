/** All servers of an installation: made from what the catalog declares, kept as that changes, asked by the door. */
import {
  type CommandConfig,
  type DeploymentConfig,
  deploymentKind,
  type UpstreamConfig,
} from '../catalog/deployments.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { CommandBackend, type Described } from './command.ts'
import { Guard } from './guard/guard.ts'
import { Places, planOf } from './plan.ts'
import { hasTemporaryFolder, killAll, processes } from './processes.ts'
import { UpstreamBackend } from './upstream.ts'

/** A deployment of a server as the catalog has it. */
export interface Declared {
  id: number
  revision: number
  config: DeploymentConfig
  /** false: it is stopped until somebody starts it */
  enabled: boolean
}

/** What the proxy needs of a server. */
export interface Server {
  backend: CommandBackend | UpstreamBackend
  config: CommandConfig | UpstreamConfig
  revision: number
}

export class Fleet {
  readonly places: Places
  #guard: Guard
  #servers = new Map<number, Server>()
  /** by project's slug */
  #ofProject = new Map<string, Set<number>>()
  /** those that are not served any more, until they have ended */
  #leaving = new Map<Server['backend'], { id: number; ended: Promise<void> }>()
  #closing = new AbortController()

  /** @param user whom programs run as that name no user themselves */
  constructor(dataDir: string, user: string | undefined) {
    this.places = new Places(dataDir, user)
    this.#guard = new Guard(() => this.#sweep())
    // there were programs before: what is left of them goes, whether there will be others or not
    if (this.places.used()) this.#guard.warm()
  }

  /** Aborted when all of them end. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  get(id: number): Server | undefined {
    return this.#servers.get(id)
  }

  /** Makes the servers of a project be what is declared. */
  declare(project: string, declared: Declared[]): void {
    if (this.closing.aborted) return
    const wanted = new Map(declared.map(one => [one.id, one]))
    for (const id of this.#ofProject.get(project) ?? []) if (!wanted.has(id)) void this.#remove(id)
    this.#ofProject.set(project, new Set(wanted.keys()))
    for (const one of declared) this.#put(one)
  }

  start(id: number): void {
    const backend = this.#servers.get(id)?.backend
    if (backend instanceof CommandBackend) backend.start()
  }

  restart(id: number): void {
    const backend = this.#servers.get(id)?.backend
    if (backend instanceof CommandBackend) backend.restart()
  }

  /** What a deployment does now. */
  describe({ id, enabled }: { id: number; enabled: boolean }): Described {
    const server = this.#servers.get(id)
    if (enabled && server) return server.backend.describe()
    for (const [backend, of] of this.#leaving)
      if (of.id === id && backend instanceof CommandBackend) return backend.describe()
    return { status: 'stopped', reason: null, replicas: [], requests_in_flight: 0 }
  }

  /** Ends all of them: requests under way may take so long. */
  async close(drainMs: number): Promise<void> {
    this.#closing.abort()
    for (const id of this.#servers.keys()) this.#close(id)
    for (const backend of this.#leaving.keys()) void backend.close(drainMs)
    await Promise.all([...this.#leaving.values()].map(({ ended }) => ended))
    await this.#guard.close()
  }

  #put({ id, revision, config, enabled }: Declared): void {
    const server = this.#servers.get(id)
    const kind = deploymentKind(config)
    if (!enabled || kind === 'model') return void this.#close(id)
    if (server?.revision === revision) return
    if (kind === 'command') {
      const plan = planOf(config as CommandConfig, revision)
      this.#guard.warm()
      if (server?.backend instanceof CommandBackend) {
        server.backend.update(plan)
        this.#servers.set(id, { backend: server.backend, config: plan.config, revision })
        return
      }
      this.#close(id)
      const backend = new CommandBackend(id, plan, { places: this.places, guard: this.#guard })
      this.#servers.set(id, { backend, config: plan.config, revision })
    } else if (kind === 'upstream') {
      this.#close(id)
      const upstream = config as UpstreamConfig
      this.#servers.set(id, { backend: new UpstreamBackend(upstream), config: upstream, revision })
    }
  }

  /** It is served no more, and is `#leaving` until it has ended. */
  #close(id: number): void {
    const backend = this.#servers.get(id)?.backend
    if (!backend) return
    this.#servers.delete(id)
    const ended = backend
      .close()
      .catch(error => log.error({ deployment: id, ...errorFields(error) }, 'a deployment did not end well'))
      .finally(() => this.#leaving.delete(backend))
    this.#leaving.set(backend, { id, ended })
  }

  async #remove(id: number): Promise<void> {
    this.#close(id)
    // also what was stopped, or became another kind, before it was deleted
    await Promise.all([...this.#leaving.values()].flatMap(leaving => (leaving.id === id ? leaving.ended : [])))
    try {
      this.places.forget(id)
    } catch (error) {
      log.error({ deployment: id, ...errorFields(error) }, 'what a deployment left could not be removed')
    }
  }

  #sweep(): Promise<void> {
    const roots = this.places.temporaryRoots
    return killAll(() => processes().flatMap(({ pid, ended }) => (!ended && hasTemporaryFolder(pid, roots) ? pid : [])))
  }
}
