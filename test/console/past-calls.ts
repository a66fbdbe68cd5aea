/** A month of calls for the console's pages, counted and written by the server's own code, as if they had come when they are dated. */
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { closeCatalog, connectCatalog } from '../../db/connect.ts'
import { UsageLog } from '../../src/catalog/usage.ts'
import { Place, UsageCounter } from '../../src/telemetry/usage.ts'
import type { Callgate } from '../harness.ts'
import { projectId } from './data.ts'

const MINUTE_MS = 60_000
const DAYS = 30

/** The same at every run. */
function dice(): () => number {
  let state = 42
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

/** Of the project `garden`: every hour of a month, every minute of the last hour. */
export async function addPastCalls(callgate: Callgate): Promise<void> {
  const garden = await projectId(callgate, 'garden')
  const keys = keyIds(callgate.dataDir)
  const place = (service: string, endpoint: string) =>
    new Place({ projectId: garden, service, endpoint, deployment: '' })
  const callers = [
    { place: place('plants', 'plant'), key: keys('shop window'), share: 1, ms: 1.2, fails: 0, throttledFrom: 0.97 },
    { place: place('plants', 'search'), key: keys('shop window'), share: 0.5, ms: 9, fails: 0.01, throttledFrom: 1 },
    { place: place('plants', 'species'), key: keys('head gardener'), share: 0.3, ms: 4, fails: 0, throttledFrom: 1 },
    { place: place('flowers', 'species'), key: keys('operations'), share: 0.2, ms: 5, fails: 0.05, throttledFrom: 1 },
    { place: place('plants', ''), key: keys('shop window'), share: 0.02, ms: 0, fails: -1, throttledFrom: 1 },
  ]
  const random = dice()
  const counter = new UsageCounter()
  const now = Date.now()
  const callsAt = (at: number, most: number) => {
    const hour = new Date(at).getUTCHours()
    const calls = most * (0.25 + 0.75 * Math.sin((Math.PI * hour) / 24) ** 2)
    for (const { place, key, share, ms, fails, throttledFrom } of callers)
      for (let call = 0; call < calls * share; call++) {
        const chance = random()
        const status = fails < 0 ? 404 : chance < fails ? 503 : chance > throttledFrom ? 429 : chance > 0.9 ? 304 : 200
        counter.count(place, key, status, ms * (0.5 + random() + (random() > 0.97 ? 6 : 0)), at)
      }
  }
  for (let hours = DAYS * 24; hours > 1; hours--) callsAt(now - hours * 60 * MINUTE_MS, 240)
  for (let minutes = 59; minutes >= 0; minutes--) callsAt(now - minutes * MINUTE_MS, 6)
  const { db } = connectCatalog(callgate.dataDir)
  new UsageLog(db, counter).flush()
  db.$client.run(`UPDATE api_keys SET last_used_at = strftime('%Y-%m-%dT%H:%M:%fZ')`)
  closeCatalog(db)
}

function keyIds(dataDir: string): (name: string) => number {
  const db = new Database(join(dataDir, 'catalog.db'), { readonly: true })
  const rows = db.query('SELECT id, name FROM api_keys').all() as { id: number; name: string }[]
  db.close()
  return name => rows.find(row => row.name === name)!.id
}
