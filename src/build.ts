/**
 * The only build script: `bun src/build.ts [--target bun-linux-x64-baseline] [--outfile dist/callgate]`.
 * One executable from src/main.ts, with the target's native libraries inside; what it unpacks is in src/workers/unpack.ts.
 */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { gatherNotices, noticesDocument, packageFolders } from './licenses/gather.ts'
import { bundleConsole } from './protocols/console/bundle.ts'
import type { ConsoleFiles } from './protocols/console/embedded.ts'
import type { EmbeddedSet, NativeLibrary } from './workers/native-embedded.ts'

const root = resolve(import.meta.dir, '..')
const cache = join(root, 'node_modules/.cache/callgate')
const MAX_BYTES = 158_000_000
const ZSTD_LEVEL = 12

const flags = readFlags()
const target = (flags.target ?? `bun-${process.platform}-${process.arch}`) as Bun.Build.CompileTarget
const outfile = resolve(flags.outfile ?? join(root, 'dist/callgate'))
const [platform, arch] = platformOf(target)
const started = performance.now()

const sets: Record<NativeLibrary, EmbeddedSet> = {
  onnxruntime: await compress('onnxruntime', join(packageDir('onnxruntime-node', root), 'bin/napi-v6', platform, arch)),
  duckdb: await compress('duckdb', duckdbDir()),
}
const version = manifest.version + commit()
console.log(`compiling callgate ${version} for ${target}`)
// another build may be under way
const aside = await mkdtemp(join(cache, 'console-'))
try {
  const bundled = await bundleConsole()
  const program = {
    entrypoints: [join(root, 'src/main.ts')],
    target: 'bun',
    format: 'esm',
    // Elysia reads the source of handlers, which renamed identifiers break
    minify: { whitespace: true, syntax: true, identifiers: false },
    env: 'disable',
    define: {
      CALLGATE_VERSION: JSON.stringify(version),
      // Libraries in their development mode put callers' values into errors
      'process.env.NODE_ENV': '"production"',
      // CommonJS packages would carry the path of the machine that built them
      __dirname: '"/"',
      __filename: '"/"',
    },
    loader: { '.zst': 'file', '.gz': 'file' },
  } satisfies Bun.BuildConfig
  const plugins: Bun.BunPlugin[] = [
    { name: 'native-libraries', setup: placeNativeLibraries },
    { name: 'webassembly', setup: await webAssembly() },
    { name: 'console', setup: await placeConsole(bundled, aside) },
  ]
  // which packages are in it, only a bundle tells
  const { metafile } = await Bun.build({ ...program, plugins, metafile: true })
  const folders = packageFolders([...Object.keys(metafile!.inputs), ...bundled.modules])
  const notices = noticesDocument(gatherNotices([...folders, duckdbDir()]))
  await Bun.build({
    ...program,
    plugins: [...plugins, { name: 'licenses', setup: await placeNotices(notices) }],
    // Without --target Bun copies itself, and downloads nothing
    compile: {
      ...(flags.target === undefined ? {} : { target }),
      outfile,
      // The folder that somebody happens to stand in has no say in what the server does
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    bytecode: true,
  })
} catch (error) {
  const problems = error instanceof AggregateError ? error.errors : [error]
  for (const problem of problems) console.error(String(problem))
  process.exitCode = 1
} finally {
  await rm(aside, { recursive: true, force: true })
}
if (process.exitCode) process.exit()
const { size } = await stat(outfile)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(`${relative(process.cwd(), outfile)}: ${(size / 1e6).toFixed(1)} MB in ${seconds} s`)
if (size >= MAX_BYTES) {
  console.error(`the executable must stay under ${MAX_BYTES / 1e6} MB`)
  process.exit(1)
}

/** The embedded table takes the place of the empty one, and both packages load from where `nativeEnvironment` unpacked. */
function placeNativeLibraries(build: Bun.PluginBuilder): void {
  const open = (name: string) =>
    `(module => (process.dlopen(module, process.env.CALLGATE_NATIVE_DIR + ${JSON.stringify(`/${name}`)}), module.exports))({ exports: {} })`

  build.onLoad({ filter: /src\/workers\/native-embedded\.ts$/ }, () => {
    const imports: string[] = []
    const tables = Object.entries(sets).map(([library, { sha256, files }]) => {
      const rows = files.map(({ path, ...file }) => {
        const name = `file${imports.length}`
        imports.push(`import ${name} from ${JSON.stringify(path)} with { type: 'file' }`)
        return `{ ...${JSON.stringify(file)}, path: ${name} }`
      })
      return `${library}: { sha256: '${sha256}', files: [${rows.join(', ')}] }`
    })
    return { loader: 'js', contents: `${imports.join('\n')}\nexport const embedded = { ${tables.join(', ')} }` }
  })
  build.onLoad({ filter: /onnxruntime-node\/dist\/binding\.js$/ }, async ({ path }) => {
    const parts = (await Bun.file(path).text()).split(/require\(`[^`]*onnxruntime_binding\.node`\)/)
    if (parts.length !== 2) throw new Error('onnxruntime-node loads its binding in a new way: adapt src/build.ts')
    return { loader: 'js', contents: parts.join(open('onnxruntime_binding.node')) }
  })
  build.onLoad({ filter: /@duckdb\/node-bindings\/duckdb\.js$/ }, () => ({
    loader: 'js',
    contents: `module.exports = ${open('duckdb.node')}`,
  }))
}

/** WebAssembly goes in compressed. `src/sandbox/engine.ts` sees that the engine is; the type stripper's module is in its script. */
async function webAssembly(): Promise<Bun.BunPlugin['setup']> {
  const engine = await compressed(
    await Bun.file(join(packageDir('quickjs-wasi', root), 'quickjs.wasm')).bytes(),
    'quickjs',
  )
  const script = await Bun.file(join(packageDir('@swc/wasm-typescript', root), 'wasm.js')).text()
  const [before, module, after, ...more] = script.split(/Buffer\.from\('([\w+/=]+)', 'base64'\)/)
  if (after === undefined || more.length > 0)
    throw new Error('@swc/wasm-typescript holds its module in a new way: adapt src/build.ts')
  const stripper = await compressed(Buffer.from(module!, 'base64'), 'wasm-typescript')
  const read = `Bun.zstdDecompressSync(require('node:fs').readFileSync(require(${JSON.stringify(stripper.path)})))`
  return build => {
    build.onLoad({ filter: /quickjs-wasi\/quickjs\.wasm$/ }, async () => ({
      loader: 'file',
      contents: await Bun.file(engine.path).bytes(),
    }))
    build.onLoad({ filter: /@swc\/wasm-typescript\/wasm\.js$/ }, () => ({
      loader: 'js',
      contents: before + read + after,
    }))
  }
}

/** The console's files take the place of none. They are written aside, for the compiler to take them from there. */
async function placeConsole({ files, entry }: ConsoleFiles, folder: string): Promise<Bun.BunPlugin['setup']> {
  const table = await Promise.all(
    files.map(async ({ name, gzip }, i) => {
      const path = join(folder, `${name}.gz`)
      await Bun.write(path, gzip as Uint8Array<ArrayBuffer>)
      return {
        take: `import file${i} from ${JSON.stringify(path)} with { type: 'file' }`,
        row: `{ name: ${JSON.stringify(name)}, gzip: file${i} }`,
      }
    }),
  )
  const contents = `${table.map(file => file.take).join('\n')}
export const embedded = { entry: ${JSON.stringify(entry)}, files: [${table.map(file => file.row).join(', ')}] }`
  return build => {
    build.onLoad({ filter: /protocols\/console\/embedded\.ts$/ }, () => ({ loader: 'js', contents }))
  }
}

async function placeNotices(notices: string): Promise<Bun.BunPlugin['setup']> {
  const { path } = await compressed(Buffer.from(notices), 'licences')
  const contents = `import path from ${JSON.stringify(path)} with { type: 'file' }\nexport const embedded = path`
  return build => {
    build.onLoad({ filter: /src\/licenses\/embedded\.ts$/ }, () => ({ loader: 'js', contents }))
  }
}

/** The library's files, each compressed once into the cache under the hash of what it was made from. */
async function compress(library: NativeLibrary, dir: string): Promise<EmbeddedSet> {
  const names = (await readdir(dir).catch(() => [])).filter(name => /\.(node|dylib|so(\.\d+)*)$/.test(name)).sort()
  if (names.length === 0)
    fail(`${library} for ${platform}-${arch} is not installed: bun install --os ${platform} --cpu ${arch}`)
  await mkdir(cache, { recursive: true })
  const files = await Promise.all(
    names.map(async name => {
      const content = withoutDebugSymbols(await Bun.file(join(dir, name)).bytes())
      return { name, bytes: content.length, ...(await compressed(content, name)) }
    }),
  )
  return { sha256: hash(files.map(file => `${file.sha256}  ${file.name}\n`).join('')), files }
}

/** @returns the content's hash, and where it is compressed: in the cache, under that */
async function compressed(content: Uint8Array, name: string): Promise<{ sha256: string; path: string }> {
  const sha256 = hash(content)
  const path = join(cache, `${sha256.slice(0, 32)}-${ZSTD_LEVEL}.zst`)
  if (!(await Bun.file(path).exists())) {
    console.log(`compressing ${name}`)
    const temporary = `${path}.${process.pid}.tmp`
    await Bun.write(temporary, await Bun.zstdCompress(content as Uint8Array<ArrayBuffer>, { level: ZSTD_LEVEL }))
    await rename(temporary, path)
  }
  return { sha256, path }
}

/**
 * A 64-bit ELF file cut after the last segment that is ever mapped: what follows (section headers, and DuckDB's 11 MB of
 * symbol tables) is for linkers and debuggers, and costs 1.6 MB compressed. Anything else comes back as it is.
 */
function withoutDebugSymbols(content: Uint8Array): Uint8Array {
  const elf = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const isElf64LittleEndian = elf.getUint32(0) === 0x7f454c46 && elf.getUint16(4) === 0x0201
  if (!isElf64LittleEndian) return content
  const [table, entrySize, entries] = [
    Number(elf.getBigUint64(32, true)),
    elf.getUint16(54, true),
    elf.getUint16(56, true),
  ]
  let end = table + entrySize * entries
  for (let at = table; at < table + entrySize * entries; at += entrySize)
    end = Math.max(end, Number(elf.getBigUint64(at + 8, true) + elf.getBigUint64(at + 32, true)))
  const cut = content.slice(0, end)
  const header = new DataView(cut.buffer)
  header.setBigUint64(40, 0n, true) // no section headers: their offset, number and name table
  header.setUint16(60, 0, true)
  header.setUint16(62, 0, true)
  return cut
}

function duckdbDir(): string {
  const bindings = packageDir('@duckdb/node-bindings', packageDir('@duckdb/node-api', root))
  try {
    return packageDir(`@duckdb/node-bindings-${platform}-${arch}`, bindings)
  } catch {
    return ''
  }
}

function packageDir(name: string, from: string): string {
  return dirname(Bun.resolveSync(`${name}/package.json`, from))
}

function platformOf(name: string): [platform: string, arch: string] {
  const [, platform, arch, rest] = /^bun-(linux|darwin)-(x64|arm64|aarch64)((?:-\w+)*)$/.exec(name) ?? []
  if (!platform || !arch || rest?.includes('musl'))
    return fail(`${name}: the native libraries are there for linux (glibc) and darwin, on x64 and arm64`)
  return [platform, arch === 'aarch64' ? 'arm64' : arch]
}

/** `+1a2b3c4`, or nothing outside a git checkout. */
function commit(): string {
  try {
    const git = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--exclude', '*'], {
      cwd: root,
      // not of a checkout that only holds this folder
      env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(root) },
      stderr: 'ignore',
    })
    return git.success ? `+${git.stdout.toString().trim()}` : ''
  } catch {
    return ''
  }
}

function hash(data: string | Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(data).digest('hex')
}

function readFlags(): { target?: string; outfile?: string } {
  try {
    return parseArgs({ options: { target: { type: 'string' }, outfile: { type: 'string' } } }).values
  } catch (error) {
    return fail(`${(error as Error).message}: bun src/build.ts [--target bun-linux-x64-baseline] [--outfile FILE]`)
  }
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
