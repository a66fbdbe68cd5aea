/** Builds the console's files: by `src/build.ts` into the executable, from source when they are first asked for. */
import { basename, join, resolve } from 'node:path'
import type { ConsoleFile, ConsoleFiles } from './embedded.ts'

const root = resolve(import.meta.dir, '../../..')

/** What the files' URLs begin with. */
export const ASSETS = '/console/assets/'

/**
 * @returns the files, and the modules that they were made of
 * @throws AggregateError what does not compile
 */
export async function bundleConsole(): Promise<ConsoleFiles & { modules: string[] }> {
  const { outputs, metafile } = await Bun.build({
    entrypoints: [join(root, 'src/console/main.tsx')],
    root: join(root, 'src/console'),
    target: 'browser',
    format: 'esm',
    splitting: true,
    minify: true,
    env: 'disable',
    publicPath: ASSETS,
    naming: { entry: '[name]-[hash].[ext]', chunk: '[name]-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    define: { 'process.env.NODE_ENV': '"production"' },
    metafile: true,
  })
  const files = await Promise.all(
    outputs.map(async (output): Promise<ConsoleFile> => {
      const gzip = Bun.gzipSync(new Uint8Array(await output.arrayBuffer()), { level: 9 })
      return { name: basename(output.path), gzip }
    }),
  )
  const entry = outputs.find(output => output.kind === 'entry-point' && output.path.endsWith('.js'))!
  return { files, entry: basename(entry.path), modules: Object.keys(metafile!.inputs) }
}
