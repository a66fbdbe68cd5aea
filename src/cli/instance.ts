import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { closeCatalog, connectCatalog, isCatalog } from '../../db/connect.ts'
import { lockDataDir } from '../../db/lock.ts'
import { urlOf as databaseUrl, getConnection } from '../catalog/connections.ts'
import { Keys } from '../catalog/keys.ts'
import { artifactsInUse } from '../catalog/models.ts'
import { installationSecret } from '../catalog/store.ts'
import { UsageLog } from '../catalog/usage.ts'
import type { Config } from '../config.ts'
import { findAccount } from '../deployments/account.ts'
import { Fleet } from '../deployments/fleet.ts'
import { Publisher } from '../endpoints/publisher.ts'
import { Registry } from '../endpoints/registry.ts'
import { SchemaChecks } from '../endpoints/schema-checks.ts'
import { Gate } from '../gate/gate.ts'
import { isDamaged } from '../lib/fault.ts'
import { noticeVanished } from '../lib/vanished.ts'
import type { ManagementContext } from '../management/context.ts'
import { Refresher } from '../management/refresher.ts'
import { AnswerCache } from '../query/cache.ts'
import { Connections } from '../query/engines/postgres/connections.ts'
import { withCompanions } from '../query/live-file.ts'
import { QueryRunner } from '../query/runner.ts'
import { Writer } from '../query/write/writer.ts'
import { FunctionRunner } from '../sandbox/runner.ts'
import { createScorer } from '../scoring/scorer.ts'
import { buildServer } from '../server.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { configureRuntime, removeFormerLibraries } from '../workers/native.ts'
import { CommandError } from './command-error.ts'

const FLUSH_MS = 60_000
/** How long answers of deployments under way may take to end when the server does. */
const LAST_ANSWERS_MS = 10_000
/** SQLite opens no path beyond 504 bytes, and the names of tables' files take up to 80. */
const LONGEST_DATA_DIR = 400

/** A running Callgate: the catalog open, the workers starting, HTTP listening. */
export interface Instance {
  /** where it listens, e.g. `http://127.0.0.1:8080` */
  url: string
  context: ManagementContext
  /** Reads files again by the datasets' rules, once it is started. */
  refresher: Refresher
  /** What keeps `/-/ready` at 503 for now; remove a reason when it no longer holds. */
  waitingFor: Set<string>
  /** Aborted by the first signal: what takes long and was not asked for by a caller gives up. */
  stopping: AbortController
  /** Ends in order: no new connections, calls under way finish, workers end, the catalog is closed. */
  stop(): Promise<void>
}

/**
 * Opens a data directory and listens.
 * @throws CommandError in one or two lines what is in the way: the directory, another Callgate, the port, a certificate
 */
export function openInstance(config: Config): Instance {
  const dirs = {
    warehouse: join(config.dataDir, 'warehouse'),
    models: join(config.dataDir, 'models'),
    uploads: join(config.dataDir, 'uploads'),
  }
  const { deploymentUser } = config
  if (deploymentUser && !findAccount(deploymentUser))
    throw new CommandError(`--deployment-user ${deploymentUser}: there is no such user on this system.`, 2)
  // what it and its workers write is nobody else's to read
  process.umask(0o077)
  const { unlock, db, applied } = openDataDir(config.dataDir, Object.values(dirs))
  if (applied.length) log.debug({ migrations: applied }, 'catalog migrated')
  const ownRuntime = join(config.dataDir, 'runtime')
  configureRuntime(config.runtimeDir ?? ownRuntime)
  removeFormerLibraries(ownRuntime)

  const secret = installationSecret(db)
  const connections = new Connections(name => databaseUrl(getConnection(db, name)), config.requestTimeout)
  const writer = new Writer(secret)
  const elsewhere = { scratchDir: dirs.uploads, connections }
  const queries = new QueryRunner(config.queryWorkers, elsewhere, file => writer.version(file))
  const scorer = createScorer({
    mode: config.scoring,
    workers: config.scoringWorkers,
    threads: config.scoringThreads,
    memoryBytes: config.modelMemory,
  })
  const functions = new FunctionRunner(config.functionWorkers)
  const schemas = new SchemaChecks()
  const registry = new Registry({
    queries,
    writer,
    connections,
    answers: new AnswerCache(config.resultCache),
    scorer,
    functions,
    schemas,
    fetchNetworks: config.functionNetworks,
    loadAhead: config.modelLoading === 'background',
    warehouseDir: dirs.warehouse,
    modelsDir: dirs.models,
    secret,
  })
  const publisher = new Publisher(db, registry)
  const keys = new Keys(db)
  const gate = new Gate(keys.ring, registry)
  const fleet = new Fleet(config.dataDir, deploymentUser || undefined)
  registry.onDeployments = (project, deployments) => fleet.declare(project, deployments)
  const closeAll = () => {
    functions.close()
    schemas.close()
    queries.close()
    closeCatalog(db)
    unlock()
  }
  /** What fails is told, and nothing that was begun keeps the process from ending. */
  const orClose = (work: () => void) => {
    try {
      work()
    } catch (error) {
      void scorer.close()
      void fleet.close(0)
      closeAll()
      throw error
    }
  }
  orClose(() => {
    removeLeftOvers(dirs, publisher.filesInUse(), artifactsInUse(db))
    registry.load(db)
    publisher.loadAll()
  })

  const waitingFor = new Set<string>()
  const { limits, meter } = gate
  const usage = new UsageLog(db, meter.counter)
  const uploadsDir = dirs.uploads
  const context = { config, db, keys, publisher, fleet, limits, usage, connections, secret, uploadsDir }
  const readiness = {
    reasons() {
      const scoring = scorer.status()
      return [...waitingFor, ...(scoring.ready ? [] : [scoring.reason ?? 'scoring workers are starting'])]
    },
  }
  const app = buildServer({ gate, fleet, management: context, readiness })
  orClose(() => {
    try {
      app.listen({ hostname: config.host, port: config.port })
      noticeVanished()
    } catch (error) {
      throw listenError(config, error)
    }
  })
  const flushing = setInterval(() => {
    keys.ring.flushInParts().catch(error => log.warn(errorFields(error), 'last-used times could not be written'))
    void usage.flushInParts()
  }, FLUSH_MS)

  const refresher = new Refresher(context)
  const { server } = app
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const end = async () => {
    const read = refresher.stop()
    // an answer that is streamed may take longer than any other call: what is left of those by then is broken off
    const cut = setTimeout(() => queries.close(), config.requestTimeout + 1000)
    // whoever does not even read what was broken off is not waited for
    const leave = setTimeout(() => server?.stop(true), config.requestTimeout + 2500)
    // answers of deployments that have no end of their own are given one, else the server would wait for them
    const ends = [app.stop(), server && idle(server).then(() => server.stop(true))]
    await Promise.all([...ends, fleet.close(Math.min(LAST_ANSWERS_MS, config.requestTimeout))])
    clearTimeout(cut)
    clearTimeout(leave)
    await read
    clearInterval(flushing)
    await scorer.close()
    await writer.close()
    try {
      keys.ring.flush()
      usage.flush()
    } finally {
      closeAll()
    }
  }
  // a signal may come while a start that failed ends
  let ending: Promise<void> | undefined
  return {
    url: `${config.tlsCert ? 'https' : 'http'}://${host}:${server!.port}`,
    context,
    refresher,
    waitingFor,
    stopping: new AbortController(),
    stop: () => (ending ??= end()),
  }
}

/**
 * Waits until every call has had its answer. Bun's own end waits longer: for connections, too, on which nothing was asked yet,
 * which browsers keep ready and load balancers try, until they time out.
 */
async function idle(server: { pendingRequests: number; pendingWebSockets: number }): Promise<void> {
  do await Bun.sleep(50)
  while (server.pendingRequests + server.pendingWebSockets > 0)
}

function openDataDir(dataDir: string, dirs: string[]) {
  if (Buffer.byteLength(dataDir) > LONGEST_DATA_DIR)
    throw new CommandError(
      `The data directory's path is longer than ${LONGEST_DATA_DIR} bytes: ${dataDir}. Name another one with --data-dir.`,
    )
  try {
    for (const dir of [dataDir, ...dirs]) mkdirSync(dir, { recursive: true, mode: 0o700 })
    const unlock = lockDataDir(dataDir)
    refuseToForget(dataDir)
    return { unlock, ...connectCatalog(dataDir) }
  } catch (error) {
    const { code = '', message, path } = error as { code?: string; message: string; path?: string }
    const why = code === 'EEXIST' ? `${path} is a file, or a link that leads to no directory` : message
    if (/^(E[A-Z]+$|SQLITE_(CANTOPEN|READONLY|PERM|FULL|IOERR))/.test(code))
      throw new CommandError(
        `The data directory ${dataDir} cannot be written (${why}). Name another one with --data-dir.`,
      )
    throw error
  }
}

/** Where the catalog is damaged, which may be found only further inside. undefined: the error is another. */
export function damagedCatalog(error: unknown, dataDir: string): CommandError | undefined {
  const { code = '', message } = error as { code?: string; message: string }
  if (!isDamaged(code)) return undefined
  return new CommandError(
    `catalog.db in ${dataDir} is damaged, or not Callgate's (${message}). Restore a backup, or name another --data-dir.`,
  )
}

/**
 * A new catalog knows none of the files that are there, and what the catalog does not know is removed at the start.
 * @throws CommandError
 */
function refuseToForget(dataDir: string): void {
  if (['warehouse', 'models', 'uploads'].every(name => readdirSync(join(dataDir, name)).length === 0)) return
  if (isCatalog(join(dataDir, 'catalog.db'))) return
  throw new CommandError(
    `catalog.db in ${dataDir} is missing or empty, and without it what is in warehouse, models and uploads there would be removed. Restore a backup, or name another --data-dir.`,
  )
}

/** What OpenSSL says of them, in words. */
const TLS_TROUBLES: [RegExp, string][] = [
  [/KEY_(VALUES|TYPE)_MISMATCH/, 'the key is not that of the certificate, which must be the first in its file.'],
  [/BAD_DECRYPT|BAD_PASSWORD/, 'the key is encrypted. Give one without a passphrase.'],
  [/PEM routines|ASN\.1/, 'a certificate and an unencrypted private key are needed, both in PEM (-----BEGIN ...).'],
]

function listenError(config: Config, error: unknown): CommandError {
  const { code, message, syscall } = error as { code?: string; message: string; syscall?: string }
  if (code === 'EADDRINUSE')
    return new CommandError(
      `Port ${config.port} on ${config.host} is taken. Stop what uses it, or name another with --port.`,
    )
  if (code === 'EACCES' && syscall !== 'open')
    return new CommandError(`Port ${config.port} may not be used by this user. Name one above 1023 with --port.`)
  // of a name that is not known the code may be any
  if (code === 'EADDRNOTAVAIL' || syscall === 'getaddrinfo' || (syscall === 'listen' && !isIP(config.host)))
    return new CommandError(`${config.host} is no address of this machine. Name one with --host, or 0.0.0.0 for all.`)
  if (config.tlsCert) {
    const known = TLS_TROUBLES.find(([pattern]) => pattern.test(message))
    return new CommandError(`HTTPS cannot start with --tls-cert and --tls-key: ${known ? known[1] : message}`)
  }
  return new CommandError(`Cannot listen on ${config.host}:${config.port}: ${message}`)
}

/** What an earlier run left when it was killed half-way: files that the catalog does not know. */
function removeLeftOvers(
  dirs: { warehouse: string; models: string; uploads: string },
  files: Set<string>,
  artifacts: Set<string>,
): void {
  for (const [dir, known] of [
    [dirs.warehouse, new Set([...files].flatMap(withCompanions))],
    [dirs.models, artifacts],
    [dirs.uploads, new Set<string>()],
  ] as const)
    for (const name of readdirSync(dir)) {
      if (known.has(name)) continue
      try {
        rmSync(join(dir, name), { recursive: true, force: true })
      } catch (error) {
        log.warn({ file: join(dir, name), ...errorFields(error) }, 'what an earlier run left could not be removed')
      }
    }
}
