/**
 * `bun test/bench/lookup.ts`: lookups by primary key in a million rows, and filtered pages of 50 rows, with key, reach, rate
 * limit, parameters and column policy checked; memory when idle, and the time from start to ready.
 */

import { once } from 'node:events'
import { createWriteStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, startCallgate, temporaryFolder } from '../harness.ts'
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

const ROWS = 1_000_000
const CITIES = 2000
const SHOWN = ['id', 'name', 'city', 'amount', 'active', 'joined']
const key = mintSecret('dk')
const env = { BENCH_KEY: key }

const folder = temporaryFolder()
const dataDir = join(folder, 'data')
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
          ],
          keys: [
            {
              name: 'bench',
              secret_env: 'BENCH_KEY',
              rate_limit: 1_000_000_000,
              allowed_endpoints: ['person', 'people'],
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

try {
  await writePeople(join(folder, 'people.csv'))
  printHead('lookups')
  const imported = performance.now()
  const callgate = await startCallgate({ target: TARGET, manifest, dataDir, env })
  console.log(
    `a million rows imported, indexed and published in ${((performance.now() - imported) / 1000).toFixed(1)} s`,
  )
  await Bun.sleep(2000)
  const { pid } = callgate.process
  console.log(`Idle memory: main process ${residentMb(pid).toFixed(0)} MB (aim: 150)`)
  for (const worker of workersOf(pid))
    console.log(`  ${worker.kind} worker ${residentMb(worker.pid).toFixed(0)} MB (aim: 120)`)

  const bare = await startPeer('bare')
  const one = Array.from({ length: 1000 }, () => `/api/service/bench/person?id=${random(ROWS)}`)
  const lookups = [
    get('bare Bun.serve, 200 bytes', bare, one),
    get('Callgate, lookup by primary key', served(callgate), one),
  ]
  printTable('Lookup by primary key in a million rows', lookups, await takeTurns(lookups), 0.45)

  const [file] = readdirSync(join(dataDir, 'warehouse')).filter(name => name.endsWith('.sqlite'))
  const naive = await startPeer('page', join(dataDir, 'warehouse', file!))
  const page = Array.from({ length: 1000 }, () => `/api/service/bench/people?city=city-${random(CITIES)}`)
  const pages = [
    get('naive Bun.serve and bun:sqlite, no checks', naive, page),
    get('Callgate, sql endpoint', served(callgate), page),
  ]
  printTable('Filtered page of 50 rows', pages, await takeTurns(pages), 0.8)
  console.log(`\nMemory after the load: main process ${residentMb(pid).toFixed(0)} MB`)
  await naive.stop()
  await bare.stop()
  await callgate.stop()

  const starts: number[] = []
  const bares: number[] = []
  for (let i = 0; i < 5; i++) {
    const started = performance.now()
    const again = await startCallgate({ target: TARGET, dataDir, env })
    starts.push(performance.now() - started)
    await again.stop()
    const bareStarted = performance.now()
    const peer = await startPeer('bare')
    await (await fetch(peer.url)).text()
    bares.push(performance.now() - bareStarted)
    await peer.stop()
  }
  console.log(
    `\nFrom start to ready: ${median(starts).toFixed(0)} ms (aim: 300); a bare Bun.serve to its first answer: ${median(bares).toFixed(0)} ms`,
  )
} finally {
  await cleanUp()
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
