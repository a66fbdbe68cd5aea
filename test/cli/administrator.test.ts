/** How the first administrator comes to be, and what the environment says of it at later starts. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret, wellFormed } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder } from '../harness.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
afterAll(cleanUp)

const PRINTED = /Administrator's token, shown only now: (\S+)/
const start = (dataDir: string, env: Record<string, string>) =>
  startCallgate({
    dataDir: join(folder, dataDir),
    env: { CALLGATE_ADMIN_TOKEN: '', ...env },
    flags: ['--scoring-workers', '1'],
  })
const whoIs = (callgate: Callgate, secret: string) =>
  callgate.call('/api/auth/me', { headers: { authorization: `Bearer ${secret}` } })
const signIn = (callgate: Callgate, username: string, password: string) =>
  callgate.call('/api/auth/login', { body: { username, password } })

test('without a token the first start prints one, once; it works, and the second start prints none', async () => {
  const first = await start('minted', {})
  const token = PRINTED.exec(first.output())![1]!
  expect(wellFormed(token, 'hf')).toBe(true)
  expect(first.output().split(token)).toHaveLength(2)
  expect((await whoIs(first, token)).json).toMatchObject({ username: 'admin', is_admin: true })
  expect(await first.stop()).toBe(0)

  const second = await start('minted', {})
  expect(second.output()).not.toMatch(/hf_/)
  expect((await whoIs(second, token)).status).toBe(200)
  expect(await second.stop()).toBe(0)
})

test('a token from the environment works and is never printed; another one at a later start replaces it', async () => {
  const [one, two] = [mintSecret('hf'), mintSecret('hf')]
  const first = await start('given', { CALLGATE_ADMIN_TOKEN: one })
  expect((await whoIs(first, one)).status).toBe(200)
  expect(await first.stop()).toBe(0)
  const second = await start('given', { CALLGATE_ADMIN_TOKEN: two })
  expect((await whoIs(second, two)).status).toBe(200)
  expect((await whoIs(second, one)).status).toBe(401)
  expect(await second.stop()).toBe(0)
  for (const output of [first.output(), second.output()]) expect(output).not.toMatch(/hf_/)
})

test('a token that is given again after another one works again, and the other one no longer; one that was revoked stays so', async () => {
  const [one, two] = [mintSecret('hf'), mintSecret('hf')]
  const starts = (token: string) => start('again', { CALLGATE_ADMIN_TOKEN: token })
  for (const token of [one, two]) expect(await (await starts(token)).stop()).toBe(0)
  const third = await starts(one)
  expect([(await whoIs(third, one)).status, (await whoIs(third, two)).status]).toEqual([200, 401])
  const headers = { authorization: `Bearer ${one}` }
  const { tokens } = (await third.call('/api/auth/tokens', { headers })).json
  expect(tokens).toHaveLength(1)
  expect((await third.call(`/api/auth/tokens/${tokens[0].id}`, { method: 'DELETE', headers })).status).toBe(200)
  expect(await third.stop()).toBe(0)
  const fourth = await starts(one)
  expect((await whoIs(fourth, one)).status).toBe(401)
  expect(fourth.output()).toContain('CALLGATE_ADMIN_TOKEN was revoked, and signs nobody in: give another one')
  expect(await fourth.stop()).toBe(0)
})

test.each(['former', 'admin'])(
  'a token from the environment is of an administrator who is active, where %s no longer is',
  async username => {
    const token = mintSecret('hf')
    const first = await start(`left-${username}`, { CALLGATE_ADMIN_USERNAME: username, CALLGATE_ADMIN_TOKEN: token })
    const headers = { authorization: `Bearer ${token}` }
    const password = 'a long enough secret'
    await first.call('/api/users', { headers, body: { username: 'boss', password, is_admin: true } })
    const { user_id } = (await whoIs(first, token)).json
    const left = await first.call(`/api/users/${user_id}`, { method: 'PATCH', headers, body: { is_active: false } })
    expect(left.status).toBe(200)
    expect(await first.stop()).toBe(0)
    const given = mintSecret('hf')
    const second = await start(`left-${username}`, { CALLGATE_ADMIN_TOKEN: given })
    expect((await whoIs(second, given)).json).toMatchObject({ username: 'boss', is_admin: true })
    expect(await second.stop()).toBe(0)
    const third = await start(`left-${username}`, { CALLGATE_ADMIN_TOKEN: token })
    expect((await whoIs(third, token)).status).toBe(401)
    expect(third.output()).toContain('CALLGATE_ADMIN_TOKEN is of a user who is not active, and signs nobody in')
    expect(await third.stop()).toBe(0)
  },
)

test('a username and password from the environment sign in, no token is printed, and a new password ends the old', async () => {
  const [username, old, renewed] = ['root.of-all', 'correct horse battery', 'another staple altogether']
  const first = await start('password', { CALLGATE_ADMIN_USERNAME: username, CALLGATE_ADMIN_PASSWORD: old })
  expect(first.output()).not.toMatch(/hf_/)
  const { status, json } = await signIn(first, username, old)
  expect(status).toBe(200)
  expect((await whoIs(first, json.access_token)).json).toMatchObject({ username, is_admin: true })
  for (const [name, password] of [
    [username, renewed],
    ['admin', old],
    [username, ''],
  ] as const) {
    const refused = await signIn(first, name, password)
    expect(refused.status).toBe(401)
    expect(refused.json.detail).toBe('Wrong username or password.')
  }
  expect(await first.stop()).toBe(0)

  const second = await start('password', { CALLGATE_ADMIN_USERNAME: username, CALLGATE_ADMIN_PASSWORD: renewed })
  expect((await signIn(second, username, old)).status).toBe(401)
  expect((await signIn(second, username, renewed)).status).toBe(200)
  expect((await whoIs(second, json.access_token)).status).toBe(401)
  expect(await second.stop()).toBe(0)
  for (const output of [first.output(), second.output()]) expect(output).not.toMatch(/horse|staple|argon2/)
})
