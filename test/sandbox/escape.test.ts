/** What handlers try that they must not be able to do. Each costs its caller an error, and nobody else anything. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Answer, type Callgate, cleanUp, startCallgate } from '../harness.ts'
import { type Attempt, ATTEMPTS as OLDER } from './attempts.ts'
import { BORDER_ATTEMPTS } from './border-attempts.ts'
import { ENGINE_ATTEMPTS } from './engine-attempts.ts'

setDefaultTimeout(240_000)

const ATTEMPTS = [...OLDER, ...BORDER_ATTEMPTS, ...ENGINE_ATTEMPTS]

const key = mintSecret('dk')
const idOf = (i: number) => `attempt-${i}`
const named = (id: string, handler: string, more: object = {}) => ({ id, kind: 'function', handler, ...more })
const helpers = [
  named('echo', 'export default ({ body }) => ({ echo: body })'),
  named('secret', "export default () => 'secret'"),
  // as long as it may: it waits for another that burns its CPU
  named('sleep', 'export default () => { for (;;); }', { limits: { cpu_ms: 300 } }),
  named('self', "export default (_, host) => host.call('self')"),
]
// a busy machine gives them their CPU slowly: it is not the wall time that is to end them
const attempts = ATTEMPTS.map(({ handler, limits, grants }, i) =>
  named(idOf(i), handler, { limits: { wall_ms: 120_000, ...limits }, ...(grants ? { grants } : {}) }),
)
const manifest = {
  projects: [
    {
      slug: 'hostile',
      services: [
        {
          key: 'shop',
          publish: true,
          endpoints: [...helpers, ...attempts],
          keys: [
            {
              name: 'caller',
              secret_env: 'CALLER_KEY',
              allowed_endpoints: ['echo', 'sleep', 'self', ...attempts.map(({ id }) => id)],
            },
          ],
        },
        { key: 'other', publish: true, endpoints: [named('open', 'export default () => 1')] },
      ],
    },
  ],
}

let server: Callgate
const call = (endpoint: string, body: unknown = {}) => server.call(`/api/service/shop/${endpoint}`, { key, body })

beforeAll(async () => {
  server = await startCallgate({
    manifest,
    env: { CALLER_KEY: key },
    flags: ['--function-workers', '2', '--request-timeout', '240s'],
  })
  await call('echo')
}, 240_000)
afterAll(cleanUp)

function expected({ tries, gives }: Attempt, { status, json, text }: Answer): void {
  const answer = `${tries}: ${status} ${text}`
  if ('json' in gives) expect([status, json], answer).toEqual([200, gives.json as never])
  else {
    expect(status, answer).toBe(gives.status)
    if (gives.names) expect(json.detail, answer).toContain(gives.names)
  }
}

describe('a handler tries', () => {
  test.each(ATTEMPTS.map((attempt, i) => [attempt.tries, attempt, i] as const))('%s', async (_, attempt, i) => {
    // what the first call did must be nothing to the second
    const often = 'json' in attempt.gives ? 2 : 1
    for (let times = 0; times < often; times++) {
      const answer = await call(idOf(i), { given: times })
      expected(attempt, answer)
      expect(answer.text).not.toMatch(
        /\/(work|usr|home|root|tmp|\$bunfs)\/|node_modules|callgate:|handler\.ts|prelude|at <anonymous>/,
      )
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
  })
})

test('all of them at once: each gets what it gets alone, and others are served meanwhile', async () => {
  let served = 0
  let trying = true
  const neighbour = async () => {
    while (trying) {
      const answer = await call('echo', { n: served })
      expect([answer.status, Object.keys(answer.json)], `a neighbour: ${answer.text}`).toEqual([200, ['echo']])
      served++
    }
  }
  const neighbours = [neighbour(), neighbour()]
  const light = ATTEMPTS.map((attempt, i) => ({ attempt, i })).filter(({ attempt }) => !attempt.tries.includes('wait'))
  await Promise.all(light.map(async ({ attempt, i }) => expected(attempt, await call(idOf(i)))))
  trying = false
  await Promise.all(neighbours)
  expect(served).toBeGreaterThan(20)
  // no process had to be ended for any of it; one that has grown is replaced, which is not said
  expect(server.output()).not.toContain('a function worker was lost')
}, 600_000)

test('there are at least forty attempts, each with a name of its own', () => {
  const names = new Set(ATTEMPTS.map(({ tries }) => tries))
  expect(names.size).toBe(ATTEMPTS.length)
  expect(names.size).toBeGreaterThan(40)
})
