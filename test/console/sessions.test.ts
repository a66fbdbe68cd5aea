/** Signing in with a browser, through the front door: what a cookie opens, and what it does not. */

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Answer, type Callgate, cleanUp, startCallgate } from '../harness.ts'

setDefaultTimeout(180_000)
const PASSWORD = 'correct horse battery'
let callgate: Callgate

beforeAll(async () => {
  callgate = await startCallgate({
    env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: PASSWORD },
    flags: ['--scoring-workers', '1', '--trusted-proxies', '127.0.0.1'],
  })
  for (const username of ['ada', 'bob', 'carl'])
    await callgate.admin('POST', '/api/users', { username, password: PASSWORD })
})
afterAll(cleanUp)

interface Browser {
  cookie: string
  csrf: string
  call(method: string, path: string, headers?: Record<string, string>, body?: unknown): Promise<Answer>
  change(method: string, path: string, body?: unknown): Promise<Answer>
}

const cookieIn = (answer: Answer) => answer.headers.get('set-cookie')!.split(';')[0]!

function browserOf(answer: Answer): Browser {
  const cookie = cookieIn(answer)
  const csrf = answer.json.csrf_token as string
  const call: Browser['call'] = (method, path, headers = {}, body) =>
    callgate.call(path, { method, body, headers: { cookie, ...headers } })
  return { cookie, csrf, call, change: (m, p, body) => call(m, p, { 'x-csrf-token': csrf }, body) }
}

async function signIn(username = 'root', password = PASSWORD, headers = {}): Promise<Browser> {
  const answer = await callgate.call('/api/auth/session', { body: { username, password }, headers })
  expect(answer.status).toBe(200)
  return browserOf(answer)
}

const catalog = <T>(work: (db: Database) => T): T => {
  const db = new Database(join(callgate.dataDir, 'catalog.db'))
  db.run('PRAGMA busy_timeout = 5000')
  try {
    return work(db)
  } finally {
    db.close()
  }
}

describe('a cookie', () => {
  test('signs in to the management API, and is nothing that scripts or other sites get at', async () => {
    const answer = await callgate.call('/api/auth/session', { body: { username: 'root', password: PASSWORD } })
    const header = answer.headers.get('set-cookie')!
    expect(header).toMatch(/^callgate_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/)
    expect(answer.text).not.toContain(cookieIn(answer).split('=')[1]!)
    expect(answer.json).toMatchObject({ username: 'root', is_admin: true, has_password: true })
    const browser = browserOf(answer)
    expect((await browser.call('GET', '/api/auth/me')).json.username).toBe('root')
    expect((await browser.call('GET', '/api/auth/session')).json.csrf_token).toBe(browser.csrf)
  })

  test('is stored as its hash alone', async () => {
    const { cookie } = await signIn()
    const secret = cookie.split('=')[1]!
    const stored = catalog(db => JSON.stringify(db.query('SELECT * FROM sessions').all()))
    expect(stored).not.toContain(secret)
    expect(stored).toContain(Bun.SHA256.hash(secret, 'base64url' as 'base64'))
  })

  test('under TLS, or a trusted proxy that says so, is Secure and of this host alone', async () => {
    const headers = { 'x-forwarded-proto': 'https' }
    const answer = await callgate.call('/api/auth/session', { body: { username: 'root', password: PASSWORD }, headers })
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-callgate_session=.*; Secure$/)
    const secret = cookieIn(answer).split('=')[1]!
    const plain = { ...headers, cookie: `callgate_session=${secret}` }
    expect((await callgate.call('/api/auth/me', { headers: plain })).status).toBe(401)
    expect((await callgate.call('/api/auth/me', { headers: { ...headers, cookie: cookieIn(answer) } })).status).toBe(
      200,
    )
  })

  test('is begun with a password or a token: what is neither is told so, and nothing of what was sent', async () => {
    const wrong = [
      {},
      { username: 'root' },
      { token: 7 },
      { token: 'hf_secret', username: 'root' },
      { password: PASSWORD },
    ]
    for (const body of wrong) {
      const answer = await callgate.call('/api/auth/session', { body })
      expect(answer.status).toBe(422)
      expect(answer.json.detail).toStartWith('The body must hold username and password, or token')
      expect(answer.text).not.toMatch(new RegExp(`hf_secret|${PASSWORD}`))
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
  })

  test('without its CSRF token, or with that of another session, changes nothing', async () => {
    const [browser, other] = [await signIn(), await signIn()]
    const body = { name: 'x', slug: 'made-by-nobody' }
    const attempts: Record<string, string>[] = [
      {},
      { 'x-csrf-token': '' },
      { 'x-csrf-token': other.csrf },
      { 'x-csrf-token': 'x'.repeat(43) },
    ]
    for (const headers of attempts) {
      const refused = await browser.call('POST', '/api/projects', headers, body)
      expect([refused.status, refused.json.code]).toEqual([403, 'csrf_token_missing'])
      expect(refused.text).not.toContain(browser.csrf)
    }
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      expect((await browser.call(method, '/api/users/1')).status).toBe(method === 'PUT' ? 405 : 403)
    const { items } = (await browser.call('GET', '/api/projects')).json
    expect(items.map((p: { slug: string }) => p.slug)).not.toContain('made-by-nobody')
  })

  test('with its CSRF token from a page of another origin is refused too', async () => {
    const browser = await signIn()
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'x-csrf-token': browser.csrf, 'sec-fetch-site': site }
      const refused = await browser.call('POST', '/api/projects', headers, { name: 'x', slug: 'x-site' })
      expect([refused.status, refused.json.code]).toEqual([403, 'cross_site'])
    }
    const body = { username: 'root', password: PASSWORD }
    const planted = await callgate.call('/api/auth/session', { body, headers: { 'sec-fetch-site': 'cross-site' } })
    expect([planted.status, planted.headers.get('set-cookie')]).toEqual([403, null])
  })

  test('opens no serving door, and a key opens no management', async () => {
    const { cookie } = await signIn()
    for (const path of ['/api/service/none/none', '/v2/models/none', '/v1/a/b'])
      expect((await callgate.call(path, { headers: { cookie } })).status).toBe((await callgate.call(path)).status)
    expect((await callgate.call('/api/service/none/none', { headers: { cookie } })).status).toBe(401)
  })

  test('beside an Authorization header counts for nothing', async () => {
    const { cookie } = await signIn()
    const headers = { cookie, authorization: `Bearer ${mintSecret('hf')}` }
    expect((await callgate.call('/api/auth/me', { headers })).status).toBe(401)
  })

  test('that a browser had before is not taken over by signing in, and ends with it', async () => {
    const planted = 'A'.repeat(43)
    const fixed = await signIn('root', PASSWORD, { cookie: `callgate_session=${planted}` })
    expect(fixed.cookie).not.toContain(planted)
    const again = await signIn('ada', PASSWORD, { cookie: fixed.cookie })
    expect((await fixed.call('GET', '/api/auth/me')).status).toBe(401)
    expect((await again.call('GET', '/api/auth/me')).json.username).toBe('ada')
  })

  test('of odd forms is refused like one that is not known', async () => {
    for (const value of ['', 'x', 'A'.repeat(43), '"A"', '%00', 'A'.repeat(5000)]) {
      const refused = await callgate.call('/api/auth/me', { headers: { cookie: `callgate_session=${value}` } })
      expect([value.length, refused.status, refused.json.code]).toEqual([value.length, 401, 'session_ended'])
    }
  })
})

describe('a session ends', () => {
  const later = (column: string, ms: number) =>
    catalog(db => db.query(`UPDATE sessions SET ${column} = ?`).run(new Date(Date.now() - ms).toISOString()))

  test('8 hours after its last use', async () => {
    const browser = await signIn()
    later('last_used_at', 8 * 3_600_000 - 60_000)
    expect((await browser.call('GET', '/api/auth/me')).status).toBe(200)
    later('last_used_at', 8 * 3_600_000)
    expect((await browser.call('GET', '/api/auth/me')).status).toBe(401)
  })
  test('at its own end, however much it is used', async () => {
    const browser = await signIn()
    later('expires_at', 0)
    expect((await browser.call('GET', '/api/auth/me')).status).toBe(401)
    await signIn()
    expect(catalog(db => db.query('SELECT count(*) AS n FROM sessions').get())).toEqual({ n: 1 })
  })
  test('by signing out, which takes the cookie away', async () => {
    const browser = await signIn()
    expect((await browser.call('DELETE', '/api/auth/session')).status).toBe(403)
    const out = await browser.change('DELETE', '/api/auth/session')
    expect(out.headers.get('set-cookie')).toMatch(/^callgate_session=; .*Max-Age=0/)
    expect((await browser.call('GET', '/api/auth/me')).status).toBe(401)
  })
  test('one by one from the list, and only the own ones are in it', async () => {
    const [here, there, foreign] = [await signIn('ada'), await signIn('ada'), await signIn('bob')]
    const { sessions } = (await here.call('GET', '/api/auth/sessions')).json
    const other = sessions.find((s: { current: boolean }) => !s.current)
    expect(sessions.filter((s: { current: boolean }) => s.current)).toHaveLength(1)
    expect(JSON.stringify(sessions)).not.toMatch(/hash|csrf/)
    expect((await foreign.change('DELETE', `/api/auth/sessions/${other.id}`)).status).toBe(404)
    expect((await there.call('GET', '/api/auth/me')).status).toBe(200)
    expect((await here.change('DELETE', `/api/auth/sessions/${other.id}`)).status).toBe(200)
    expect((await here.call('GET', '/api/auth/me')).status).toBe(200)
  })
  test('all others at once', async () => {
    const [here, there, foreign] = [await signIn('ada'), await signIn('ada'), await signIn('bob')]
    expect((await here.change('DELETE', '/api/auth/sessions')).json.ended).toBeGreaterThan(0)
    expect((await there.call('GET', '/api/auth/me')).status).toBe(401)
    expect((await here.call('GET', '/api/auth/me')).status).toBe(200)
    expect((await foreign.call('GET', '/api/auth/me')).status).toBe(200)
  })
  test('with the token that it was begun with: when that is revoked, and when it expires', async () => {
    const ada = await signIn('ada')
    const mint = async (expires_days: number) =>
      (await ada.change('POST', '/api/auth/tokens', { name: 'browser', expires_days })).json
    const token = await mint(0)
    const begin = async (secret: string) =>
      browserOf(await callgate.call('/api/auth/session', { body: { token: secret } }))
    const browser = await begin(token.token)
    expect((await browser.call('GET', '/api/auth/me')).json.username).toBe('ada')
    expect((await ada.change('DELETE', `/api/auth/tokens/${token.id}`)).status).toBe(200)
    expect((await browser.call('GET', '/api/auth/me')).status).toBe(401)
    expect((await ada.call('GET', '/api/auth/me')).status).toBe(200)
    const short = await mint(1)
    const { expires_at } = (await (await begin(short.token)).call('GET', '/api/auth/session')).json
    expect(expires_at).toBe(short.expires_at)
  })
  test('when its user is made inactive or removed', async () => {
    const browser = await signIn('carl')
    const { items } = (await callgate.admin('GET', '/api/users')).json
    const { user_id } = items.find((u: { username: string }) => u.username === 'carl')
    await callgate.admin('PATCH', `/api/users/${user_id}`, { is_active: false })
    expect((await browser.call('GET', '/api/auth/me')).status).toBe(401)
    await callgate.admin('DELETE', `/api/users/${user_id}`)
    expect(catalog(db => db.query('SELECT id FROM sessions WHERE user_id = ?').all(user_id))).toEqual([])
  })
})

describe('changing the own password', () => {
  test('needs the old one, ends every other session, and this one goes on', async () => {
    const [here, there] = [await signIn('bob'), await signIn('bob')]
    const change = (current_password: string, password: string) =>
      here.change('POST', '/api/auth/password', { current_password, password })
    expect((await change('not the old one', 'a new long password')).status).toBe(401)
    expect((await change(PASSWORD, 'short')).status).toBe(422)
    expect((await there.call('GET', '/api/auth/me')).status).toBe(200)
    expect((await change(PASSWORD, 'a new long password')).status).toBe(200)
    expect((await there.call('GET', '/api/auth/me')).status).toBe(401)
    expect((await here.call('GET', '/api/auth/me')).status).toBe(200)
    expect((await callgate.call('/api/auth/session', { body: { username: 'bob', password: PASSWORD } })).status).toBe(
      401,
    )
  })
})

test('of two changes of a password with the same old one the first holds, as does a reset', async () => {
  const { user_id } = (await callgate.admin('POST', '/api/users', { username: 'dora', password: PASSWORD })).json
  const bearer = async (password: string) => {
    const { json } = await callgate.call('/api/auth/login', { body: { username: 'dora', password } })
    return { authorization: `Bearer ${json.access_token}` }
  }
  const minted = await callgate.call('/api/auth/tokens', { body: { name: 'ci' }, headers: await bearer(PASSWORD) })
  // it goes on after a change, as a session would not
  const headers = { authorization: `Bearer ${minted.json.token}` }
  const change = (password: string) =>
    callgate.call('/api/auth/password', { body: { current_password: PASSWORD, password }, headers })
  const works = async (password: string) =>
    (await callgate.call('/api/auth/login', { body: { username: 'dora', password } })).status === 200
  const chosen = ['the first new one', 'the other new one']
  const changed = (await Promise.all(chosen.map(change))).map(({ status }) => status === 200)
  expect(changed.filter(Boolean)).toHaveLength(1)
  for (const [i, password] of chosen.entries()) expect(await works(password)).toBe(changed[i]!)

  const reset = (password: string) => callgate.admin('PATCH', `/api/users/${user_id}`, { password })
  await reset(PASSWORD)
  const [, resets] = await Promise.all([change('a thief of the token'), reset('what the admin set')])
  expect(resets.status).toBe(200)
  expect(await works('what the admin set')).toBe(true)
})

describe('the first start', () => {
  test('the printed token makes the administrator, once; nothing else does', async () => {
    const fresh = await startCallgate({ flags: ['--scoring-workers', '1'] })
    const setup = (token: string, username = 'admin') =>
      fresh.call('/api/auth/setup', { body: { token, username, password: PASSWORD } })
    expect((await fresh.call('/api/auth/setup')).json).toEqual({ needed: true })
    const refused = await setup(mintSecret('hf'))
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null])
    await fresh.admin('POST', '/api/users', { username: 'tok', password: PASSWORD }) // somebody has a password now
    expect((await fresh.call('/api/auth/setup')).json).toEqual({ needed: false })
    expect((await setup(fresh.adminToken)).status).toBe(409)
    const user = (await fresh.admin('GET', '/api/users')).json.items.find(
      (u: { username: string }) => u.username === 'tok',
    )
    await fresh.admin('DELETE', `/api/users/${user.user_id}`)
    const made = await setup(fresh.adminToken)
    expect([made.status, made.json.username, made.json.is_admin]).toEqual([201, 'admin', true])
    expect((await fresh.call('/api/auth/me', { headers: { cookie: cookieIn(made) } })).status).toBe(200)
    expect((await setup(fresh.adminToken, 'second')).status).toBe(409)
    expect((await fresh.admin('GET', '/api/users')).json.items).toHaveLength(1)
    expect((await fresh.admin('GET', '/api/auth/me')).status).toBe(200)
    await fresh.stop()
  })
  test('a token alone signs in as its owner', async () => {
    const answer = await callgate.call('/api/auth/session', { body: { token: callgate.adminToken } })
    expect([answer.status, answer.json.username]).toEqual([200, 'root'])
    expect(answer.text).not.toContain(callgate.adminToken)
  })
  test('the server says where the console is', () => {
    expect(callgate.output()).toContain(`${callgate.url}/console`)
  })
})

test('wrong passwords are counted as they are at the other sign-in', async () => {
  const guarded = await startCallgate({ env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: PASSWORD } })
  const attempt = (path: string, password: string) => guarded.call(path, { body: { username: 'root', password } })
  const wrong = await Promise.all(
    Array.from({ length: 10 }, (_, i) => attempt(i % 2 ? '/api/auth/session' : '/api/auth/login', `wrong-${i}`)),
  )
  expect(wrong.map(answer => answer.status)).toEqual(Array(10).fill(401))
  expect((await attempt('/api/auth/session', PASSWORD)).status).toBe(429)
  await guarded.stop()
})
