/**
 * A whole Callgate for a test: a process of its own on a free port, with a data directory that is removed afterwards.
 * `target` says what runs: the source, or the executable that `bun src/build.ts` made.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { mintSecret } from '../src/lib/secret.ts'
import { STRAY } from '../src/telemetry/log.ts'

export type Target = 'source' | 'executable'
export const TARGETS: Target[] = ['source', 'executable']
/** Of tests that do not say. `bun run test` has just built the executable, which starts in a third of the time. */
export const DEFAULT_TARGET: Target = process.env.CALLGATE_TEST_TARGET === 'executable' ? 'executable' : 'source'

const ROOT = resolve(import.meta.dir, '..')
// a file of tests before this one may have opened a server in this process, which keeps what is written to itself
process.umask(0o022)
export const FIXTURES = join(import.meta.dir, 'fixtures')
export const EXECUTABLE = join(ROOT, 'dist/callgate')
/** Unpacked once for all tests of a user: what one has made another may not write to. */
export const RUNTIME_DIR = join(tmpdir(), `callgate-test-runtime-${userInfo().uid}`)

export function commandOf(target: Target): string[] {
  return target === 'executable' ? [EXECUTABLE] : [process.execPath, join(ROOT, 'src/main.ts')]
}

export interface StartOptions {
  target?: Target
  /** a copy of the executable to be run in its place */
  executable?: string
  /** a manifest as an object; its paths must be absolute or relative to `folder` */
  manifest?: object
  /** where the manifest is written, when it matters: programs run there */
  folder?: string
  /** files to be served instead of a manifest */
  files?: string[]
  /** the command, when it is not `serve` */
  command?: string
  flags?: string[]
  env?: Record<string, string>
  /** kept across starts when given; the caller removes it */
  dataDir?: string
  /** false: do not wait for /-/ready */
  waitReady?: boolean
}

export interface Callgate {
  url: string
  dataDir: string
  adminToken: string
  process: Bun.Subprocess
  /** what it printed so far, both streams */
  output(): string
  /** a request; a string body is sent as it is, anything else as JSON */
  call(path: string, init?: CallInit): Promise<Answer>
  /** a request to the management API as the administrator */
  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** SIGTERM, and the exit status */
  stop(): Promise<number>
  kill(): Promise<void>
}

export interface CallInit {
  method?: string
  key?: string
  headers?: Record<string, string>
  body?: unknown
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  /** the parsed body; undefined when it is not JSON */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any
}

/** A start imports files, too, which a busy machine takes minutes for. */
const START_MS = 150_000
const running = new Set<Callgate>()
const folders = new Set<string>()
/** what each server that was started has printed */
const outputs: (() => string)[] = []

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callgate-test-'))
  folders.add(folder)
  return folder
}

/** Starts a Callgate and waits until it is ready. @throws Error with its output when it ends or takes too long */
export async function startCallgate(options: StartOptions = {}): Promise<Callgate> {
  const folder = temporaryFolder()
  const dataDir = options.dataDir ?? join(folder, 'data')
  const args = [options.command ?? 'serve', ...(options.files ?? [])]
  if (options.manifest) {
    const path = join(options.folder ?? folder, 'callgate.yaml')
    writeFileSync(path, stringify(options.manifest))
    args.push('--manifest', path)
  }
  const adminToken = options.env?.CALLGATE_ADMIN_TOKEN ?? mintSecret('hf')
  const program = options.executable ? [options.executable] : commandOf(options.target ?? DEFAULT_TARGET)
  const child = Bun.spawn([...program, ...args, '--data-dir', dataDir, '--port', '0', ...(options.flags ?? [])], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? '',
      CALLGATE_DRAIN_DELAY: '0s',
      CALLGATE_RUNTIME_DIR: RUNTIME_DIR,
      CALLGATE_ADMIN_TOKEN: adminToken,
      ...options.env,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let output = ''
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) output += decoder.decode(chunk, { stream: true })
  }
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)])
  const url = await waitFor(() => {
    if (child.exitCode !== null || child.signalCode) throw new Error(`Callgate ended (${child.exitCode}): ${output}`)
    return /listens on (\S+)/.exec(output)?.[1]
  }, START_MS)
  const callgate: Callgate = {
    url,
    dataDir,
    adminToken,
    process: child,
    output: () => output,
    call: (path, init) => send(url + path, init),
    admin: (method, path, body, headers) =>
      send(url + path, { method, body, headers: { authorization: `Bearer ${adminToken}`, ...headers } }),
    async stop() {
      running.delete(callgate)
      child.kill('SIGTERM')
      const status = await child.exited
      await collected
      return status
    },
    async kill() {
      running.delete(callgate)
      child.kill('SIGKILL')
      await child.exited
    },
  }
  running.add(callgate)
  outputs.push(callgate.output)
  if (options.waitReady !== false)
    await waitFor(async () => {
      if (child.exitCode !== null || child.signalCode) throw new Error(`Callgate ended (${child.exitCode}): ${output}`)
      const ready = await send(`${url}/-/ready`).catch(() => undefined) // it may be ending: the next look says so
      return ready?.status === 200 || undefined
    }, START_MS)
  return callgate
}

const send = (url: string, init: CallInit = {}): Promise<Answer> =>
  announced(`${init.method ?? ''} ${url}`, answerOf(url, init))

async function answerOf(url: string, { method, key, headers = {}, body }: CallInit): Promise<Answer> {
  const json =
    body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array) && !(body instanceof FormData)
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(json ? { 'content-type': 'application/json' } : {}),
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...headers,
    },
    body: (json ? JSON.stringify(body) : body) as string | undefined,
    redirect: 'manual',
  })
  const text = await response.text()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {}
  return { status: response.status, headers: response.headers, text, json: parsed }
}

/**
 * Milliseconds of CPU time that this process, its other threads among it, takes for a piece of work: on a machine that others use,
 * too, the time that passes says nothing.
 */
export function cpuOf(work: () => void): number
export function cpuOf(work: () => Promise<void>): Promise<number>
export function cpuOf(work: () => void | Promise<void>): number | Promise<number> {
  const before = process.cpuUsage()
  const taken = () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const working = work()
  return working ? working.then(taken) : taken()
}

/** How long something may take before a test says what it waits for: its own time-out does not. */
const SILENCE_MS = 20_000

/** Says again and again, while this takes long, what is waited for and where. */
async function announced<T>(what: string, work: Promise<T>, { stack } = new Error()): Promise<T> {
  const began = performance.now()
  const telling = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000)
    console.error(`waits for ${seconds} s: ${what}${stack?.slice(stack.indexOf('\n    at '))}`)
  }, SILENCE_MS)
  try {
    return await work
  } finally {
    clearInterval(telling)
  }
}

/** Polls until there is a value. @throws Error after 60 s, or what `probe` throws */
export function waitFor<T>(probe: () => T | undefined | Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const late = new Error(`it did not come about in ${timeoutMs / 1000} s: ${probe}`)
  const polling = async () => {
    for (const end = performance.now() + timeoutMs; ; ) {
      const value = await probe()
      if (value !== undefined) return value
      if (performance.now() > end) throw late
      await Bun.sleep(20)
    }
  }
  return announced(`${probe}`, polling(), late)
}

/**
 * For `afterAll`: ends what a test left running and removes its folders.
 * @throws Error a server had a failure that nobody waited for
 */
export async function cleanUp(): Promise<void> {
  for (const callgate of running) await callgate.kill()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  folders.clear()
  const strays = outputs.splice(0).filter(output => output().includes(STRAY))
  if (strays.length > 0) throw new Error(strays.map(output => output()).join('\n'))
}
