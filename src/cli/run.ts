import { existsSync, readFileSync } from 'node:fs'
import { SYSTEM } from '../catalog/store.ts'
import type { Config } from '../config.ts'
import { mostFiles } from '../lib/machine.ts'
import { progressReporter } from '../lib/progress.ts'
import { version } from '../lib/version.ts'
import { type Applied, applyManifest } from '../management/manifest/apply.ts'
import type { ReadManifest } from '../management/manifest/read.ts'
import { errorFields, log, surviveStrays } from '../telemetry/log.ts'
import { ensureAdministrator } from './administrator.ts'
import { damagedCatalog } from './data-dir.ts'
import { type Instance, openInstance } from './instance.ts'
import { print } from './print.ts'

/** Beyond what calls may take: programs of deployments have ten seconds of it, from when they are asked to end. */
const LAST_MS = 15_000
/** What is left then of something that hangs, as a process that was stopped while it started, is not waited for. */
const LINGER_MS = 3000
/** With fewer, callers may take them all; those who come then wait, and nothing in the log tells of them. */
const ENOUGH_FILES = 1024
const PREPARING = 'what is to be published is being prepared'

type Publish = (instance: Instance) => Promise<void>

/** Starts, lets `publish` do its part while `/-/ready` says 503, then serves until a signal. */
export async function runServer(config: Config, publish: Publish): Promise<number> {
  try {
    return await serve(config, publish)
  } catch (error) {
    throw damagedCatalog(error, config.dataDir) ?? error
  }
}

async function serve(config: Config, publish: Publish): Promise<number> {
  log.level = config.logLevel
  const instance = openInstance(config)
  const prepared = Promise.withResolvers<void>()
  const ended = endOnSignal(instance, config, prepared.promise)
  instance.waitingFor.add(PREPARING)
  surviveStrays()
  try {
    const token = await ensureAdministrator(instance.context, process.env)
    print(`Callgate ${version} listens on ${instance.url}  (data in ${config.dataDir})`)
    print(`Console: ${instance.url}/console`)
    if (token) print(`Administrator's token, shown only now: ${token}`)
    const files = mostFiles()
    if (files !== undefined && files < ENOUGH_FILES)
      log.warn(
        { files },
        `fewer than ${ENOUGH_FILES} files and connections may be open at once (ulimit -n): when there are none left, calls wait or get 503`,
      )
    await publish(instance)
    for (const lost of instance.context.publisher.registry.missing())
      log.error(
        lost,
        `a file of the data directory ${existsSync(lost.file) ? 'cannot be read' : 'is missing'}: calls that need it get 503`,
      )
  } catch (error) {
    prepared.resolve()
    if (instance.stopping.signal.aborted) return ended
    await instance.stop()
    throw error
  }
  prepared.resolve()
  instance.waitingFor.delete(PREPARING)
  instance.refresher.start()
  return ended
}

/** Applies a manifest with its imports' progress, and what its services warn of, on the terminal. */
export async function apply(instance: Instance, manifest: ReadManifest): Promise<Applied> {
  const applied = await applyManifest(instance.context, SYSTEM, manifest, progressReporter, instance.stopping.signal)
  for (const warning of applied.warnings) print(`  warning: ${warning}`)
  return applied
}

/**
 * SIGTERM: not ready, a moment for load balancers to see it, then the end in order; SIGHUP, which a terminal that closes
 * sends: the same; SIGINT: the same without the moment.
 * A second signal, or the hard limit, ends at once. `prepared` settles when nothing is being published any more.
 */
function endOnSignal(instance: Instance, config: Config, prepared: Promise<void>): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  let ending = false
  const end = async (signal: NodeJS.Signals) => {
    if (ending) process.exit(1)
    ending = true
    log.info({ signal }, 'stopping')
    instance.waitingFor.add('the server is stopping')
    instance.stopping.abort()
    if (signal !== 'SIGINT') await Bun.sleep(config.drainDelay)
    const hard = setTimeout(() => {
      log.error('calls were still under way at the hard limit')
      process.exit(1)
    }, config.requestTimeout + LAST_MS)
    try {
      await prepared
      await instance.stop()
      resolve(0)
    } catch (error) {
      log.error(errorFields(error), 'the end was not clean')
      resolve(1)
    } finally {
      clearTimeout(hard)
      setTimeout(() => process.exit(), LINGER_MS).unref()
    }
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal))
  if (!outlivesTerminal()) process.on('SIGHUP', () => void end('SIGHUP'))
  return promise
}

/**
 * Whether hang-ups were ignored when this process began, as `nohup` has it; a handler of ours would end that. Where the system
 * does not tell, hang-ups are left alone, too.
 */
function outlivesTerminal(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))![1]!
    return Number.parseInt(ignored.at(-1)!, 16) % 2 === 1 // a bit a signal; SIGHUP is the first
  } catch {
    return true
  }
}
