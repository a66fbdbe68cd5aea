import { isIP } from 'node:net'
import { join } from 'node:path'
import { closeCatalog, type Db } from '../../db/connect.ts'
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
import { noticeVanished } from '../lib/vanished.ts'
import type { ManagementContext } from '../management/context.ts'
import { Refresher } from '../management/refresher.ts'
import { AnswerCache } from '../query/cache.ts'
import { Connections } from '../query/engines/postgres/connections.ts'
import { QueryRunner } from '../query/runner.ts'
import { Writer } from '../query/write/writer.ts'
import { FunctionRunner } from '../sandbox/runner.ts'
import { createScorer } from '../scoring/scorer.ts'
import { buildServer } from '../server.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { configureRuntime, removeFormerLibraries } from '../workers/native.ts'
import { CommandError } from './command-error.ts'
import { type Folders, openDataDir, removeLeftOvers } from './data-dir.ts'

const FLUSH_MS = 60_000
/** How long answers of deployments under way may take to end when the server does. */
const LAST_ANSWERS_MS = 10_000

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
  if (config.deploymentUser && !findAccount(config.deploymentUser))
    throw new CommandError(`--deployment-user ${config.deploymentUser}: there is no such user on this system.`, 2)
  // what it and its workers write is nobody else's to read
  process.umask(0o077)
  const { folders, unlock, db, applied } = openDataDir(config.dataDir)
  if (applied.length) log.debug({ migrations: applied }, 'catalog migrated')
  const ownRuntime = join(config.dataDir, 'runtime')
  configureRuntime(config.runtimeDir ?? ownRuntime)
  removeFormerLibraries(ownRuntime)

  const parts = assemble(config, db, folders)
  const { context, gate, runtime } = parts
  const { keys, publisher, fleet, usage } = context
  const { functions, schemas, queries, scorer, writer } = runtime
  const closeAll = () => {
    functions.close()
    schemas.close()
    queries.close()
    closeCatalog(db)
    unlock()
  }
  const waitingFor = new Set<string>()
  const readiness = {
    reasons() {
      const scoring = scorer.status()
      return [...waitingFor, ...(scoring.ready ? [] : [scoring.reason ?? 'scoring workers are starting'])]
    },
  }
  let app: App
  try {
    removeLeftOvers(folders, publisher.filesInUse(), artifactsInUse(db))
    publisher.registry.load(db)
    publisher.loadAll()
    app = buildServer({ gate, fleet, management: context, readiness })
    listen(app, config)
  } catch (error) {
    // nothing that was begun keeps the process from ending
    void scorer.close()
    void fleet.close(0)
    closeAll()
    throw error
  }
  const flushing = setInterval(() => {
    keys.ring.flushInParts().catch(error => log.warn(errorFields(error), 'last-used times could not be written'))
    void usage.flushInParts()
  }, FLUSH_MS)
  const refresher = new Refresher(context)
  const end = async () => {
    const read = refresher.stop()
    await lastAnswers(app, parts)
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
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  return {
    url: `${config.tlsCert ? 'https' : 'http'}://${host}:${app.server!.port}`,
    context,
    refresher,
    waitingFor,
    stopping: new AbortController(),
    stop: () => (ending ??= end()),
  }
}

type App = ReturnType<typeof buildServer>
type Parts = ReturnType<typeof assemble>

/** Everything that a server has, with nothing published in it yet. */
function assemble(config: Config, db: Db, folders: Folders) {
  const secret = installationSecret(db)
  const connections = new Connections(name => databaseUrl(getConnection(db, name)), config.requestTimeout)
  const writer = new Writer(secret)
  const elsewhere = { scratchDir: folders.uploads, connections }
  const runtime = {
    queries: new QueryRunner(config.queryWorkers, elsewhere, file => writer.version(file)),
    writer,
    connections,
    answers: new AnswerCache(config.resultCache),
    scorer: createScorer({
      mode: config.scoring,
      workers: config.scoringWorkers,
      threads: config.scoringThreads,
      memoryBytes: config.modelMemory,
    }),
    functions: new FunctionRunner(config.functionWorkers),
    schemas: new SchemaChecks(),
    fetchNetworks: config.functionNetworks,
    loadAhead: config.modelLoading === 'background',
    warehouseDir: folders.warehouse,
    modelsDir: folders.models,
    secret,
  }
  const registry = new Registry(runtime)
  const publisher = new Publisher(db, registry)
  const keys = new Keys(db)
  const gate = new Gate(keys.ring, registry)
  const fleet = new Fleet(config.dataDir, config.deploymentUser || undefined)
  registry.onDeployments = (project, deployments) => fleet.declare(project, deployments)
  const { limits, meter } = gate
  const usage = new UsageLog(db, meter.counter)
  const uploadsDir = folders.uploads
  const context = { config, db, keys, publisher, fleet, limits, usage, connections, secret, uploadsDir }
  return { runtime, gate, context }
}

/** No new connections; resolves when calls under way have ended, or were broken off. */
async function lastAnswers(app: App, { runtime, context: { config, fleet } }: Parts): Promise<void> {
  const { server } = app
  // an answer that is streamed may take longer than any other call: what is left of those by then is broken off
  const cut = setTimeout(() => runtime.queries.close(), config.requestTimeout + 1000)
  // whoever does not even read what was broken off is not waited for
  const leave = setTimeout(() => server?.stop(true), config.requestTimeout + 2500)
  // answers of deployments that have no end of their own are given one, else the server would wait for them
  const ends = [app.stop(), server && idle(server).then(() => server.stop(true))]
  await Promise.all([...ends, fleet.close(Math.min(LAST_ANSWERS_MS, config.requestTimeout))])
  clearTimeout(cut)
  clearTimeout(leave)
}

/**
 * Waits until every call has had its answer. Bun's own end waits longer: for connections, too, on which nothing was asked yet,
 * which browsers keep ready and load balancers try, until they time out.
 */
async function idle(server: { pendingRequests: number; pendingWebSockets: number }): Promise<void> {
  do await Bun.sleep(50)
  while (server.pendingRequests + server.pendingWebSockets > 0)
}

/** @throws CommandError the address or port cannot be had, or the certificate cannot be used */
function listen(app: App, config: Config): void {
  try {
    app.listen({ hostname: config.host, port: config.port })
    noticeVanished()
  } catch (error) {
    throw listenError(config, error)
  }
}

/** What OpenSSL says of certificates and keys, in words. */
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
