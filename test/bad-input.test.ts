/** Bad input at every door is a 4xx in the door's shape that gives nothing away, and the process lives on. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { largeBodies } from './conformance/bad-input/bodies.ts'
import { randomDamage } from './conformance/bad-input/damage.ts'
import { badManagement } from './conformance/bad-input/management.ts'
import { rawRequests } from './conformance/bad-input/raw-requests.ts'
import { expectRefusal, JSON_TYPE, MARK, nested } from './conformance/bad-input/refusal.ts'
import { badCalls } from './conformance/bad-input/serving.ts'
import { MODEL_ROW, World } from './conformance/honeyframe/world.ts'
import { type Answer, cleanUp } from './harness.ts'

setDefaultTimeout(180_000)

const world = new World('source', { maxBody: '16MiB' })
let read = 0

beforeAll(() => world.start(), 180_000)
afterAll(cleanUp)
afterEach(async () => {
  const good = await world.score({ features: MODEL_ROW })
  expect([good.status, good.json?.predictions]).toEqual([200, ['stays']])
  expect((await world.serve('customer?id=1')).json.rows[0].id).toBe(1)
  const output = world.callgate.output()
  const printed = output.slice(read)
  read = output.length
  expect(printed).not.toContain('"level":"error"')
})

describe('bad calls', () => badCalls(world))
describe('bodies that are too large', () => largeBodies(world))
describe('requests that no client would send', () => rawRequests(world))
describe('unknown paths and probes', () => {
  test('every method on every odd path is a 404 or 405 problem document', async () => {
    const paths = [
      '/nothing',
      '/%00',
      '/%zz',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/-/nothing',
      '/-/alive/x',
      `/${'x'.repeat(10_000)}`,
      '/__proto__',
      `/?${MARK}`,
    ]
    for (const path of paths)
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
        expectRefusal(
          await world.call(path, { method, body: `{${MARK}`, headers: JSON_TYPE }),
          `${method} ${path}`,
          [404, 405],
        )
    for (const path of paths.slice(0, -1)) expectRefusal(await world.call(path), `GET ${path}`, [404])
  })
})
describe('the management API', () => badManagement(world))
test('200 bad requests at once are 200 refusals', async () => {
  const admin = { authorization: `Bearer ${world.callgate.adminToken}`, ...JSON_TYPE }
  const bad: (() => Promise<Answer>)[] = [
    () => world.score(nested('[', ']', 5000), JSON_TYPE),
    () => world.score(`{"rows":["${MARK}"]}`, JSON_TYPE),
    () => world.serve(`customer?id=${MARK}`),
    () => world.serve(`search?nope=${MARK}`),
    () => world.call(`/${MARK.toLowerCase()}`),
    () => world.call('/api/publish/assets', { method: 'POST', body: '{', headers: admin }),
    () => world.call('/api/users', { method: 'POST', body: '{"username":1}', headers: admin }),
    () => world.serve('churn', { method: 'POST', body: 'x'.repeat(100_000), headers: JSON_TYPE }),
  ]
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => bad[index % bad.length]!()))
  for (const [index, answer] of answers.entries()) expectRefusal(answer, `request ${index}`)
})
describe('random damage', () => randomDamage(world))
