/** What is asked for without a body is worked on for as long as it takes, as what comes with one is. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { ended, workersOf } from '../life/processes.ts'

setDefaultTimeout(120_000)
afterAll(cleanUp)

/** Longer than a connection may be silent, which is 15 s more than the request timeout. */
const SILENCE_MS = 22_000
const ROWS = 300_000

test('a file whose import takes longer than a connection may be silent is read again, and its caller is told', async () => {
  const from = join(temporaryFolder(), 'beds.csv')
  writeFileSync(from, 'bed\n1\n')
  const callgate = await startCallgate({
    flags: ['--scoring-workers', '1', '--request-timeout', '1s'],
    manifest: { projects: [{ slug: 'garden', name: 'Garden', datasets: [{ name: 'marts.beds', from }] }] },
  })
  await ended(workersOf(callgate.process.pid, 'import'))
  writeFileSync(from, `bed\n${Array.from({ length: ROWS }, (_, i) => i).join('\n')}`)
  const warehouse = join(callgate.dataDir, 'warehouse')
  const before = readdirSync(warehouse).length
  const refreshing = callgate.admin('POST', '/api/datasets/marts.beds/refresh')
  await waitFor(() => readdirSync(warehouse).length > before || undefined) // it is being written
  const [importer] = workersOf(callgate.process.pid, 'import')
  process.kill(importer!.pid, 'SIGSTOP')
  const resumed = Bun.sleep(SILENCE_MS).then(() => process.kill(importer!.pid, 'SIGCONT'))
  const { status, json } = await refreshing
  expect([status, json?.refreshed, json?.row_count]).toEqual([200, true, ROWS])
  await resumed
})
