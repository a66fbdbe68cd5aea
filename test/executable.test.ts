/** What the one file promises wherever it is put. `bun src/build.ts` comes first, as in `bun run test`. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import {
  type Callgate,
  cleanUp,
  EXECUTABLE,
  FIXTURES,
  type StartOptions,
  startCallgate,
  temporaryFolder,
  waitFor,
} from './harness.ts'

const REMEDY = /Give --runtime-dir DIR \(or CALLGATE_RUNTIME_DIR\)/
const asRoot = process.getuid?.() === 0
/** Read-only directories do not bind root: there the executable runs as nobody. */
const unprivileged = asRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []

beforeAll(() => {
  if (!existsSync(EXECUTABLE)) throw new Error('dist/callgate is missing: run "bun src/build.ts" first')
})
let mounted: string | undefined
const noexec = noexecFolder()
afterAll(async () => {
  await cleanUp()
  if (mounted) Bun.spawnSync(['umount', mounted])
  if (noexec) rmSync(noexec, { recursive: true, force: true })
})

test('the lock file has the native libraries of every platform that it can be built on', () => {
  const locked = readFileSync(join(import.meta.dir, '../bun.lock'), 'utf8')
  for (const platform of ['linux-x64', 'linux-arm64', 'darwin-arm64'])
    for (const name of [`@duckdb/node-bindings-${platform}`, `@biomejs/cli-${platform}`])
      expect(locked).toContain(`"${name}": [`)
})

function start(runtimeDir: string, options: StartOptions = {}): Promise<Callgate> {
  return startCallgate({ target: 'executable', ...options, env: { ...options.env, CALLGATE_RUNTIME_DIR: runtimeDir } })
}

async function run(command: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const child = Bun.spawn(command, { env: {}, stdout: 'pipe', stderr: 'pipe', ...options })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { status: await child.exited, stdout, stderr }
}

function table(): string {
  const path = join(temporaryFolder(), 'sales.csv')
  writeFileSync(path, 'id,amount\n1,2.5\n2,3.5\n')
  return path
}

/** `{ <set>: [file, ...] }` of a runtime directory. */
function unpacked(runtimeDir: string): string[][] {
  return readdirSync(runtimeDir).map(set => readdirSync(join(runtimeDir, set)).sort())
}

const onnxruntime = expect.arrayContaining([expect.stringMatching(/^libonnxruntime/), 'onnxruntime_binding.node'])

describe('the executable', () => {
  test('stays under 158 MB', () => {
    expect(statSync(EXECUTABLE).size).toBeLessThan(158_000_000)
  })

  test('says its version in an empty directory with an empty environment, and writes nothing there', async () => {
    const cwd = temporaryFolder()
    const { status, stdout } = await run([EXECUTABLE, 'version'], { cwd })
    expect(status).toBe(0)
    expect(stdout.trim().split('+')[0]).toBe(manifest.version)
    expect(readdirSync(cwd)).toEqual([])
  })

  test('obeys no .env, bunfig.toml, tsconfig.json or node_modules of the directory somebody stands in', async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, '.env'), 'CALLGATE_HOST=192.0.2.1\n')
    writeFileSync(join(cwd, 'bunfig.toml'), 'preload = ["./loud.ts"]\n')
    writeFileSync(join(cwd, 'tsconfig.json'), '{"compilerOptions":{"paths":{"*":["./loud.ts"]}}}')
    writeFileSync(join(cwd, 'loud.ts'), 'console.log("loud")\n')
    mkdirSync(join(cwd, 'node_modules/elysia'), { recursive: true })
    writeFileSync(join(cwd, 'node_modules/elysia/index.js'), 'console.log("loud")\n')
    const { status, stdout, stderr } = await run([EXECUTABLE, 'health'], { cwd, env: { CALLGATE_PORT: '1' } })
    expect(stdout).toBe('')
    expect(stderr).toContain('http://127.0.0.1:1/-/alive does not answer')
    expect(status).toBe(1)
  })

  test('imports and scores alone in a folder, as an unprivileged user, and writes only where it was told', async () => {
    const folder = temporaryFolder()
    const at = (name: string) => join(folder, name)
    chmodSync(folder, 0o755)
    copyFileSync(EXECUTABLE, at('callgate'))
    copyFileSync(join(FIXTURES, 'models/late_arrival.onnx'), at('late_arrival.onnx'))
    writeFileSync(at('sales.csv'), 'id,amount\n1,2.5\n')
    for (const name of ['home', 'tmp', 'cwd', 'data', 'runtime']) {
      mkdirSync(at(name))
      chmodSync(at(name), 0o777)
    }
    const files = [at('sales.csv'), at('late_arrival.onnx')]
    const dirs = ['--data-dir', at('data'), '--runtime-dir', at('runtime')]
    const env = { HOME: at('home'), TMPDIR: at('tmp'), CALLGATE_DRAIN_DELAY: '0s' }
    const command = [...unprivileged, at('callgate'), 'serve', ...files, '--port', '0', ...dirs]
    const child = Bun.spawn(command, { cwd: at('cwd'), env, stdout: 'pipe', stderr: 'inherit' })
    let output = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of child.stdout) {
        output += decoder.decode(chunk, { stream: true })
        if (/dk_\w{36}\n/.test(output)) break
      }
      const url = /listens on (\S+)/.exec(output)?.[1]
      const headers = { 'x-api-key': /dk_\w{36}/.exec(output)?.[0] ?? '', 'content-type': 'application/json' }
      await waitFor(async () => (await fetch(`${url}/-/ready`)).ok || undefined)
      const rows = await fetch(`${url}/api/service/files/sales_by_id?id=1`, { headers })
      expect(await rows.json()).toMatchObject({ rows: [{ id: 1, amount: 2.5 }] })
      const features = { month: 7, hour: 20, distance: 872, carrier: 'EV', origin: 'EWR', dest: 'STL' }
      const body = JSON.stringify({ features })
      const scored = await fetch(`${url}/api/service/files/late_arrival`, { method: 'POST', headers, body })
      expect(await scored.json()).toMatchObject({ predictions: [0], count: 1 })
    } finally {
      child.kill('SIGTERM')
      await child.exited
    }
    expect(['home', 'tmp', 'cwd'].flatMap(name => readdirSync(at(name)))).toEqual([])
    const made = ['callgate', 'cwd', 'data', 'home', 'late_arrival.onnx', 'runtime', 'sales.csv', 'tmp']
    expect(readdirSync(folder).sort()).toEqual(made)
  })

  test('starts its workers when another was put in its place, or none is there any more', async () => {
    const folder = temporaryFolder()
    const executable = join(folder, 'callgate')
    copyFileSync(EXECUTABLE, executable)
    const callgate = await startCallgate({ executable, manifest: { projects: [{ slug: 'shop', name: 'Shop' }] } })
    writeFileSync(join(folder, 'next'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    const replacements = [() => renameSync(join(folder, 'next'), executable), () => rmSync(executable)]
    for (const [i, replace] of replacements.entries()) {
      replace()
      const form = new FormData()
      form.append('file', new File(['id,amount\n1,2.5\n'], 'sales.csv'))
      form.append('name', `shop.sales${i}`)
      const imported = await fetch(`${callgate.url}/api/datasets/file/upload`, {
        method: 'POST',
        body: form,
        headers: { authorization: `Bearer ${callgate.adminToken}`, 'x-project-id': '1' },
      })
      expect(imported.status, await imported.text()).toBe(201)
    }
    expect(await callgate.stop()).toBe(0)
  })

  test('refuses to be a worker of nobody', async () => {
    for (const kind of ['score', 'nonsense']) expect((await run([EXECUTABLE, 'worker', kind])).status).toBe(2)
  })
})

describe('its native libraries', () => {
  test('are unpacked privately, each when it is first needed', async () => {
    const runtime = join(temporaryFolder(), 'runtime')
    const callgate = await start(runtime)
    expect(unpacked(runtime)).toEqual([onnxruntime])
    const set = join(runtime, readdirSync(runtime)[0]!)
    for (const path of [runtime, set, ...readdirSync(set).map(name => join(set, name))])
      expect(statSync(path).mode & 0o077).toBe(0)
    expect(await callgate.stop()).toBe(0)

    const importing = await start(runtime, { files: [table()] })
    expect(readdirSync(runtime)).toHaveLength(2)
    await importing.stop()
  })

  test("that other versions left in the data directory are gone after a start, and nothing else there or in a directory of one's own", async () => {
    const folder = temporaryFolder()
    const [dataDir, shared] = ['data', 'shared'].map(name => join(folder, name)) as [string, string]
    const former = ['a1'.repeat(32), 'notes', 'b'.repeat(63)]
    for (const dir of [join(dataDir, 'runtime'), shared])
      for (const name of former) {
        mkdirSync(join(dir, name), { recursive: true })
        writeFileSync(join(dir, name, 'lib.so'), 'former')
      }
    const left = (dir: string) => former.filter(name => existsSync(join(dir, name, 'lib.so')))
    await (await start(shared, { dataDir: join(folder, 'other') })).stop()
    expect(left(shared)).toEqual(former)
    for (let starts = 0; starts < 2; starts++) {
      await (await start('', { dataDir })).stop()
      expect(left(join(dataDir, 'runtime'))).toEqual(former.slice(1))
      expect(unpacked(join(dataDir, 'runtime'))).toContainEqual(onnxruntime)
    }
  })

  test('are unpacked into one directory by two that start at once', async () => {
    const runtime = join(temporaryFolder(), 'runtime')
    const both = await Promise.all([1, 2].map(() => start(runtime, { files: [table()] })))
    expect(
      unpacked(runtime)
        .flat()
        .filter(name => name.endsWith('.tmp')),
    ).toEqual([])
    expect(unpacked(runtime)).toHaveLength(2)
    for (const callgate of both) await callgate.stop()
  })

  test('are repaired where one was truncated, and what a killed run left is removed', async () => {
    const runtime = join(temporaryFolder(), 'runtime')
    await (await start(runtime)).stop()
    const set = join(runtime, readdirSync(runtime)[0]!)
    const library = join(set, readdirSync(set).find(name => name.startsWith('libonnxruntime'))!)
    const whole = readFileSync(library)
    truncateSync(library, 1000)
    const left = `${library}.1234567890.0123abcd.tmp`
    writeFileSync(left, 'half')
    const twoMinutesAgo = Date.now() / 1000 - 120
    utimesSync(left, twoMinutesAgo, twoMinutesAgo)
    // a process of another container, which is not to be seen here, may be writing this one
    const written = `${library}.1234567890.4567cdef.tmp`
    writeFileSync(written, 'half')
    await (await start(runtime)).stop()
    expect(Bun.hash(readFileSync(library))).toBe(Bun.hash(whole))
    expect(unpacked(runtime)).toEqual([onnxruntime])
    expect(
      unpacked(runtime)
        .flat()
        .filter(name => name.endsWith('.tmp')),
    ).toEqual([basename(written)])
  })

  test('that cannot be unpacked: the command says which directory, why and what to do, in one line', async () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    const [locked, file, data, sales] = ['locked', 'file', 'data', 'sales.csv'].map(name => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ]
    writeFileSync(file, '')
    writeFileSync(sales, 'id\n1\n')
    for (const [dir, mode] of [
      [locked, 0o555],
      [data, 0o777],
    ] as const) {
      mkdirSync(dir)
      chmodSync(dir, mode)
    }
    copyFileSync(EXECUTABLE, join(folder, 'callgate'))
    for (const [runtime, reason] of [
      [join(locked, 'runtime'), 'cannot be written by this user'],
      [join(file, 'runtime'), 'is, or lies below, a file'],
    ] as const) {
      const command = [...unprivileged, join(folder, 'callgate'), 'serve', sales, '--port', '0']
      const { status, stderr } = await run([...command, '--data-dir', data, '--runtime-dir', runtime], { cwd: folder })
      const line = stderr.split('\n').find(text => text.startsWith('callgate: '))
      expect(status, stderr).toBe(1)
      expect(line).toContain(`The runtime directory ${runtime} ${reason}`)
      expect(line).toMatch(REMEDY)
    }
  })

  test.skipIf(noexec === undefined)(
    'on a file system mounted noexec: HTTP stays up, /-/ready says that it is not, and the log what to do',
    async () => {
      const callgate = await start(noexec!, { waitReady: false })
      await waitFor(() => (REMEDY.test(callgate.output()) ? true : undefined))
      expect(callgate.output()).toContain(`The runtime directory ${noexec} is on a file system that is mounted noexec`)
      const answer = await callgate.call('/-/ready')
      expect(answer.status).toBe(503)
      expect(answer.text).not.toContain(noexec!)
      expect((await callgate.call('/-/alive')).status).toBe(200)
      await callgate.stop()
    },
  )
})

/** A new folder on a writable tmpfs that forbids execution: one that is there (a container's /dev/shm often is), or, as root, one of our own. */
function noexecFolder(): string | undefined {
  if (process.platform !== 'linux') return undefined
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point = '', type, options = ''] = line.split(' ')
    if (type !== 'tmpfs' || !['rw', 'noexec'].every(option => options.split(',').includes(option))) continue
    try {
      return mkdtempSync(join(point, 'callgate-noexec-'))
    } catch {}
  }
  if (process.getuid?.() !== 0) return undefined
  const own = mkdtempSync(join(tmpdir(), 'callgate-noexec-'))
  if (Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'noexec,size=256m', 'tmpfs', own]).success) {
    mounted = own
    return own
  }
  rmSync(own, { recursive: true })
  console.warn('skipped: no noexec file system here, and none can be mounted')
  return undefined
}
