/** What a file system costs that does not answer any more, as a share whose server is gone: its own tables, and nothing else. */
import { dlopen } from 'bun:ffi'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { Looks } from '../../src/query/looks.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
const share = join(folder, 'share')
const on = (name: string, csv: string) => {
  writeFileSync(join(folder, name), csv)
  return join(folder, name)
}
const NO_ANSWER = 'The file system of its file does not answer.'

/**
 * A file system of which nobody answers what is asked, mounted over a folder.
 * @returns what ends it; undefined: it cannot be had here (it takes root on Linux, and FUSE)
 */
function hang(path: string): (() => void) | undefined {
  try {
    const fd = openSync('/dev/fuse', 'r+')
    const { symbols: libc } = dlopen('libc.so.6', {
      mount: { args: ['cstring', 'cstring', 'cstring', 'u64', 'cstring'], returns: 'int' },
      umount2: { args: ['cstring', 'int'], returns: 'int' },
    })
    const c = (text: string) => Buffer.from(`${text}\0`)
    const options = `fd=${fd},rootmode=40000,user_id=0,group_id=0`
    if (libc.mount(c('hung'), c(path), c('fuse'), 0n, c(options)) !== 0) throw closeSync(fd)
    return () => {
      libc.umount2(c(path), 2) // lazily: nobody answers that either
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

const key = mintSecret('dk')
const select = (table: string) => ({ source: { schema: 'a', table } })
const dataset = (name: string, more: object) => ({ name, primary_key: 'id', refresh: { on_change: true }, ...more })
let callgate: Callgate
let end: (() => void) | undefined

mkdirSync(share)
const probe = hang(share)
probe?.()
if (!probe) console.warn('skipped: no file system can be mounted here that hangs (it takes root on Linux, and FUSE)')
// what the kernel lacks, CI cannot install: there it is no failure
const hanging = probe ? test : () => {}

beforeAll(async () => {
  if (!probe) return
  const datasets = [
    dataset('a.other', { from: on('other.csv', 'id\n1\n') }),
    dataset('a.files', { from: on('files.csv', 'id\n1\n'), engine: 'duckdb' }),
    ...Array.from({ length: 2 }, (_, i) => dataset(`a.t${i}`, { from: on(`share/t${i}.csv`, 'id\n1\n') })),
    dataset('a.lake', { from: on('share/lake.csv', 'id\n1\n'), engine: 'duckdb' }),
  ]
  const endpoints = ['other', 'files', 'lake', 't0'].map(table => {
    return { id: table, kind: 'sql', query: { ...select(table), cache: { ttl_seconds: 60 } } }
  })
  callgate = await startCallgate({
    manifest: {
      projects: [
        {
          slug: 'p',
          datasets,
          services: [{ key: 's', publish: true, endpoints, keys: [{ name: 'k', secret_env: 'HUNG_KEY' }] }],
        },
      ],
    },
    env: { HUNG_KEY: key },
    flags: ['--request-timeout', '5s'],
  })
  end = hang(share)
})
afterAll(async () => {
  end?.()
  await cleanUp()
})

const rows = (table: string) => callgate.call(`/api/service/s/${table}`, { key })
const stateOf = async (name: string) => (await callgate.admin('GET', `/api/datasets/${name}`)).json.refresh_state

hanging('tables of other file systems are served and refreshed, and new ones are taken', async () => {
  // by then every table of the hung one has been looked at
  await waitFor(async () => (await stateOf('a.t1'))?.outcome === 'failed' || undefined)
  on('other.csv', 'id\n1\n2\n')
  on('files.csv', 'id\n1\n2\n')
  for (const table of ['other', 'files']) await waitFor(async () => (await rows(table)).json?.count === 2 || undefined)
  const form = new FormData()
  form.set('file', new File(['id\n1\n'], 't.csv'))
  form.set('name', 'a.new')
  const upload = await callgate.admin('POST', '/api/datasets/file/upload', form, { 'x-project-id': '1' })
  expect(upload.status).toBe(201)
})

hanging('its own tables are served where they were imported, and what needs it is an error in time', async () => {
  expect((await rows('t0')).json.count).toBe(1)
  expect((await rows('lake')).status).toBe(503)
  for (const name of ['a.t0', 'a.lake']) {
    const { status, json } = await callgate.admin('POST', `/api/datasets/${name}/refresh`)
    expect({ status, detail: json.detail }).toEqual({ status: 503, detail: NO_ANSWER })
    expect(await stateOf(name)).toMatchObject({ outcome: 'failed', error: NO_ANSWER })
  }
})

hanging('looks at other files do not wait for those at its folders, which each take long again', async () => {
  const looks = new Looks(0)
  const lookThere = () => Promise.allSettled(['a', 'b', 'c'].map(name => looks.file(join(share, name, 't.csv'))))
  await lookThere()
  let over = false
  const again = lookThere().then(() => {
    over = true
  })
  expect(await looks.file(join(folder, 'files.csv'))).toBeString()
  expect(over).toBe(false)
  await again
  await looks.close()
})

hanging('when it answers again they are refreshed', async () => {
  end!()
  end = undefined
  on('share/t0.csv', 'id\n1\n2\n3\n')
  await waitFor(async () => (await callgate.admin('POST', '/api/datasets/a.t0/refresh')).status === 200 || undefined)
  expect((await rows('t0')).json.count).toBe(3)
  rmSync(join(share, 't1.csv'))
  expect((await callgate.admin('POST', '/api/datasets/a.t1/refresh')).status).toBe(409)
  expect(await callgate.stop()).toBe(0)
})

hanging('neither a change of a healthy file nor SIGTERM is kept waiting by each of its folders', async () => {
  const folders = Array.from({ length: 12 }, (_, i) => `wide/${i}`)
  for (const name of folders) mkdirSync(join(folder, name), { recursive: true })
  const datasets = folders.map((name, i) =>
    dataset(`a.w${i}`, { from: on(`${name}/t.csv`, 'id\n1\n'), engine: 'duckdb' }),
  )
  const healthy = dataset('a.healthy', { from: on('healthy.csv', 'id\n1\n') })
  const wide = await startCallgate({
    manifest: { projects: [{ slug: 'p', datasets: [...datasets, healthy] }] },
    flags: ['--request-timeout', '1s'],
  })
  // every one is looked at, 2 s each, which together are more than the end may take
  const over = hang(join(folder, 'wide'))!
  try {
    const of = async (name: string) => (await wide.admin('GET', `/api/datasets/${name}`)).json
    // the second look at the first comes when there was one at each
    await waitFor(async () => (await of('a.w0')).refresh_state?.outcome === 'failed' || undefined)
    on('healthy.csv', 'id\n1\n2\n')
    await waitFor(async () => (await of('a.healthy')).row_count === 2 || undefined, 20_000)
    expect(await wide.stop()).toBe(0)
  } finally {
    over()
  }
})

hanging(
  'files that are there and give nothing when they are read keep nothing waiting but what reads them',
  async () => {
    mkdirSync(join(folder, 'unread'))
    const names = Array.from({ length: 8 }, (_, i) => `a.u${i}`)
    const datasets = names.map(name => dataset(name, { from: on(`unread/${name}.csv`, 'id\n1\n') }))
    const healthy = dataset('a.read', { from: on('read.csv', 'id\n1\n') })
    const options = {
      manifest: { projects: [{ slug: 'p', datasets: [healthy, ...datasets] }] },
      dataDir: join(folder, 'd'),
    }
    const first = await startCallgate(options)
    const path = join(folder, 'unread')
    const unread = Bun.spawn([process.execPath, join(import.meta.dir, 'unread-files.ts'), path], { stdout: 'pipe' })
    try {
      await unread.stdout.getReader().read()
      const of = async (name: string) => (await first.admin('GET', `/api/datasets/${name}`)).json
      for (const name of names)
        expect(await waitFor(async () => (await of(name)).refresh_state ?? undefined)).toMatchObject({
          error: NO_ANSWER,
        })
      on('read.csv', 'id\n1\n2\n')
      await waitFor(async () => (await of('a.read')).row_count === 2 || undefined)
      expect((await first.admin('POST', `/api/datasets/${names[0]}/refresh`)).status).toBe(503)
      const form = new FormData()
      form.set('file', new File(['id\n1\n'], 't.csv'))
      form.set('name', 'a.new')
      const upload = await first.admin('POST', '/api/datasets/file/upload', form, { 'x-project-id': '1' })
      expect(upload.status).toBe(201)
      expect(await first.stop()).toBe(0)
      await expect(startCallgate(options)).rejects.toThrow(`dataset ${names[0]}: ${NO_ANSWER}`)
    } finally {
      unread.kill()
      await unread.exited
      Bun.spawnSync(['umount', '-l', path])
    }
  },
)
