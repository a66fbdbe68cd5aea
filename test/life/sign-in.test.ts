/** Guessing passwords. */
import { afterAll, expect, test } from 'bun:test'
import { cleanUp, startCallgate } from '../harness.ts'

afterAll(cleanUp)

test('after ten wrong passwords a right one waits too, for that name and address; tokens go on', async () => {
  const callgate = await startCallgate({
    env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: 'a-right-password' },
  })
  const signIn = (password: string, username = 'root') =>
    callgate.call('/api/auth/login', { body: { username, password } })
  expect((await signIn('a-right-password')).status).toBe(200)
  const wrong = await Promise.all(Array.from({ length: 10 }, (_, i) => signIn(`wrong-${i}`)))
  expect(wrong.map(answer => answer.status)).toEqual(Array(10).fill(401))
  const late = await signIn('a-right-password')
  expect(late.status).toBe(429)
  expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(late.text).not.toContain('access_token')
  expect((await signIn('x', 'somebody-else')).status).toBe(429)
  expect((await callgate.admin('GET', '/api/auth/me')).status).toBe(200)
  await callgate.stop()
})

test('guesses that are sent at once are counted one by one', async () => {
  const callgate = await startCallgate()
  const password = 'correct horse battery'
  expect((await callgate.admin('POST', '/api/users', { username: 'eve', password })).status).toBe(201)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      callgate.call('/api/auth/login', { body: { username: 'eve', password: i < 39 ? `wrong-guess-${i}` : password } }),
    ),
  )
  const guessed = answers.filter(({ status }) => status === 401).length
  expect(guessed).toBeGreaterThanOrEqual(10)
  expect(guessed).toBeLessThan(20)
  expect(answers.at(-1)!.status).toBe(429)
  expect(answers.map(({ text }) => text).join()).not.toContain('access_token')
  await callgate.stop()
}, 180_000)
