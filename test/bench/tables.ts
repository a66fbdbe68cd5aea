/**
 * `bun test/bench/tables.ts`: lookups by primary key in a million rows, filtered pages of 50 rows, an aggregate over five
 * million rows and lookups meanwhile, with key, reach, rate limit, parameters and column policy checked; memory when idle, and
 * the time from start to ready.
 */

import { once } from 'node:events'
import { createWriteStream, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import {
  type Load,
  median,
  printHead,
  printTable,
  residentMb,
  served,
  startPeer,
  TARGET,
  takeTurns,
  workersOf,
} from './load.ts'
import { startDatasette, startFastApiLookup } from './python.ts'

const ROWS = 1_000_000
const EVENTS = 5_000_000
const CITIES = 2000
const SHOWN = ['id', 'name', 'city', 'amount', 'active', 'joined']
const key = mintSecret('dk')
const env = { BENCH_KEY: key }

const folder = temporaryFolder()
const dataDir = join(folder, 'data')
const aggregate = (id: string, table: string) => ({
  id,
  kind: 'sql',
  query: {
    source: { schema: 'bench', table },
    columns: ['kind', { fn: 'avg', column: 'amount', as: 'mean' }, { fn: 'count', as: 'events' }],
    group_by: ['kind'],
  },
})
const manifest = {
  projects: [
    {
      slug: 'bench',
      datasets: [
        {
          name: 'bench.people',
          from: join(folder, 'people.csv'),
          primary_key: 'id',
          indexes: [['city']],
          columns: { email: { sensitivity: 'high', mask: 'email' } },
        },
        { name: 'bench.events', from: join(folder, 'events.parquet') },
        { name: 'bench.events_in_place', from: join(folder, 'events.parquet'), engine: 'duckdb' },
      ],
      services: [
        {
          key: 'bench',
          publish: true,
          endpoints: [
            { id: 'person', kind: 'lookup', dataset: 'bench.people', key_column: 'id', columns: SHOWN },
            {
              id: 'people',
              kind: 'sql',
              query: {
                source: { schema: 'bench', table: 'people' },
                columns: SHOWN,
                filters: [{ column: 'city', op: 'eq', param: 'city', required: true }],
                pagination: { default_limit: 50, max_limit: 100 },
              },
            },
            aggregate('by_kind', 'events'),
            aggregate('by_kind_in_place', 'events_in_place'),
          ],
          keys: [
            {
              name: 'bench',
              secret_env: 'BENCH_KEY',
              rate_limit: 1_000_000_000,
              allowed_endpoints: ['person', 'people', 'by_kind', 'by_kind_in_place'],
            },
          ],
        },
      ],
    },
  ],
}
const random = (below: number) => Math.floor(Math.random() * below)
const headers = { 'X-API-Key': key }
const get = (name: string, { url, pid }: { url: string; pid: number }, paths: string[]): Load => ({
  name,
  base: url,
  pid,
  method: 'GET',
  paths,
  headers,
})
const ids = Array.from({ length: 1000 }, () => random(ROWS))
const one = ids.map(id => `/api/service/bench/person?id=${id}`)

try {
  await writePeople(join(folder, 'people.csv'))
  await writeEvents(join(folder, 'events.parquet'))
  printHead('tables')
  const imported = performance.now()
  const callgate = await startCallgate({ target: TARGET, manifest, dataDir, env, waitReady: false })
  await waitFor(async () => (await callgate.call('/-/ready')).status === 200 || undefined, 300_000)
  console.log(
    `a million rows of csv and five million of Parquet imported, indexed and published in ${((performance.now() - imported) / 1000).toFixed(1)} s`,
  )
  await Bun.sleep(2000)
  const { pid } = callgate.process
  console.log(`Idle memory: main process ${residentMb(pid).toFixed(0)} MB (aim: 150)`)
  for (const worker of workersOf(pid))
    console.log(`  ${worker.kind} worker ${residentMb(worker.pid).toFixed(0)} MB (aim: 120)`)

  await lookups(callgate)
  await pages(callgate)
  await aggregates(callgate)
  await meanwhile(callgate)
  console.log(`\nMemory after the load: main process ${residentMb(pid).toFixed(0)} MB`)
  await callgate.stop()
  await starts()
} finally {
  await cleanUp()
}

/** The file that the people were imported into: the smaller one. */
function peopleFile(): string {
  const files = readdirSync(join(dataDir, 'warehouse')).filter(name => name.endsWith('.sqlite'))
  return files.map(name => join(dataDir, 'warehouse', name)).sort((a, b) => statSync(a).size - statSync(b).size)[0]!
}

async function lookups(callgate: Callgate): Promise<void> {
  const bare = await startPeer('bare')
  const fastapi = await startFastApiLookup(peopleFile())
  const datasette = await startDatasette(peopleFile())
  const name = peopleFile().split('/').at(-1)!.replace('.sqlite', '')
  const loads = [
    get('bare Bun.serve, 200 bytes', bare, one),
    get('Callgate, lookup by primary key', served(callgate), one),
    ...(fastapi
      ? [
          get(
            'FastAPI with sqlite3, one uvicorn worker',
            fastapi,
            ids.map(id => `/person?id=${id}`),
          ),
        ] // no key, no check
      : []),
    ...(datasette
      ? [
          get(
            'Datasette',
            datasette,
            ids.map(id => `/${encodeURIComponent(name)}/data/${id}.json?_shape=array`),
          ),
        ]
      : []),
  ]
  printTable('Lookup by primary key in a million rows', loads, await takeTurns(loads), 0.45)
  await Promise.all([bare, fastapi, datasette].map(peer => peer?.stop()))
}

async function pages(callgate: Callgate): Promise<void> {
  const naive = await startPeer('page', peopleFile())
  const page = Array.from({ length: 1000 }, () => `/api/service/bench/people?city=city-${random(CITIES)}`)
  const loads = [
    get('naive Bun.serve and bun:sqlite, no checks', naive, page),
    get('Callgate, sql endpoint', served(callgate), page),
  ]
  printTable('Filtered page of 50 rows', loads, await takeTurns(loads), 0.8)
  await naive.stop()
}

/** Milliseconds of one answer. */
async function timed(callgate: Callgate, path: string): Promise<number> {
  const started = performance.now()
  const response = await fetch(callgate.url + path, { headers })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${path} answers ${response.status}: ${text.slice(0, 300)}`)
  return performance.now() - started
}

async function aggregates(callgate: Callgate): Promise<void> {
  const times = { sqlite: [] as number[], duckdb: [] as number[] }
  for (let round = 0; round < 4; round++) {
    times.sqlite.push(await timed(callgate, '/api/service/bench/by_kind'))
    times.duckdb.push(await timed(callgate, '/api/service/bench/by_kind_in_place'))
  }
  const [sqlite, duckdb] = [median(times.sqlite.slice(1)), median(times.duckdb.slice(1))]
  console.log('\nAverage and count by kind over five million rows  (aim: 10 x)')
  console.log(`  sqlite, imported           ${sqlite.toFixed(0).padStart(8)} ms`)
  console.log(`  duckdb, Parquet in place   ${duckdb.toFixed(0).padStart(8)} ms  ${(sqlite / duckdb).toFixed(1)}x`)
}

/** Lookups while a query of seconds runs again and again, against the same lookups without. */
async function meanwhile(callgate: Callgate): Promise<void> {
  let running = true
  const quiet = get('quiet', served(callgate), one)
  const [alone] = await takeTurns([quiet])
  const heavy = (async () => {
    while (running) await timed(callgate, '/api/service/bench/by_kind')
  })()
  const busy = { ...quiet, name: 'while the aggregate runs in a query worker, without a pause' }
  const [crowded] = await takeTurns([busy])
  running = false
  await heavy
  printTable('Lookups beside a heavy query', [quiet, busy], [alone!, crowded!])
  console.log(`  p99: ${(crowded!.p99 / alone!.p99).toFixed(2)} x of quiet (aim: 2)`)
}

async function starts(): Promise<void> {
  const own: number[] = []
  const bares: number[] = []
  for (let i = 0; i < 5; i++) {
    const started = performance.now()
    const again = await startCallgate({ target: TARGET, dataDir, env })
    own.push(performance.now() - started)
    await again.stop()
    const bareStarted = performance.now()
    const peer = await startPeer('bare')
    await (await fetch(peer.url)).text()
    bares.push(performance.now() - bareStarted)
    await peer.stop()
  }
  console.log(
    `\nFrom start to ready: ${median(own).toFixed(0)} ms (aim: 300); a bare Bun.serve to its first answer: ${median(bares).toFixed(0)} ms`,
  )
}

async function writePeople(path: string): Promise<void> {
  const out = createWriteStream(path)
  out.write('id,name,email,city,amount,active,joined\n')
  for (let from = 0; from < ROWS; from += 10_000) {
    let lines = ''
    for (let id = from; id < from + 10_000; id++)
      lines += `${id},Person ${id},p${id}@example.org,city-${id % CITIES},${(id % 9973) / 4},${id % 3 === 0},2024-0${1 + (id % 9)}-1${id % 10}\n`
    if (!out.write(lines)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
}

async function writeEvents(path: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(
    `COPY (SELECT range AS id, 'kind-' || (range * 7919 % 50) AS kind, (range % 9973) / 4.0 AS amount FROM range(${EVENTS}))
     TO '${path}' (FORMAT parquet)`,
  )
  connection.closeSync()
}
