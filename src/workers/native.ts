import { readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { WorkerKind } from './frames.ts'
import { embedded, type NativeLibrary } from './native-embedded.ts'
import { runtimeUnusable, unpack } from './unpack.ts'

const needed: Record<WorkerKind, NativeLibrary | undefined> = {
  score: 'onnxruntime',
  import: 'duckdb',
  duckdb: 'duckdb',
  query: undefined,
  write: undefined,
  function: undefined,
  guard: undefined,
  body: undefined,
  schema: undefined,
  look: undefined,
}

let runtimeDir: string | undefined
const unpacking = new Map<NativeLibrary, Promise<string>>()

/** Where the executable may unpack its native libraries; made when the first of them is needed. Say it before the first child. */
export function configureRuntime(dir: string): void {
  runtimeDir = resolve(dir)
}

/**
 * Removes from a directory that no other Callgate uses what other versions have unpacked there, 100 MB each. (What a process has
 * loaded stays with it.) One that runs from source, and has no libraries itself, leaves all of it.
 */
export function removeFormerLibraries(dir: string): void {
  const own = Object.values(embedded).map(set => set.sha256)
  if (own.length === 0) return
  try {
    for (const name of readdirSync(dir))
      if (/^[0-9a-f]{64}$/.test(name) && !own.includes(name)) rmSync(join(dir, name), { recursive: true })
  } catch {
    // it is not there yet, or somebody else's: what is wrong with it is told when it is used
  }
}

/**
 * What a child of this kind needs in its spawn environment, its native library unpacked and checked first.
 * Cheap when it was unpacked before, so every start may ask, and a library that was damaged since is repaired.
 * @throws Fault 503 `runtime_unusable`: which directory, what is wrong with it, and what to do
 */
export async function nativeEnvironment(kind: WorkerKind): Promise<Record<string, string>> {
  const library = needed[kind]
  if (!library) return {}
  const environment: Record<string, string> = {}
  // onnxruntime reads this while it is loaded: process.env of the child would be too late
  if (library === 'onnxruntime') environment.ORT_DISABLE_TELEMETRY = '1'
  const set = embedded[library]
  if (!set) return environment
  if (runtimeDir === undefined) throw new Error('configureRuntime was not called before the first child')
  let running = unpacking.get(library)
  if (!running) {
    running = unpack(set, runtimeDir).finally(() => unpacking.delete(library))
    unpacking.set(library, running)
  }
  return { ...environment, CALLGATE_NATIVE_DIR: await running }
}

/** onnxruntime in a scoring child. Never in the main process: its `run` stops the event loop. @throws Fault `runtime_unusable` */
export const loadOnnxruntime = () => load(() => import('onnxruntime-node'))

/** DuckDB in a child. @throws Fault `runtime_unusable` */
export const loadDuckdb = () => load(() => import('@duckdb/node-api'))

async function load<T>(importLibrary: () => Promise<T>): Promise<T> {
  try {
    return await importLibrary()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const dir = process.env.CALLGATE_NATIVE_DIR
    if (code !== 'ERR_DLOPEN_FAILED' || dir === undefined) throw error
    if (/failed to map segment|cannot map|Operation not permitted|Permission denied/i.test(message))
      throw runtimeUnusable(`The native libraries in ${dir} may not be executed there (is it mounted noexec?).`, error)
    const missing =
      /(lib[\w+.-]+): cannot open shared object/.exec(message)?.[1] ?? /version `([\w.]+)' not found/.exec(message)?.[1]
    if (missing)
      throw runtimeUnusable(
        `The native libraries need ${missing}, which this system lacks; they run on Linux with glibc 2.28 or newer and libstdc++.`,
        error,
      )
    throw runtimeUnusable(`The native libraries in ${dir} cannot be loaded.`, error)
  }
}
