/** What a disk costs that is full, or takes no more: what has to be written, with an answer, and nothing else. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { LogFile } from '../../src/deployments/guard/log-file.ts'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, commandOf, FIXTURES, startCallgate, temporaryFolder } from '../harness.ts'
import { workersOf } from './processes.ts'

setDefaultTimeout(180_000)

const disk = process.getuid?.() === 0 ? smallDisk() : undefined
if (!disk) console.warn('skipped: no small file system can be mounted here (it takes root on Linux)')
let callgate: Callgate
beforeAll(async () => {
  if (disk) callgate = await startCallgate({ dataDir: join(disk, 'data') })
})
afterAll(async () => {
  if (disk) {
    await callgate.kill()
    Bun.spawnSync(['umount', disk])
  }
  await cleanUp()
})

test.skipIf(!disk)(
  'an upload that does not fit is answered 503, leaves nothing behind, and the next change works',
  async () => {
    const project = await callgate.admin('POST', '/api/projects', { name: 'P', slug: 'p' })
    const scope = { 'x-project-id': String(project.json.project_id) }
    const upload = async (bytes: number) => {
      const form = new FormData()
      form.set('file', new File(['id,text\n', new Uint8Array(bytes).fill(120)], 'large.csv'))
      form.set('name', 'a.large')
      return callgate.admin('POST', '/api/datasets/file/upload', form, scope)
    }
    const answer = await upload(60 * 1024 * 1024)
    expect({ status: answer.status, detail: answer.json.detail }).toEqual({
      status: 503,
      detail: "There is no room on the server's disk.",
    })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(answer.text).not.toContain(disk!)
    expect(readdirSync(join(disk!, 'data', 'uploads'))).toEqual([])
    expect((await callgate.admin('POST', '/api/projects', { name: 'Q', slug: 'q' })).status).toBe(201)
  },
)

test.skipIf(!disk)(
  'a model that fits, and in the form that runs does not, is 503 and leaves nothing behind',
  async () => {
    const project = await callgate.admin('POST', '/api/projects', { name: 'M', slug: 'm' })
    const scope = { 'x-project-id': String(project.json.project_id) }
    const model = Bun.file(join(FIXTURES, 'models/churn_risk.onnx'))
    const add = async () => {
      const form = new FormData()
      form.set('file', new File([await model.arrayBuffer()], 'churn.onnx'))
      form.set('name', 'churn')
      return callgate.admin('POST', '/api/models', form, scope)
    }
    // a page as it is received, and one as it is kept
    const filler = fill(disk!)
    truncateSync(filler, statSync(filler).size - 2 * statfsSync(disk!).bsize)
    const kept = readdirSync(join(disk!, 'data', 'models'))
    try {
      const answer = await add()
      expect({ status: answer.status, detail: answer.json.detail }).toEqual({
        status: 503,
        detail: "There is no room on the server's disk.",
      })
      expect(readdirSync(join(disk!, 'data', 'models'))).toEqual(kept)
    } finally {
      rmSync(filler)
    }
    expect((await add()).status).toBe(201)
  },
)

test.skipIf(!disk)('who looks what fills the disk is let in, and what has to be written is 503', async () => {
  const minted = await callgate.admin('POST', '/api/auth/tokens', { name: 'looks' })
  // its first use, which would be noted
  const headers = { authorization: `Bearer ${minted.json.token}` }
  const room = fill(disk!)
  try {
    const read = await callgate.call('/api/projects', { headers })
    expect({ status: read.status, slugs: read.json.items?.map((p: { slug: string }) => p.slug) }).toEqual({
      status: 200,
      slugs: expect.arrayContaining(['p', 'q']),
    })
    const change = await callgate.call('/api/projects', { headers, body: { name: 'R', slug: 'r' } })
    expect({ status: change.status, detail: change.json.detail }).toEqual({
      status: 503,
      detail: "There is no room on the server's disk.",
    })
  } finally {
    rmSync(room)
  }
  expect((await callgate.call('/api/projects', { headers, body: { name: 'R', slug: 'r' } })).status).toBe(201)
})

test.skipIf(!Bun.which('prlimit'))(
  'files that may not grow: a write and an upload are 503, no row is lost or half there, and it goes on when they may',
  async () => {
    const key = mintSecret('dk')
    const methods = ['GET', 'POST']
    const dataset = {
      name: 'w.t',
      writable: true,
      primary_key: 'id',
      columns: { id: { type: 'integer' }, text: { type: 'text' } },
    }
    const service = {
      key: 's',
      publish: true,
      endpoints: [{ id: 't', kind: 'table', dataset: 'w.t', methods, pagination: { max_limit: 1000 } }],
      keys: [{ name: 'k', secret_env: 'WRITES_KEY', allowed_methods: methods, masking_level: 'unmasked' }],
    }
    const limited = await startCallgate({
      manifest: { projects: [{ slug: 'p', datasets: [dataset], services: [service] }] },
      env: { WRITES_KEY: key },
    })
    const add = (n: number) => limited.call('/api/service/s/t', { key, body: { text: `${n} ${'x'.repeat(60_000)}` } })
    const upload = () => {
      const form = new FormData()
      form.set('file', new File(['id\n', '1234567\n'.repeat(500_000)], 'large.csv'))
      form.set('name', 'a.large')
      return limited.admin('POST', '/api/datasets/file/upload', form, { 'x-project-id': '1' })
    }
    expect((await add(0)).status).toBe(201)
    const pids = [limited.process.pid, ...workersOf(limited.process.pid).map(worker => worker.pid)]
    const limitTo = (soft: string) => {
      for (const pid of pids) Bun.spawnSync(['prlimit', '--pid', String(pid), `--fsize=${soft}:unlimited`])
    }
    limitTo('1000000')
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => add(i + 1)))
    const refused = answers.filter(answer => answer.status !== 201)
    expect(refused.length).toBeGreaterThan(0)
    const detail = "The server's disk fails, or cannot be written to."
    for (const answer of [...refused, await upload()]) {
      expect({ status: answer.status, detail: answer.json.detail }).toEqual({ status: 503, detail })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    limitTo('unlimited')
    const last = await add(31)
    expect(last.status).toBe(201)
    const list = await limited.call('/api/service/s/t?limit=1000', { key })
    const kept = [0, ...answers.flatMap((answer, i) => (answer.status === 201 ? [i + 1] : [])), 31]
    const there: number[] = list.json.rows.map((row: { text: string }) => Number.parseInt(row.text, 10))
    expect(there.sort((a, b) => a - b)).toEqual(kept)
    expect(await limited.stop()).toBe(0)
  },
)

/** @returns a file that has all the room that there was */
function fill(folder: string): string {
  const path = join(folder, 'filler')
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096))
  } catch {
    closeSync(file)
  }
  return path
}

test.skipIf(!disk)(
  'changes on a full disk are refused with 503, what was saved is served, and it is all there again when there is room',
  async () => {
    const filler = join(disk!, 'filler')
    const add = (slug: string) =>
      callgate.admin('POST', '/api/projects', { name: 'R', slug, description: 'x'.repeat(900) })
    Bun.spawnSync(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=1k'], { stderr: 'ignore' })
    const statuses: number[] = []
    for (let i = 0; i < 400 && !statuses.includes(503); i++) statuses.push((await add(`r${i}`)).status)
    expect([...new Set(statuses)].filter(status => status !== 201)).toEqual([503])
    const saved = (await callgate.admin('GET', '/api/projects')).json.items.length
    expect((await callgate.call('/-/alive')).status).toBe(200)
    rmSync(filler)
    expect((await add('again')).status).toBe(201)
    expect((await callgate.admin('GET', '/api/projects')).json.items).toHaveLength(saved + 1)
  },
)

test.skipIf(!disk)(
  'a log whose disk is full loses whole lines, and goes on with whole ones when there is room again',
  () => {
    const small = smallDisk('1m')!
    try {
      const path = join(small, 'logs', 'log')
      const log = new LogFile(path)
      log.line('r1.1 out', 'first')
      const filler = fill(small)
      truncateSync(filler, statSync(filler).size - statfsSync(small).bsize)
      const long = 'x'.repeat(3000)
      log.lines('r1.1 out', Array(40).fill(long))
      rmSync(filler)
      log.line('r1.1 out', 'last')
      log.close()
      const lines = readFileSync(path, 'utf8').split('\n')
      const texts = lines.map(line => /^\S{24} r1\.1 out (.*)$/.exec(line)?.[1])
      expect(texts).toEqual(['first', ...lines.slice(1, -2).map(() => long), 'last', undefined])
      expect(lines.length).toBeLessThan(40)
    } finally {
      Bun.spawnSync(['umount', small])
    }
  },
)

test.skipIf(!disk)(
  'a start that finds no room for the catalog says so in a line, and nothing of it is in the way',
  async () => {
    const tiny = smallDisk('200k')!
    const start = async () => {
      const server = Bun.spawn([...commandOf('source'), 'serve', '--port', '0', '--data-dir', join(tiny, 'data')], {
        stdout: 'ignore',
        stderr: 'pipe',
      })
      return { code: await server.exited, said: await new Response(server.stderr).text() }
    }
    const { code, said } = await start()
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/^callgate: The data directory .* cannot be written \(.*full\).*\n$/),
    ])
    Bun.spawnSync(['mount', '-o', 'remount,size=24m', tiny])
    const server = await startCallgate({ dataDir: join(tiny, 'data') })
    expect((await server.admin('GET', '/api/projects')).json.items).toEqual([])
    await server.kill()
    Bun.spawnSync(['umount', tiny])
  },
)

test.skipIf(!disk)('a start that finds no room for what a manifest changes says so in a line', async () => {
  const small = smallDisk('4m')!
  const dataDir = join(small, 'data')
  expect(await (await startCallgate({ dataDir })).stop()).toBe(0)
  const manifest = join(temporaryFolder(), 'large.yaml')
  const projects = Array.from({ length: 100 }, (_, i) => ({ slug: `p${i}`, description: 'x'.repeat(2000) }))
  await Bun.write(manifest, JSON.stringify({ projects }))
  // room to open the catalog, and not for so much
  const filler = fill(small)
  truncateSync(filler, statSync(filler).size - 81_920)
  const args = ['serve', '--manifest', manifest, '--port', '0', '--data-dir', dataDir, '--scoring-workers', '1']
  const server = Bun.spawn([...commandOf('source'), ...args], { stdout: 'ignore', stderr: 'pipe' })
  const said = (await new Response(server.stderr).text()).split('\n')
  expect(said.filter(line => line.startsWith('callgate: '))).toEqual([
    "callgate: There is no room on the server's disk.",
    'callgate: database or disk is full',
  ])
  expect(said.join()).not.toContain('should not have happened')
  expect(await server.exited).toBe(1)
  Bun.spawnSync(['umount', small])
})

test.skipIf(!disk)("what an earlier run left and cannot be removed is in the log, and in nobody's way", async () => {
  const dataDir = join(temporaryFolder(), 'data')
  expect(await (await startCallgate({ dataDir })).stop()).toBe(0)
  const stuck = join(dataDir, 'uploads', 'stuck')
  mkdirSync(stuck)
  Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', stuck])
  mkdirSync(join(dataDir, 'uploads', 'zz'))
  try {
    const server = await startCallgate({ dataDir })
    expect(server.output()).toContain('what an earlier run left could not be removed')
    expect(readdirSync(join(dataDir, 'uploads'))).toEqual(['stuck'])
    expect(await server.stop()).toBe(0)
  } finally {
    Bun.spawnSync(['umount', stuck])
  }
})

/** A small file system, or undefined. */
function smallDisk(size = '24m'): string | undefined {
  const folder = join(temporaryFolder(), 'disk')
  mkdirSync(folder)
  const mounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  return mounted.success ? folder : undefined
}
