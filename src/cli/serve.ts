import { SYSTEM } from '../catalog/store.ts'
import { type Config, readConfig } from '../config.ts'
import { progressReporter } from '../lib/progress.ts'
import { version } from '../lib/version.ts'
import { type Applied, applyManifest } from '../management/manifest/apply.ts'
import { type ReadManifest, readManifest } from '../management/manifest/read.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { ensureAdministrator } from './administrator.ts'
import { publishFiles } from './files.ts'
import { type Instance, openInstance } from './instance.ts'
import { StartError } from './start-error.ts'

/** `callgate serve`: runs until a signal ends it. @returns the exit status */
export async function serve(argv: string[]): Promise<number> {
  const { config, positional } = readConfig(argv)
  if (config.manifest && positional.length > 0)
    throw new StartError('Either --manifest or files, not both; put the files into the manifest.')
  return runServer(config, async instance => {
    if (config.manifest) printMinted(await apply(instance, readManifest(config.manifest)))
    else if (positional.length > 0) await publishFiles(instance, positional)
    else if ([...instance.context.publisher.registry.all()].length === 0)
      console.log(
        'Nothing is published yet. Try "callgate demo", "callgate serve FILE..." or "callgate serve --manifest FILE".',
      )
  })
}

const PREPARING = 'what is to be published is being prepared'

/** Starts, lets `publish` do its part while `/-/ready` says 503, then serves until a signal. */
export async function runServer(config: Config, publish: (instance: Instance) => Promise<void>): Promise<number> {
  log.level = config.logLevel
  const instance = openInstance(config)
  const prepared = Promise.withResolvers<void>()
  const ended = endOnSignal(instance, config, prepared.promise)
  instance.waitingFor.add(PREPARING)
  try {
    const token = await ensureAdministrator(instance.context, process.env)
    console.log(`Callgate ${version} listens on ${instance.url}  (data in ${config.dataDir})`)
    if (token) console.log(`Administrator's token, shown only now: ${token}`)
    await publish(instance)
  } catch (error) {
    prepared.resolve()
    if (instance.stopping.signal.aborted) return ended
    await instance.stop()
    throw error
  }
  prepared.resolve()
  instance.waitingFor.delete(PREPARING)
  return ended
}

/** Applies a manifest with its imports' progress on the terminal. */
export function apply(instance: Instance, manifest: ReadManifest): Promise<Applied> {
  const table = (name: string) => {
    const reporter = progressReporter(`importing ${name}`)
    return { update: reporter.update, done: () => reporter.done(), failed: () => reporter.failed() }
  }
  return applyManifest(instance.context, SYSTEM, manifest, { table }, instance.stopping.signal)
}

function printMinted({ changes, minted }: Applied): void {
  for (const change of changes) console.log(`  ${change}`)
  for (const key of minted)
    console.log(
      `Key ${key.name} of ${key.service ? `service ${key.service}` : `project ${key.project}`}, shown only now: ${key.secret}`,
    )
}

/**
 * SIGTERM: not ready, a moment for load balancers to see it, then the end in order; SIGINT: the same without the moment.
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
    if (signal === 'SIGTERM') await Bun.sleep(config.drainDelay)
    const hard = setTimeout(() => {
      log.error('calls were still under way at the hard limit')
      process.exit(1)
    }, config.requestTimeout + 5000)
    try {
      await prepared
      await instance.stop()
      resolve(0)
    } catch (error) {
      log.error(errorFields(error), 'the end was not clean')
      resolve(1)
    } finally {
      clearTimeout(hard)
    }
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal))
  return promise
}
