import { Fault } from '../lib/fault.ts'
import { pause } from '../lib/pause.ts'
import { Slab } from '../lib/slab.ts'
import { type Lease, PoolLease } from './backend.ts'
import type { Guard } from './guard/guard.ts'
import type { Exit } from './guard/program.ts'
import type { Places, Plan } from './plan.ts'
import { freePort, hasFilesLeft, isListening, takePort } from './port.ts'
import { listenersOf } from './processes.ts'
import { Pool } from './wire/pool.ts'

/** Servers close idle connections after 5 seconds and more; after 2, some. */
const IDLE_CONNECTION_MS = 1000
const CONNECT_MS = 5000
const HEALTH_EVERY_MS = 10_000
const HEALTH_TIMEOUT_MS = 5000
/** Checks that fail one after the other until a replica is taken for ill. */
const ILL_AFTER = 3
/** From SIGTERM to SIGKILL: as long as requests under way are given, within these. */
const SHORTEST_GRACE_MS = 1000
const LONGEST_GRACE_MS = 10_000
const DRAIN_LOOK_MS = 20
const REACH_EVERY_MS = 25

const notReady = (why: string) => new Fault(503, 'not_ready', why)

export type ReplicaState = 'starting' | 'ready' | 'stopping' | 'ended'

/** What programs run with: one of each in a server. */
export interface Means {
  places: Places
  guard: Guard
}

let programs = 0

/** One process of a `command:` deployment, from its start to its end. */
export class Replica {
  readonly number: number
  readonly startedAt = new Date().toISOString()
  state: ReplicaState = 'starting'
  pid: number | undefined
  /** settles when it is ready; rejected where it will not be, with a Fault that says why */
  readonly ready: Promise<void>
  /** settles when its process and all that this started are gone */
  readonly exited: Promise<Exit>
  #id = ++programs
  #port = takePort()
  #pool: Pool
  #leases = new Slab<Lease>()
  #plan: Plan
  #guard: Guard
  #ending: Promise<void> | undefined
  /** as performance.now() */
  #drainUntil = Number.POSITIVE_INFINITY
  #onReachable: () => void

  /** @param onReachable called when it can be reached again after a connection to it failed */
  constructor(
    { deploymentId, number, plan }: { deploymentId: number; number: number; plan: Plan },
    { places, guard }: Means,
    onReachable: () => void,
  ) {
    this.number = number
    this.#plan = plan
    this.#guard = guard
    this.#onReachable = onReachable
    const address = { host: '127.0.0.1', port: this.#port }
    this.#pool = new Pool(address, { idleMs: IDLE_CONNECTION_MS, connectMs: CONNECT_MS })
    const started = Promise.withResolvers<void>()
    this.exited = this.#run(deploymentId, places, started.resolve)
    const remark = (text: string) => guard.remark({ logPath: places.logOf(deploymentId), label: this.#label, text })
    this.ready = this.#becomeReady(started.promise, remark)
    this.ready.catch(() => {})
  }

  /** Requests that it has now. */
  get inFlight(): number {
    return this.#leases.size
  }

  lease(): Lease {
    return new ReplicaLease(this.#pool, this.#leases, this)
  }

  /** A connection to it failed: it gets no requests until it can be reached, or has ended. */
  unreachable(): void {
    if (this.state !== 'ready') return
    this.state = 'starting'
    void this.#reach()
  }

  /** Takes no more requests, waits for those under way, and ends. Again: it waits no longer than is said now. */
  stop(drainMs: number): Promise<void> {
    this.#drainUntil = Math.min(this.#drainUntil, performance.now() + drainMs)
    this.#ending ??= this.#stop()
    return this.#ending
  }

  get #label(): string {
    return `r${this.#plan.revision}.${this.number}`
  }

  async #run(deploymentId: number, places: Places, started: () => void): Promise<Exit> {
    const { config } = this.#plan
    const label = this.#label
    const logPath = places.logOf(deploymentId)
    try {
      const account = places.accountOf(config)
      const temporaryFolder = places.temporaryFolder(deploymentId, account)
      return await this.#guard.run(
        {
          id: this.#id,
          command: config.command,
          cwd: config.cwd ?? '/',
          env: places.environment(config, this.#port, temporaryFolder, account),
          uid: account?.uid,
          gid: account?.gid,
          memoryBytes: config.memory_mb && config.memory_mb * 1024 * 1024,
          cpus: config.cpus,
          temporaryFolder,
          logPath,
          label,
        },
        event => {
          if ('ended' in event) return this.#over()
          this.pid = event.pid
          started()
        },
      )
    } catch (error) {
      const how = error instanceof Fault ? error.message : 'it was lost'
      this.#guard.remark({ logPath, label, text: `callgate: not started: ${how}` })
      return { how }
    } finally {
      this.#over()
      freePort(this.#port)
    }
  }

  #over(): void {
    this.state = 'ended'
    this.#pool.close()
  }

  async #becomeReady(started: Promise<void>, remark: (text: string) => void): Promise<void> {
    await Promise.race([started, this.exited])
    const began = performance.now()
    for (let ailment = await this.#ailment(); this.state === 'starting' && ailment; ailment = await this.#ailment()) {
      const waited = performance.now() - began
      if (waited > this.#plan.startTimeoutMs) {
        const why = `it was not ready within ${this.#plan.startTimeoutMs / 1000} s: ${await this.#reason(ailment)}`
        remark(`callgate: ${why}`)
        void this.stop(0)
        throw notReady(why)
      }
      await pause(waited < 1000 ? 10 : waited < 10_000 ? 25 : 100)
    }
    // it may have ended already, as well as it can, because it was asked to
    if (this.#ending) throw notReady('it was stopped before it was ready')
    if (this.state === 'ended') {
      const { how } = await this.exited
      if (how !== 'exit status 0') throw notReady(how)
      const why = `${how}: what it leaves in the background is ended with it, so it must stay in the foreground`
      remark(`callgate: ${why}`)
      throw notReady(why)
    }
    this.state = 'ready'
    if (this.#plan.config.health) void this.#watchHealth(remark)
  }

  /** What is wrong with it, if anything: it listens and, where it has a health path, is well there. */
  async #ailment(): Promise<string | undefined> {
    const { health } = this.#plan.config
    if (!health) return (await isListening(this.#port)) ? undefined : this.#unheard
    const found = await this.#pool.ailment(`127.0.0.1:${this.#port}`, health, HEALTH_TIMEOUT_MS)
    return found && `its health path is not well: ${health} ${found}`
  }

  /** The same as it is told: without a listener no path is well. */
  async #reason(ailment: string): Promise<string> {
    if (await isListening(this.#port)) return ailment
    const elsewhere = this.pid === undefined ? [] : listenersOf(this.pid)
    return elsewhere.length === 0 ? this.#unheard : `${this.#unheard}, but it listens on ${elsewhere.join(' and ')}`
  }

  get #unheard(): string {
    return `nothing listens on 127.0.0.1:${this.#port} (PORT)`
  }

  /** While it runs: one that does not answer for long is ended, and another takes its place. */
  async #watchHealth(remark: (text: string) => void): Promise<void> {
    const { health_interval_seconds: seconds } = this.#plan.config
    const every = seconds === undefined ? HEALTH_EVERY_MS : seconds * 1000
    let ailment: string | undefined
    for (let bad = 0; bad < ILL_AFTER; ) {
      await pause(every)
      if (this.state === 'stopping' || this.state === 'ended') return
      ailment = await this.#ailment()
      bad = ailment === undefined || !hasFilesLeft() ? 0 : bad + 1
    }
    remark(`callgate: it is replaced: ${await this.#reason(ailment!)}`)
    await this.stop(HEALTH_TIMEOUT_MS)
  }

  /** One that does not listen any more, for as long as it may take to start, is ended, and another takes its place. */
  async #reach(): Promise<void> {
    let since = performance.now()
    while (this.state === 'starting') {
      if (!hasFilesLeft()) since = performance.now()
      if (performance.now() - since > this.#plan.startTimeoutMs) return this.stop(0)
      if (await isListening(this.#port)) {
        if (this.state === 'starting') this.state = 'ready'
        return this.#onReachable()
      }
      await pause(REACH_EVERY_MS)
    }
  }

  async #stop(): Promise<void> {
    if (this.state !== 'ended') this.state = 'stopping'
    while (this.#leases.size > 0 && performance.now() < this.#drainUntil && this.state === 'stopping')
      await pause(DRAIN_LOOK_MS)
    for (const lease of this.#leases.all()) lease.stopping?.()
    const graceMs = Math.min(LONGEST_GRACE_MS, Math.max(SHORTEST_GRACE_MS, this.#plan.drainMs))
    await this.#guard.end({ id: this.#id, graceMs })
    await this.exited
  }
}

class ReplicaLease extends PoolLease {
  readonly #replica: Replica

  constructor(pool: Pool, all: Slab<Lease>, replica: Replica) {
    super(pool, all)
    this.#replica = replica
  }

  failed(): void {
    this.#replica.unreachable()
  }

  answered(): void {}

  async crashed(): Promise<boolean> {
    // a connection ends a moment before its process is known to have
    for (let i = 0; i < 10 && this.#replica.state !== 'ended'; i++) await pause(5)
    return this.#replica.state === 'ended'
  }
}
