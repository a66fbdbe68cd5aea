/** The console is at the same origin as what is deployed: its session is not a server's to know or set, nor the origin's rest. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { setsSession, withoutSession } from '../../src/lib/session-cookie.ts'
import { cleanUp } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

test.each([
  ['a=1; callgate_session=x; b=2', 'a=1; b=2'],
  ['callgate_session=x', ''],
  ['__Host-callgate_session=x;a=1', 'a=1'],
  ['callgate_session=x; callgate_session=y', ''],
  ['callgate_session_of_mine=x; my_callgate_session=y', 'callgate_session_of_mine=x; my_callgate_session=y'],
  ['a=callgate_session=x', 'a=callgate_session=x'],
  ['a="b; c"', 'a="b; c"'],
])('of the cookies %p, %p are handed on', (cookies, handedOn) => {
  expect(withoutSession(cookies)).toBe(handedOn)
})

test.each([
  ['callgate_session=x; Path=/', true],
  ['__Host-callgate_session=x; Secure; Path=/', true],
  [' =callgate_session=x', true],
  ['session=callgate_session', false],
  ['callgate_sessions=x', false],
])('%p sets the session: %p', (cookie, sets) => {
  expect(setsSession(cookie)).toBe(sets)
})

const world = new World()
const remote = Bun.serve({
  port: 0,
  fetch(request) {
    const headers = new Headers()
    headers.append('set-cookie', 'callgate_session=planted; Path=/')
    headers.append('set-cookie', 'basket=3')
    headers.set('clear-site-data', '"cookies", "storage"')
    headers.set('service-worker-allowed', '/')
    headers.set('x-own', 'yes')
    return Response.json(Object.fromEntries(request.headers), { headers })
  },
})
beforeAll(() =>
  world.start([{ name: 'shop', upstream: `http://127.0.0.1:${remote.port}` }], {
    flags: ['--host-domain', 'serving.example'],
  }),
)
afterAll(async () => {
  await remote.stop(true)
  await cleanUp()
})

test('a server gets the cookies that are its own, and sets those only', async () => {
  const { headers, json } = await world.call('shop', '/', { headers: { cookie: 'callgate_session=secret; basket=2' } })
  expect(json.cookie).toBe('basket=2')
  expect(headers.getSetCookie()).toEqual(['basket=3'])
  const { text } = await world.call('shop', '/', { headers: { cookie: '__Host-callgate_session=secret' } })
  expect(text).not.toContain('cookie')
})

test('a server speaks for the origin that it is at: below a path not, under a Host of its own it does', async () => {
  const OF_ORIGIN = ['clear-site-data', 'service-worker-allowed']
  const below = await world.call('shop', '/')
  expect([below.status, below.headers.get('x-own')]).toEqual([200, 'yes'])
  expect(OF_ORIGIN.map(name => below.headers.get(name))).toEqual([null, null])
  const own = await world.callgate.call('/', { key: world.key, headers: { host: 'shop.life.serving.example' } })
  expect([own.status, own.headers.get('x-own')]).toEqual([200, 'yes'])
  expect(OF_ORIGIN.map(name => own.headers.get(name))).toEqual(['"cookies", "storage"', '/'])
})
