/** What a `command:` deployment runs, with everything that its declaration left out. */
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandConfig } from '../catalog/deployments.ts'
import { Fault } from '../lib/fault.ts'
import { type Account, findAccount } from './account.ts'
import { OWN_FOLDER } from './processes.ts'

export interface Plan {
  /** grows with each change */
  revision: number
  config: CommandConfig
  /** milliseconds */
  startTimeoutMs: number
  idleMs: number
  drainMs: number
  replicas: number
  alwaysOn: boolean
}

const PATH = '/usr/local/bin:/usr/bin:/bin'

export function planOf(config: CommandConfig, revision: number): Plan {
  const { start_timeout_seconds = 60, idle_seconds = 900, drain_seconds = 30, replicas = 1, min_instances = 0 } = config
  return {
    revision,
    config,
    startTimeoutMs: start_timeout_seconds * 1000,
    idleMs: idle_seconds * 1000,
    drainMs: drain_seconds * 1000,
    replicas,
    alwaysOn: min_instances > 0,
  }
}

/** Where the programs of an installation keep what they keep, and as whom they run. */
export class Places {
  #dataDir: string
  #defaultUser: string | undefined
  /** below it, the temporary folders of those that run as another user: the data directory is closed to them */
  #foreign: string

  constructor(dataDir: string, defaultUser: string | undefined) {
    this.#dataDir = dataDir
    this.#defaultUser = defaultUser
    const installation = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 12)
    this.#foreign = join(tmpdir(), `callgate-${installation}`)
  }

  logOf = (deploymentId: number): string => join(this.#dataDir, 'logs', String(deploymentId), 'output.log')

  /** Every temporary folder is one of these or below one: what runs with it was started by this installation. */
  get temporaryRoots(): string[] {
    return [join(this.#dataDir, 'tmp'), this.#foreign]
  }

  /** Whether programs have run here. */
  used(): boolean {
    return this.temporaryRoots.some(folder => existsSync(folder) && readdirSync(folder).length > 0)
  }

  /** @throws Fault 503 there is no such user, or Callgate may not become one */
  accountOf({ user = this.#defaultUser }: CommandConfig): Account | undefined {
    if (user === undefined) return undefined
    const account = findAccount(user)
    if (!account) throw new Fault(503, 'not_started', 'there is no such user')
    if (account.uid === process.getuid?.()) return undefined
    if (process.getuid?.() !== 0) throw new Fault(503, 'not_started', 'only root may start it as another user')
    return account
  }

  /** Makes the folder, if it is not there. @throws Fault 503 it cannot be made: the disk is full, say */
  temporaryFolder(deploymentId: number, account: Account | undefined): string {
    try {
      return this.#madeFolder(deploymentId, account)
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      const { code } = cause as NodeJS.ErrnoException
      throw new Fault(503, 'not_started', `its temporary folder cannot be made (${code})`, { cause })
    }
  }

  #madeFolder(deploymentId: number, account: Account | undefined): string {
    if (!account) {
      const folder = join(this.#dataDir, 'tmp', String(deploymentId))
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      return folder
    }
    mkdirSync(this.#foreign, { recursive: true })
    // its name is no secret: somebody else may have been here first
    const { uid } = lstatSync(this.#foreign)
    if (uid !== process.getuid?.()) throw new Fault(503, 'not_started', 'its temporary folder belongs to another user')
    chmodSync(this.#foreign, 0o711)
    const folder = join(this.#foreign, `${deploymentId}-${account.uid}`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chownSync(folder, account.uid, account.gid)
    return folder
  }

  /** Removes what a deployment that is gone has left. */
  forget(deploymentId: number): void {
    const own = ['logs', 'tmp'].map(folder => join(this.#dataDir, folder, String(deploymentId)))
    const foreign = existsSync(this.#foreign) ? readdirSync(this.#foreign) : []
    for (const folder of [
      ...own,
      ...foreign.filter(name => name.startsWith(`${deploymentId}-`)).map(name => join(this.#foreign, name)),
    ])
      rmSync(folder, { recursive: true, force: true })
  }

  /** All that a program finds in its environment. */
  environment(
    config: CommandConfig,
    port: number,
    folder: string,
    account: Account | undefined,
  ): Record<string, string> {
    const { PATH: path = PATH, HOME: home = '/', LANG: lang = 'C.UTF-8' } = process.env
    const own = { PATH: path, HOME: account?.home ?? home, TMPDIR: folder, LANG: lang }
    // without it nobody would know what it leaves behind when its guard is killed
    const mark: Record<string, string> = config.env?.TMPDIR === undefined ? {} : { [OWN_FOLDER]: folder }
    return { ...own, ...config.env, ...mark, PORT: String(port) }
  }
}
