/** `callgate demo`: the README's first command. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cleanUp, startCallgate, TARGETS, type Target, temporaryFolder } from '../harness.ts'
import { expectUseful, pasted } from './pasted.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
let first: Awaited<ReturnType<typeof start>>
afterAll(cleanUp)

async function start(target: Target) {
  const flags = ['--scoring-workers', '1']
  const callgate = await startCallgate({ target, command: 'demo', dataDir: join(folder, target), flags })
  return { callgate, ...(await pasted(callgate)) }
}

test.each(TARGETS)('from the %s: lines that can be pasted, and answer with flights and a prediction', async target => {
  first = await start(target)
  const { callgate, key, commands, answers } = first
  expect(key).toBeDefined()
  expect(commands.length).toBeGreaterThanOrEqual(3)
  expectUseful(answers)
  expect(answers.some(({ json }) => json.predictions)).toBe(true)
  const [flight] = answers.find(({ command }) => command.includes('/flights/flight?'))!.json.rows
  expect(flight.tailnum).toMatch(/^\*\*\*/) // the key is a masked one
  expect(await callgate.stop()).toBe(0)
  expect(readdirSync(dirname(callgate.dataDir)).filter(name => !TARGETS.includes(name as Target))).toEqual([])
})

test('a second start imports nothing, answers the same with a new key, and the key of the first is revoked', async () => {
  const { callgate, key, answers } = await start('executable')
  expect(callgate.output()).not.toContain('importing')
  expect(answers.map(({ json }) => json)).toEqual(first.answers.map(({ json }) => json))
  expect(key).not.toBe(first.key)
  expect((await callgate.call('/api/service/flights/flight?id=1', { key: first.key })).status).toBe(403)
  expect(await callgate.stop()).toBe(0)
})
