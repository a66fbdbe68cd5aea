/**
 * `kill -9` at random moments of all that changes the state, over one data directory that goes on through all of it.
 *
 * CALLGATE_KILLS=50 raises the number of kills (10 by default, each kind at least once); CALLGATE_KILL_SEED=n chooses other
 * moments; CALLGATE_KILL_TARGET=executable kills dist/callgate instead of the source.
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, commandOf, FIXTURES, startCallgate, type Target, temporaryFolder } from '../harness.ts'
import { assetOf, csvOf, Ledger, PROJECT, verify } from './ledger.ts'
import { ended, workersOf } from './processes.ts'

setDefaultTimeout(180_000)

const KILLS = Number(process.env.CALLGATE_KILLS ?? 10)
const SEED = Number(process.env.CALLGATE_KILL_SEED ?? 1)
const target = (process.env.CALLGATE_KILL_TARGET ?? 'source') as Target

const folder = temporaryFolder()
const dataDir = join(folder, 'data')
const key = mintSecret('dk')
const env = { CALLGATE_ADMIN_TOKEN: mintSecret('hf'), KILLS_KEY: key }
const ledger = new Ledger()
const random = seeded(SEED)
const start = () => startCallgate({ target, dataDir, env, flags: ['--scoring-workers', '1'] })
const IRIS = readFileSync(join(FIXTURES, 'models/iris.onnx'))
const FEATURES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']
let scope: Record<string, string>
let counter = 1

afterAll(cleanUp)

/** One kind of work, done again and again until the server is gone; `within` is about how long it takes, in ms. */
const KINDS: Record<string, { within: number; work(callgate: Callgate): Promise<boolean> }> = {
  upload: {
    within: 900,
    async work(callgate) {
      const name = random() < 0.5 ? 'up.kept' : `up.new_${++counter}`
      const mark = ledger.datasets.get(name) ?? { acked: 0, tried: 0 }
      ledger.datasets.set(name, mark)
      mark.tried = ++counter
      const form = new FormData()
      form.set('file', new File([csvOf(mark.tried)], 't.csv'))
      form.set('name', name)
      form.set('primary_key', 'id')
      form.set('replace', 'true')
      const acked = await acknowledged(callgate, 'POST', '/api/datasets/file/upload', form)
      if (acked) mark.acked = mark.tried
      return acked
    },
  },
  publish: {
    within: 60,
    async work(callgate) {
      if (!(await KINDS.draft!.work(callgate))) return false
      ledger.published.tried = ledger.draft.acked
      const { id } = marked
      const acked = await acknowledged(callgate, 'POST', `/api/publish/assets/${id}/publish`)
      if (acked) ledger.published.acked = ledger.published.tried
      return acked
    },
  },
  mint: {
    within: 60,
    async work(callgate) {
      const body = { name: 'burst', rate_limit: null }
      const answer = await callgate
        .admin('POST', `/api/publish/assets/${kept.id}/api-keys`, body, scope)
        .catch(() => undefined)
      if (!answer) return false
      expect(answer.status).toBe(201)
      ledger.keys.push(answer.json.key)
      return true
    },
  },
  draft: {
    within: 60,
    async work(callgate) {
      ledger.draft.tried = ++counter
      const acked = await acknowledged(callgate, 'PUT', `/api/publish/assets/${marked.id}`, {
        config: markedConfig(counter),
      })
      if (acked) ledger.draft.acked = ledger.draft.tried
      return acked
    },
  },
  model: {
    within: 900,
    async work(callgate) {
      const version = ++counter
      const bytes = irisWith(version)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      ledger.triedModels.add(sha256)
      const form = new FormData()
      form.set('file', new File([bytes], 'grown.onnx'))
      form.set('name', 'grown')
      form.set('version', String(version))
      form.set('features', JSON.stringify(FEATURES))
      const acked = await acknowledged(callgate, 'POST', '/api/models', form)
      if (acked) ledger.versions.set(version, sha256)
      return acked
    },
  },
}
let marked: { id: number }
let kept: { id: number }

test(
  `kill -9, ${KILLS} times: the next start is clean, nothing acknowledged is lost, nothing half-done shows`,
  async () => {
    await killWhileStarting() // the very first start, which makes the catalog
    let callgate = await setUp()
    const kinds = [...Object.keys(KINDS), 'manifest']
    let longest = 0
    let interrupted = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const kind = kinds[kill % kinds.length]!
      try {
        if (kind === 'manifest') {
          await callgate.stop()
          await killWhileStarting(manifestOf(ledger.manifest.tried + 1))
        } else await killDuring(callgate, kind)
        if (halfDone()) interrupted++
        const started = performance.now()
        callgate = await start()
        longest = Math.max(longest, performance.now() - started)
        await verify(callgate, key, ledger)
        expect(callgate.output()).not.toMatch(/"level":"(warn|error)"/)
      } catch (error) {
        throw new Error(`kill ${kill + 1} (${kind}, CALLGATE_KILL_SEED=${SEED}): ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
    expect(await callgate.stop()).toBe(0)
    await Promise.all(after)
    // else the moments are not what they are meant to be
    if (KILLS >= 50) expect(interrupted).toBeGreaterThan(5)
    console.log(
      `  ${KILLS} kills of the ${target}; half-done files were on disk after ${interrupted}; acknowledged and kept: ` +
        `${ledger.keys.length} keys, ${ledger.versions.size} model versions, ${[...ledger.datasets.values()].filter(d => d.acked).length} datasets; ` +
        `longest start ${Math.round(longest)} ms`,
    )
  },
  15_000 + KILLS * 10_000,
)

/** Whether the kill left something that the next start has to clear. */
function halfDone(): boolean {
  const names = (dir: string) => readdirSync(join(dataDir, dir))
  return (
    names('uploads').length > 0 ||
    names('warehouse').some(n => !n.endsWith('.sqlite')) ||
    names('models').some(n => n.startsWith('.'))
  )
}

/** Everything that the kinds work on, made by a manifest and by the first of each. */
async function setUp(): Promise<Callgate> {
  const manifest = manifestOf(1)
  const callgate = await startCallgate({
    target,
    dataDir,
    env,
    manifest: manifest.content,
    flags: ['--scoring-workers', '1'],
  })
  ledger.manifest.acked = ledger.manifest.tried
  const project = (await callgate.admin('GET', '/api/projects')).json.items.find(
    (p: { slug: string }) => p.slug === PROJECT,
  )
  scope = { 'x-project-id': String(project.project_id) }
  await KINDS.model!.work(callgate)
  const config = { endpoints: [ROW, { id: 'iris', kind: 'model', model: 'grown' }] }
  kept = await published(callgate, 'kept', config)
  marked = await published(callgate, 'marked', markedConfig(1))
  for (const mark of [ledger.draft, ledger.published]) Object.assign(mark, { acked: 1, tried: 1 })
  await verify(callgate, key, ledger)
  return callgate
}

async function published(callgate: Callgate, asset_key: string, config: object): Promise<{ id: number }> {
  const { id } = (
    await callgate.admin('POST', '/api/publish/assets', { asset_type: 'api_service', asset_key, config }, scope)
  ).json
  expect((await callgate.admin('POST', `/api/publish/assets/${id}/publish`)).status).toBe(200)
  return await assetOf(callgate, asset_key)
}

/** Works in two lanes where the order does not matter, and kills at a random moment of it. */
async function killDuring(callgate: Callgate, kind: string): Promise<void> {
  const { within, work } = KINDS[kind]!
  const lane = async () => {
    while (await work(callgate));
  }
  const lanes = Promise.all(kind === 'mint' ? [lane(), lane(), lane()] : [lane()])
  await Bun.sleep(5 + random() * within)
  const workers = workersOf(callgate.process.pid)
  await callgate.kill()
  await lanes
  // every other time the next start does not wait for the workers of the one before
  if (random() < 0.5) await ended(workers)
  else after.push(ended(workers))
  await Promise.all(after.splice(0, after.length - 1))
}
const after: Promise<void>[] = []

/** Kills a start, with or without a manifest, at a random moment before or shortly after it is ready. */
async function killWhileStarting(manifest?: { path: string }): Promise<void> {
  const args = [
    'serve',
    '--data-dir',
    dataDir,
    '--port',
    '0',
    '--scoring-workers',
    '1',
    ...(manifest ? ['--manifest', manifest.path] : []),
  ]
  const runtime = join(folder, 'runtime')
  const child = Bun.spawn([...commandOf(target), ...args], {
    env: { PATH: process.env.PATH ?? '', CALLGATE_RUNTIME_DIR: runtime, ...env },
    cwd: folder,
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const reading = new Response(child.stdout).text()
  await Bun.sleep(100 + random() * (manifest ? 1600 : 400))
  const workers = workersOf(child.pid)
  child.kill('SIGKILL')
  await child.exited
  expect(child.signalCode).toBe('SIGKILL')
  await ended(workers)
  // a manifest that was applied says so: it is acknowledged
  if (manifest && /dataset declared\.b/.test(await reading)) ledger.manifest.acked = ledger.manifest.tried
}

/** Writes the tables of a generation and a manifest that names it. */
function manifestOf(generation: number): { path: string; content: object } {
  ledger.manifest.tried = generation
  const path = join(folder, 'manifest.yaml')
  for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.csv`), csvOf(generation))
  const dataset = (name: string) => ({ name: `declared.${name}`, from: join(folder, `${name}.csv`), primary_key: 'id' })
  const lookup = (id: string) => ({ id, kind: 'lookup', dataset: `declared.${id}`, key_column: 'id' })
  const content = {
    projects: [
      {
        slug: PROJECT,
        datasets: [dataset('a'), dataset('b')],
        services: [
          { key: 'declared', title: `generation ${generation}`, publish: true, endpoints: [lookup('a'), lookup('b')] },
        ],
        keys: [{ name: 'all', secret_env: 'KILLS_KEY' }],
      },
    ],
  }
  writeFileSync(path, stringify(content))
  return { path, content }
}

const ROW = { id: 'row', kind: 'lookup', dataset: 'declared.a', key_column: 'id' }
/** The marker is the name of the column that a call answers with. */
const markedConfig = (n: number) => ({
  endpoints: [
    {
      id: 'row',
      kind: 'sql',
      query: {
        source: { schema: 'declared', table: 'a' },
        columns: [{ column: 'id', as: `m${n}` }],
        pagination: { default_limit: 1 },
      },
    },
  ],
})

/** The iris model with a note of its own in it (the graph's doc_string, the last of which counts): other bytes, same model. */
function irisWith(note: number): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(`kill ${note}`)
  return new Uint8Array(Buffer.concat([IRIS, Buffer.from([0x32, text.length]), text]))
}

/** false: the server is gone. @throws when it answers anything but success */
async function acknowledged(callgate: Callgate, method: string, path: string, body?: unknown): Promise<boolean> {
  const answer = await callgate.admin(method, path, body, scope).catch(() => undefined)
  if (!answer) return false
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
  return true
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
