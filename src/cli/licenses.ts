import { embedded } from '../licenses/embedded.ts'
import { CommandError } from './command-error.ts'
import { print } from './print.ts'

/** `callgate licenses`: the licences and notices of all software inside the executable. */
export async function licenses(rest: string[]): Promise<number> {
  if (rest.length > 0) throw new CommandError('callgate licenses takes nothing more.', 2)
  if (embedded === undefined)
    throw new CommandError(
      'only the executable has the licences of what is in it; from source, they are in node_modules.',
    )
  const compressed = await Bun.file(embedded).bytes()
  print(Bun.zstdDecompressSync(compressed).toString().trimEnd())
  return 0
}
