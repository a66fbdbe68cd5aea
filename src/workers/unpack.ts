import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../lib/fault.ts'
import type { EmbeddedFile, EmbeddedSet } from './native-embedded.ts'

const ABANDONED_AFTER_MS = 60_000
const remedy =
  'Give --runtime-dir DIR (or CALLGATE_RUNTIME_DIR) a directory on a writable file system that allows execution.'

/** Files of other owners that were hashed in this process. */
const hashed = new Set<string>()

/** 503 whose message tells the operator which directory, what is wrong with it, and what to do. */
export const runtimeUnusable = (what: string, cause?: unknown) =>
  new Fault(503, 'runtime_unusable', `${what} ${remedy}`, { cause })

/**
 * Makes sure that the files of `set` lie in `<runtimeDir>/<set.sha256>` and gives that directory.
 * Safe against other processes doing the same at once: every file appears under its name complete and synced, or not at all.
 * @throws Fault `runtime_unusable`
 */
export async function unpack(set: EmbeddedSet, runtimeDir: string): Promise<string> {
  const dir = join(runtimeDir, set.sha256)
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    if (await mountedNoexec(dir))
      throw runtimeUnusable(`The runtime directory ${runtimeDir} is on a file system that is mounted noexec.`)
    await removeAbandoned(dir)
    for (const file of set.files) if (!(await isIntact(dir, file))) await unpackFile(dir, file)
    return dir
  } catch (error) {
    throw error instanceof Fault ? error : runtimeUnusable(explain(error, runtimeDir, set), error)
  }
}

/** A file is known by its size where only we (or root) can have written it, else by its hash. */
async function isIntact(dir: string, file: EmbeddedFile): Promise<boolean> {
  const path = join(dir, file.name)
  try {
    const [folder, stat] = [await lstat(dir), await lstat(path)]
    if (!stat.isFile() || stat.size !== file.bytes) return false
    const ours = [folder, stat].every(s => (s.uid === process.getuid?.() || s.uid === 0) && (s.mode & 0o022) === 0)
    if (ours || hashed.has(path)) return true
    const hash = new Bun.CryptoHasher('sha256')
    for await (const chunk of Bun.file(path).stream()) hash.update(chunk)
    if (hash.digest('hex') !== file.sha256) return false
    hashed.add(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Streams, so that the main process neither stops answering nor holds 70 MB. */
async function unpackFile(dir: string, file: EmbeddedFile): Promise<void> {
  const temporary = join(dir, `${file.name}.${process.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`)
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const handle = await open(temporary, flags, 0o700)
    try {
      const hash = new Bun.CryptoHasher('sha256')
      for await (const chunk of Bun.file(file.path).stream().pipeThrough(zstd())) {
        hash.update(chunk)
        for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten
      }
      if (hash.digest('hex') !== file.sha256)
        throw new Error(`${file.name} inside the executable is damaged: install Callgate again`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, join(dir, file.name))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** Temporary files that nobody has written to for a minute. (Whose they are is not known here: others may be in another container.) */
async function removeAbandoned(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!/\.\d+\.[0-9a-f]{8}\.tmp$/.test(name)) continue
    const path = join(dir, name)
    const written = await lstat(path).then(
      s => s.mtimeMs,
      () => 0,
    )
    if (Date.now() - written > ABANDONED_AFTER_MS) await rm(path, { force: true })
  }
}

/** Whether Linux would refuse to map code from `dir`: asked here because the child's own failure is much harder to read. */
async function mountedNoexec(dir: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  let table: string
  let real: string
  try {
    ;[table, real] = [await readFile('/proc/self/mountinfo', 'utf8'), await realpath(dir)]
  } catch {
    return false
  }
  let best = { point: '', noexec: false }
  for (const line of table.split('\n')) {
    const [, , , , escaped = '', options = ''] = line.split(' ')
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const holds = point === '/' || real === point || real.startsWith(`${point}/`)
    if (holds && point.length >= best.point.length) best = { point, noexec: options.split(',').includes('noexec') }
  }
  return best.noexec
}

function explain(error: unknown, runtimeDir: string, set: EmbeddedSet): string {
  const code = (error as NodeJS.ErrnoException).code
  const megabytes = Math.ceil(set.files.reduce((sum, file) => sum + file.bytes, 0) / 1e6)
  if (code === 'EROFS') return `The runtime directory ${runtimeDir} is on a read-only file system.`
  if (code === 'EACCES' || code === 'EPERM')
    return `The runtime directory ${runtimeDir} cannot be written by this user (permission denied).`
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `The runtime directory ${runtimeDir} has no room: ${megabytes} MB are needed for native libraries.`
  if (code === 'ENOTDIR' || code === 'EEXIST') return `The runtime directory ${runtimeDir} is, or lies below, a file.`
  if (code === 'ENOENT') return `The runtime directory ${runtimeDir} cannot be made there.`
  return `Native libraries cannot be unpacked into ${runtimeDir} (${code ?? (error as Error).message}).`
}

/** The DOM's type does not know the formats that Bun adds. */
const zstd = () => new DecompressionStream('zstd' as CompressionFormat)
