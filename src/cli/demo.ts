import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sampleFiles } from '../../models/sample.ts'
import { findAsset } from '../catalog/assets.ts'
import { PLAIN_KEY } from '../catalog/keys.ts'
import { SYSTEM, transaction } from '../catalog/store.ts'
import { readConfig } from '../config.ts'
import { readManifest } from '../management/manifest/read.ts'
import { curl, printCalls } from './calls.ts'
import { CommandError } from './command-error.ts'
import type { Instance } from './instance.ts'
import { print } from './print.ts'
import { apply, runServer } from './run.ts'

const SERVICE = 'flights'

/** `callgate demo`: the sample that is inside the executable, published like any other data, and lines to paste. */
export async function demo(argv: string[]): Promise<number> {
  const { config, positional } = readConfig(argv)
  if (positional.length > 0 || config.manifest)
    throw new CommandError('callgate demo takes settings only; its data is its own.', 2)
  return runServer(config, async instance => {
    await apply(instance, readManifest(await unpackSample(join(config.dataDir, 'demo'))))
    const key = mintDemoKey(instance)
    printCalls(key, [
      curl(instance, key, `${SERVICE}/flight?id=1`),
      curl(instance, key, `${SERVICE}/search?origin=JFK&dest=LAX&limit=3`),
      curl(instance, key, `${SERVICE}/airport?id=JFK`),
      curl(instance, key, `${SERVICE}/late`, {
        features: { month: 7, hour: 20, distance: 872, carrier: 'EV', origin: 'EWR', dest: 'STL' },
      }),
    ])
    print('Stop with Ctrl-C.')
  })
}

/** Native readers cannot see into the executable: the sample is written out. @returns the manifest's path */
async function unpackSample(dir: string): Promise<string> {
  for (const [name, embedded] of Object.entries(sampleFiles)) {
    const path = join(dir, name)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, await Bun.file(embedded).bytes())
  }
  return join(dir, 'demo.yaml')
}

/** A key for this start; the one of the start before is revoked, so that they do not pile up. */
function mintDemoKey({ context: { db, keys } }: Instance): string {
  return transaction(db, tx => {
    const asset = findAsset(tx, SERVICE)!
    const owner = { projectId: asset.projectId, assetId: asset.id }
    for (const old of keys.list(tx, owner))
      if (old.name === 'demo' && old.isActive) keys.update(tx, SYSTEM, old, { isActive: false })
    return keys.mint(tx, SYSTEM, owner, { ...PLAIN_KEY, name: 'demo' }).secret
  })
}
