/**
 * kill -9 of the server and of its writing process, at any moment of writes: what was acknowledged stays, nothing is there
 * half, and a request that is sent again with its Idempotency-Key is done once.
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import {
  type Answer,
  type Callgate,
  cleanUp,
  startCallgate,
  type Target,
  temporaryFolder,
  waitFor,
} from '../harness.ts'
import { ended, sigkill, workersOf } from './processes.ts'

const KILLS = Number(process.env.CALLGATE_KILLS ?? 4)
const target = (process.env.CALLGATE_KILL_TARGET ?? 'source') as Target
const WRITERS = 4
const BULK = 40

setDefaultTimeout(15_000 + KILLS * 10_000)
afterAll(cleanUp)

const folder = temporaryFolder()
const env = { CALLGATE_ADMIN_TOKEN: mintSecret('hf'), WRITES_KEY: mintSecret('dk') }
const key = env.WRITES_KEY
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const manifest = {
  projects: [
    {
      slug: 'p',
      datasets: ['single', 'bulk'].map(name => ({
        name: `w.${name}`,
        writable: true,
        primary_key: 'id',
        indexes: [['mark']],
        columns: { id: { type: 'integer' }, mark: { type: 'text' }, n: { type: 'integer' } },
      })),
      services: [
        {
          key: 'w',
          publish: true,
          endpoints: ['single', 'bulk'].map(id => ({
            id,
            kind: 'table',
            dataset: `w.${id}`,
            methods: METHODS,
            pagination: { max_limit: 1000 },
          })),
          keys: [{ name: 'w', secret_env: 'WRITES_KEY', allowed_methods: METHODS, masking_level: 'unmasked' }],
        },
      ],
    },
  ],
}
const start = (options: object = {}) => startCallgate({ target, env, dataDir: join(folder, 'data'), ...options })
const url = (path: string) => `/api/service/w/${path}`

/** What each writer was told, and what it does not know of. */
interface Ledger {
  /** mark -> how many rows of it were acknowledged */
  acked: Map<string, number>
  /** requests whose answer never came: sent again after the next start */
  open: { path: string; mark: string; body: unknown; headers: Record<string, string> }[]
  lost: number
}

test(`${KILLS} kills: nothing acknowledged is lost, nothing is there half, nothing is done twice`, async () => {
  const ledger: Ledger = { acked: new Map(), open: [], lost: 0 }
  let callgate = await start({ manifest })
  for (let kill = 0; kill < KILLS; kill++) {
    const ofServer = kill % 2 === 0
    let stopped = false
    const writers = Array.from({ length: WRITERS }, (_, i) => writer(callgate, ledger, `k${kill}-w${i}`, () => stopped))
    await waitFor(() => ledger.acked.size > (kill + 1) * 10 || undefined)
    await Bun.sleep(Math.random() * 60)
    const workers = workersOf(callgate.process.pid)
    if (ofServer) {
      await callgate.kill()
      await Promise.all(writers)
      await ended(workers)
      callgate = await start()
    } else {
      // the server goes on: another process writes, and nobody has to send anything again but who is told so
      for (const { pid, command } of workers) if (command.endsWith('worker write')) sigkill(pid)
      const before = ledger.acked.size
      await waitFor(() => ledger.acked.size > before + 10 || undefined)
      stopped = true
      await Promise.all(writers)
      expect(callgate.process.exitCode).toBeNull()
    }
    await verify(callgate, ledger)
  }
  expect(await callgate.stop()).toBe(0)
  console.log(
    `  ${KILLS} kills; ${ledger.acked.size} writes acknowledged and kept, ${ledger.lost} without an answer and sent again`,
  )
})

/** Adds single rows and lists until the server is gone or `stopped` says so. */
async function writer(callgate: Callgate, ledger: Ledger, name: string, stopped: () => boolean): Promise<void> {
  for (let n = 0; !stopped(); n++) {
    const mark = `${name}-${n}`
    const bulk = n % 3 === 0
    const path = bulk ? 'bulk' : 'single'
    const body = bulk ? Array.from({ length: BULK }, (_, i) => ({ mark, n: i })) : { mark, n }
    const headers = { 'idempotency-key': mark }
    const answer = await send(callgate, path, body, headers)
    if (answer?.status === 201) ledger.acked.set(mark, bulk ? BULK : 1)
    else {
      ledger.open.push({ path, mark, body, headers })
      if (!answer) return
      expect([503]).toContain(answer.status) // the writing process was lost twice, or after it had committed
    }
  }
}

const send = (
  callgate: Callgate,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer | undefined> =>
  callgate.call(url(path), { method: 'POST', key, body, headers }).catch(() => undefined)

async function verify(callgate: Callgate, ledger: Ledger): Promise<void> {
  const count = async (path: string, mark: string) =>
    (await callgate.call(url(`${path}?limit=1000&mark=${encodeURIComponent(mark)}`), { key })).json.count
  for (const { path, mark, body, headers } of ledger.open.splice(0)) {
    const size = path === 'bulk' ? BULK : 1
    expect([mark, [0, size].includes(await count(path, mark))]).toEqual([mark, true])
    const again = await send(callgate, path, body, headers)
    expect([mark, again?.status]).toEqual([mark, 201])
    ledger.acked.set(mark, size)
    ledger.lost++
  }
  for (const [mark, size] of [...ledger.acked].slice(-60))
    expect([mark, await count(size > 1 ? 'bulk' : 'single', mark)]).toEqual([mark, size])
  const sums = [...ledger.acked.values()]
  const rows = (name: string) => callgate.admin('GET', `/api/datasets/w.${name}`).then(a => a.json.row_count)
  expect(await rows('bulk')).toBe(sums.filter(n => n > 1).length * BULK)
  expect(await rows('single')).toBe(sums.filter(n => n === 1).length)
}
