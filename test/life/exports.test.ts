/** Answers of a million rows: streamed in constant memory, at their reader's pace, and never short without a sign of it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { sigkill, workersOf } from './processes.ts'

setDefaultTimeout(180_000)

const ROWS = 1_000_000
/** milliseconds that a caller may take nothing */
const PATIENCE = 8000
const key = mintSecret('dk')
const masked = mintSecret('dk')
let callgate: Callgate

beforeAll(async () => {
  const folder = temporaryFolder()
  const lines = Array.from({ length: ROWS }, (_, i) => `${i},Person ${i},"note, ${i % 1000}",${i / 4}\n`)
  writeFileSync(join(folder, 'people.csv'), `id,name,note,score\n${lines.join('')}`)
  const few = ['id,text\n', ...Array.from({ length: 7000 }, (_, i) => `${i},t${i}\n`)]
  writeFileSync(join(folder, 'few.csv'), few.join(''))
  writeFileSync(
    join(folder, 'wide.csv'),
    ['id,text\n', ...Array.from({ length: 30 }, (_, i) => `${i},${'x'.repeat(300_000)}\n`)].join(''),
  )
  const query = (more: object) => ({ source: { schema: 'big', table: 'people' }, ...more })
  const other = (table: string) => ({
    id: table,
    kind: 'sql',
    query: {
      source: { schema: 'big', table },
      order_by: [{ column: 'id' }],
      pagination: { default_limit: 10, max_limit: 10_000 },
    },
  })
  const pagination = { default_limit: 10, max_limit: ROWS }
  const columns = { name: { sensitivity: 'medium', mask: 'initials' } }
  callgate = await startCallgate({
    flags: ['--query-workers', '1', '--request-timeout', `${PATIENCE}ms`, '--cors-origins', '*'],
    env: { FULL: key, MASKED: masked },
    manifest: {
      projects: [
        {
          slug: 'big',
          datasets: [
            { name: 'big.people', from: join(folder, 'people.csv'), primary_key: 'id', columns },
            { name: 'big.wide', from: join(folder, 'wide.csv'), primary_key: 'id' },
            { name: 'big.few', from: join(folder, 'few.csv'), primary_key: 'id' },
            { name: 'big.files', engine: 'duckdb', from: join(folder, 'few.csv'), primary_key: 'id' },
          ],
          services: [
            {
              key: 'big',
              publish: true,
              endpoints: [
                { id: 'all', kind: 'sql', query: query({ pagination }) },
                { id: 'counted', kind: 'sql', query: query({ pagination: { ...pagination, total: true } }) },
                { id: 'kept', kind: 'sql', query: query({ pagination, cache: { ttl_seconds: 600 } }) },
                { id: 'one', kind: 'lookup', dataset: 'big.people', key_column: 'id' },
                other('wide'),
                other('few'),
                other('files'),
              ],
              keys: [
                { name: 'full', secret_env: 'FULL', masking_level: 'unmasked' },
                { name: 'masked', secret_env: 'MASKED' },
              ],
            },
          ],
        },
      ],
    },
  })
}, 180_000)
afterAll(cleanUp)

const get = (path: string, secret = key) =>
  fetch(`${callgate.url}/api/service/big/${path}`, { headers: { 'x-api-key': secret } })
/** Of the server and its workers, in MB. */
const resident = () =>
  [callgate.process.pid, ...workersOf(callgate.process.pid).map(w => w.pid)].reduce((sum, pid) => {
    try {
      return sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
    } catch {
      return sum // it has ended
    }
  }, 0)
/** Reads a body to its end without keeping it. */
async function read(response: Response): Promise<{ lines: number; bytes: number; last: string }> {
  let lines = 0
  let bytes = 0
  let last = ''
  for await (const chunk of response.body!) {
    bytes += chunk.length
    for (const byte of chunk) if (byte === 10) lines++
    last = (last + Buffer.from(chunk.subarray(-200)).toString('latin1')).slice(-200)
  }
  return { lines, bytes, last }
}
/** A connection that has taken the beginning of an answer, and takes nothing more until it is told to. */
async function paused(path: string): Promise<Socket> {
  const { hostname, port } = new URL(callgate.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET /api/service/big/${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`)
  await new Promise(begun => socket.once('data', begun))
  socket.pause()
  return socket
}
/** What still comes until the connection ends; `whole` where the body ends as chunked coding wants it. */
function rest(socket: Socket): Promise<{ bytes: number; whole: boolean }> {
  const { promise, resolve } = Promise.withResolvers<{ bytes: number; whole: boolean }>()
  let bytes = 0
  let end = ''
  const ended = () => resolve({ bytes, whole: end.endsWith('0\r\n\r\n') })
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    end = (end + chunk.subarray(-8).toString('latin1')).slice(-8)
    if (end.endsWith('\r\n0\r\n\r\n')) ended()
  })
  socket.on('error', ended).on('close', ended)
  socket.resume()
  return promise
}

test('a million rows as csv, ndjson and json: all of them, in less than 100 MB more', async () => {
  await get('all?limit=1001').then(read) // its worker runs
  const before = resident()
  let peak = before
  const looking = setInterval(() => {
    peak = Math.max(peak, resident())
  }, 50)
  for (const [format, lines, last] of [
    ['csv', ROWS + 1, '999999,Person 999999,"note, 999",249999.75\r\n'],
    ['ndjson', ROWS, '{"id":999999,"name":"Person 999999","note":"note, 999","score":249999.75}\n'],
    ['json', 0, `"score":249999.75}],"count":${ROWS},"limit":${ROWS},"offset":0,"has_more":false}`],
  ] as const) {
    const response = await get(`all?limit=${ROWS}&format=${format}`)
    expect([response.status, response.headers.get('link'), response.headers.get('etag')]).toEqual([200, null, null])
    const got = await read(response)
    expect([format, got.lines]).toEqual([format, lines])
    expect(got.last).toEndWith(last)
  }
  clearInterval(looking)
  expect(peak - before).toBeLessThan(100)
})

test('what is streamed is what is answered in pages, under a mask too', async () => {
  for (const secret of [key, masked]) {
    const { rows, count, next, has_more } = await (await get('all?limit=50000&offset=7', secret)).json()
    const page = await (await get('all?limit=1000&offset=10000', secret)).json()
    expect(rows.slice(9993, 10_993)).toEqual(page.rows)
    expect([count, has_more, typeof next]).toEqual([50_000, true, 'string'])
    const text = await (await get('all?limit=50000&offset=7&format=ndjson', secret)).text()
    expect(text).toBe(rows.map((row: object) => `${JSON.stringify(row)}\n`).join(''))
    expect(text.includes('Person')).toBe(secret === key)
  }
})

test('a streamed page tells of the next one before it begins, and of the total', async () => {
  const seen: string[] = []
  for (let next: string | undefined = 'counted?limit=400000&format=csv'; next; ) {
    const response = await get(next)
    expect(response.headers.get('x-total-count')).toBe(String(ROWS))
    const link = response.headers.get('link')
    next = link === null ? undefined : /^<\/api\/service\/big\/(.*)>; rel="next"$/.exec(link)![1]!
    seen.push(...(await response.text()).split('\r\n').slice(1, -1))
  }
  expect(seen).toHaveLength(ROWS)
  expect(seen.every((line, i) => line.startsWith(`${i},`))).toBe(true)
  const { count, total, has_more } = await (await get('counted?limit=100000')).json()
  expect([count, total, has_more]).toEqual([100_000, ROWS, true])
})

test.each<[string, number, number]>([
  ['few', 1999, 7000],
  ['few', 999, 7000],
  ['few', 1000, 7000],
  ['files', 1500, 7000],
  ['files', 2048, 7000],
  ['wide', 10, 30],
])(
  'pages of %s, %d rows each, lead to its last row: however its rows come in batches',
  async (endpoint, limit, rows) => {
    const pages = Math.ceil(rows / limit)
    const ids: number[] = []
    let asked = 0
    for (let cursor = ''; asked <= pages; ) {
      const page = await (await get(`${endpoint}?limit=${limit}${cursor}`)).json()
      asked++
      ids.push(...page.rows.map(({ id }: { id: number }) => id))
      expect(page.has_more).toBe(page.next !== undefined)
      if (!page.has_more) break
      cursor = `&cursor=${page.next}`
    }
    expect(asked).toBe(pages)
    expect(ids).toEqual(Array.from({ length: rows }, (_, i) => i))
    let lines = 0
    for (let next: string | undefined = `${endpoint}?limit=${limit}&format=ndjson`; next; ) {
      const response = await get(next)
      lines += (await read(response)).lines
      next = /^<\/api\/service\/big\/(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    }
    expect(lines).toBe(rows)
  },
)

test('a reader that is slow holds up nobody but those who wait to export', async () => {
  const socket = await paused(`all?limit=${ROWS}&format=csv`)
  expect((await callgate.call('/api/service/big/one?id=5', { key })).status).toBe(200)
  expect((await callgate.call('/api/service/big/all?limit=900&offset=900000', { key })).json.count).toBe(900)
  const { bytes, whole } = await rest(socket)
  expect([bytes > 30e6, whole]).toEqual([true, true])
  socket.destroy()
})

test('a caller that goes away frees its worker', async () => {
  const workers = workersOf(callgate.process.pid, 'query').length
  for (let i = 0; i < 3; i++) {
    const leaving = new AbortController()
    const response = await fetch(`${callgate.url}/api/service/big/all?limit=${ROWS}&format=ndjson`, {
      headers: { 'x-api-key': key },
      signal: leaving.signal,
    })
    await response.body!.getReader().read()
    leaving.abort()
  }
  const head = await callgate.call(`/api/service/big/kept?limit=${ROWS}&format=csv`, { key, method: 'HEAD' })
  // how long it would be is not known
  expect([head.status, head.text, head.headers.get('content-type'), head.headers.get('content-length')]).toEqual([
    200,
    '',
    'text/csv; charset=utf-8; header=present',
    null,
  ])
  const began = performance.now()
  const next = await get('all?limit=200000&format=ndjson')
  expect(performance.now() - began).toBeLessThan(PATIENCE)
  expect((await read(next)).lines).toBe(200_000)
  expect(workersOf(callgate.process.pid, 'query').length).toBeLessThanOrEqual(workers)
})

test('a caller that takes nothing for as long as a call may take is cut off, and frees its worker', async () => {
  const socket = await paused(`all?limit=${ROWS}&format=csv`)
  // waits for the same worker, which the other has until its time is over
  const next = await waitFor(async () => {
    const response = await get('all?limit=100000&format=ndjson')
    return response.status === 200 ? response : undefined
  })
  expect((await read(next)).lines).toBe(100_000)
  const { bytes, whole } = await rest(socket)
  expect([bytes < 30e6, whole]).toEqual([true, false])
})

test('a worker that is lost on the way breaks the connection: no answer is short without a sign', async () => {
  const before = callgate.output().length
  for (const format of ['csv', 'json']) {
    const socket = await paused(`all?limit=${ROWS}&format=${format}`)
    const { pid } = callgate.process
    for (const worker of workersOf(pid, 'query')) sigkill(worker.pid)
    const { bytes, whole } = await rest(socket)
    expect([format, bytes > 0, whole]).toEqual([format, true, false])
    await waitFor(async () => (await get('all?limit=900&offset=90000')).status === 200 || undefined)
  }
  const logged = callgate.output().slice(before).trim().split('\n')
  const messages = logged.map(line => JSON.parse(line).msg)
  // of the test before, which may come late; of a query that met a worker whose end was not known yet
  const besides = ['deadline_passed', 'a query worker was lost; its query runs once more']
  expect(messages.filter(message => !besides.includes(message))).toEqual(['unavailable', 'unavailable'])
  expect((await read(await get('all?limit=200000&format=csv'))).lines).toBe(200_001)
})

test('an answer that is too large to be kept is streamed to each of those who ask for it at once', async () => {
  const answers = await Promise.all(Array.from({ length: 2 }, () => get(`kept?limit=120000&format=ndjson`).then(read)))
  for (const { lines } of answers) expect(lines).toBe(120_000)
  const [small, again] = [await get('kept?limit=20000'), await get('kept?limit=20000')]
  expect([small.headers.get('etag'), small.headers.get('age')]).toEqual([again.headers.get('etag'), null])
  expect(again.headers.get('age')).not.toBeNull()
  expect(await again.text()).toBe(await small.text())
})

test('an answer that would outlast the end of the server is broken off, and the server ends in order', async () => {
  const slow = await paused(`all?limit=${ROWS}&format=ndjson`)
  const { process } = callgate
  let ended = false
  const stopped = callgate.stop().finally(() => {
    ended = true
  })
  slow.on('error', () => {})
  const began = performance.now()
  while (!ended && performance.now() - began < 4 * PATIENCE) {
    // a little at a time, so that it is never given up for taking nothing; what has come meanwhile is read with it
    slow.read(64 * 1024)
    await Bun.sleep(PATIENCE / 8)
  }
  expect([ended, await stopped, process.signalCode]).toEqual([true, 0, null])
  // what was on its way is no whole answer
  expect(!slow.destroyed && (await rest(slow)).whole).toBe(false)
})
