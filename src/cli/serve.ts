import { readConfig } from '../config.ts'
import type { Applied } from '../management/manifest/apply.ts'
import { readManifest } from '../management/manifest/read.ts'
import { CommandError } from './command-error.ts'
import { nameFiles, publishFiles } from './files.ts'
import { print } from './print.ts'
import { apply, runServer } from './run.ts'

/** `callgate serve`: runs until a signal ends it. @returns the exit status */
export async function serve(argv: string[]): Promise<number> {
  const { config, positional } = readConfig(argv)
  if (config.manifest && positional.length > 0)
    throw new CommandError('Either --manifest or files, not both; put the files into the manifest.', 2)
  // what is wrong with these is said before anything is made or begun
  const manifest = config.manifest === undefined ? undefined : readManifest(config.manifest)
  const files = nameFiles(positional)
  return runServer(config, async instance => {
    if (manifest) printMinted(await apply(instance, manifest))
    else if (files.length > 0) await publishFiles(instance, files)
    else if ([...instance.context.publisher.registry.all()].length === 0)
      print(
        'Nothing is published yet. Try "callgate demo", "callgate serve FILE..." or "callgate serve --manifest FILE".',
      )
  })
}

function printMinted({ changes, proposals, minted }: Applied): void {
  for (const line of [...changes, ...proposals]) print(`  ${line}`)
  for (const key of minted)
    print(
      `Key ${key.name} of ${key.service ? `service ${key.service}` : `project ${key.project}`}, shown only now: ${key.secret}`,
    )
}
