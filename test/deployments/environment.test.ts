/** What a program of a deployment finds around it, and what bounds it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whyNotStarted } from '../../src/deployments/guard/runner.ts'
import { cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { SERVER, World } from './world.ts'

setDefaultTimeout(180_000)

const asRoot = process.getuid?.() === 0
const NOBODY = 65534
/** What another user may read: a folder of its own, with Bun and the server in it. */
const open = mkdtempSync(join(tmpdir(), 'callgate-open-'))
chmodSync(open, 0o755)
copyFileSync(process.execPath, join(open, 'bun'))
chmodSync(join(open, 'bun'), 0o755)
copyFileSync(SERVER[1]!, join(open, 'server.ts'))
chmodSync(join(open, 'server.ts'), 0o644)
const world = new World()

beforeAll(() =>
  world.start(
    [
      { name: 'plain', command: SERVER },
      { name: 'own', command: SERVER, env: { PATH: '/own/bin', GREETING: 'h\u00ef "there"', TMPDIR: '/own/tmp' } },
      { name: 'small', command: SERVER, memory_mb: 400, cpus: 1 },
      { name: 'counts', command: ['grep', 'Cpus_allowed_list', '/proc/self/status'], cpus: 1, min_instances: 1 },
      { name: 'nobody', command: [join(open, 'bun'), 'server.ts'], cwd: open, user: 'nobody' },
      { name: 'who', command: SERVER, user: 'no-such-user' },
    ],
    { env: { SECRET_OF_CALLGATE: 'not for deployments', LANG: 'de_CH.UTF-8', HOME: '/home/somebody' } },
  ),
)
afterAll(async () => {
  await cleanUp()
  rmSync(open, { recursive: true, force: true })
})

test('its environment is PATH, HOME, TMPDIR, LANG and PORT, and nothing of Callgate’s', async () => {
  const { json, text } = await world.call('plain', '/env')
  expect(Object.keys(json).toSorted()).toEqual(['HOME', 'LANG', 'PATH', 'PORT', 'TMPDIR'])
  expect([json.LANG, json.HOME, json.PATH]).toEqual(['de_CH.UTF-8', '/home/somebody', process.env.PATH])
  expect(Number(json.PORT)).toBeGreaterThan(1023)
  expect(statSync(json.TMPDIR).mode & 0o777).toBe(0o700)
  expect(text).not.toContain('not for deployments')
  expect(text).not.toContain(world.key)
})

test('what the declaration gives is added, and wins', async () => {
  const { json } = await world.call('own', '/env')
  expect(json).toMatchObject({ PATH: '/own/bin', GREETING: 'h\u00ef "there"', TMPDIR: '/own/tmp' })
})

test('where there is no shell to bound memory, as in the container, that is said, and not that the program is not there', () => {
  expect(whyNotStarted('ENOENT', true)).toBe('there is no /bin/sh, which sets memory_mb')
  expect(whyNotStarted('ENOENT')).toStartWith('there is no such program')
})

test('memory and CPUs are bounded', async () => {
  const { json } = await world.call('small', '/limits')
  expect(json).toMatch(/Max data size +419430400 +419430400 +bytes/)
  expect(json).toMatch(/Cpus_allowed_list:\s+\d+\n/)
  const hogging = await world.call('small', '/hog?mb=600')
  expect(hogging.status).not.toBe(200)
  await waitFor(async () => (await world.call('small', '/pid')).status === 200 || undefined)
  expect((await world.call('plain', '/limits')).json).toMatch(/Max data size +unlimited/)
})

test('the bound is there before the program is, so that it starts well each time', async () => {
  for (let i = 0; i < 12; i++) {
    await world.api('POST', '/small/stop')
    await world.api('POST', '/small/start')
    expect((await world.call('small', '/pid')).status).toBe(200)
  }
})

test('the CPUs that it may run on are those that it finds as it begins', async () => {
  const lists = await waitFor(async () => {
    const found = (await world.api('GET', '/counts/logs')).text.match(/Cpus_allowed_list:.*/g) ?? []
    return found.length >= 5 ? found : undefined
  })
  for (const list of lists) expect(list).toMatch(/^Cpus_allowed_list:\s+\d+$/)
})

if (asRoot) {
  test('as root, it may run as another user, who cannot read the data directory', async () => {
    const { json, status, text } = await world.call('nobody', '/limits')
    expect([status, text.slice(0, 200)]).toEqual([200, expect.any(String)])
    expect(json).toMatch(new RegExp(`Uid:\\s+${NOBODY}\\s+${NOBODY}\\s+${NOBODY}`))
    expect(json).toMatch(/Groups:\s*(65534)?\s*\n/)
    const { TMPDIR, HOME } = (await world.call('nobody', '/env')).json
    expect([statSync(TMPDIR).uid, HOME]).toEqual([NOBODY, '/nonexistent'])
    expect(TMPDIR).not.toContain(world.callgate.dataDir)
    expect(statSync(world.callgate.dataDir).mode & 0o077).toBe(0)
    await world.api('DELETE', '/nobody')
    await waitFor(() => !existsSync(TMPDIR) || undefined)
  })

  test('--deployment-user is whom programs run as that name nobody', async () => {
    const second = new World()
    await second.start([{ name: 'one', command: [join(open, 'bun'), 'server.ts'], cwd: open }], {
      flags: ['--deployment-user', 'nobody'],
    })
    expect((await second.call('one', '/limits')).json).toMatch(new RegExp(`Uid:\\s+${NOBODY}`))
    await second.callgate.stop()
  })
} else
  test('without root, nobody else', async () => {
    expect((await world.call('nobody', '/pid')).status).toBe(503)
    expect((await world.shown('nobody')).reason).toContain('only root')
  })

test('a user that is not there is the reason why it does not start', async () => {
  expect((await world.call('who', '/pid')).status).toBe(503)
  expect((await world.status('who', 'failing')).reason).toBe('there is no such user')
})

test('a --deployment-user that is not there is refused at the start, before anything is made', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const start = startCallgate({ dataDir, flags: ['--deployment-user', 'nobdy'] })
  await expect(start).rejects.toThrow('(2): callgate: --deployment-user nobdy: there is no such user on this system.')
  expect(existsSync(dataDir)).toBe(false)
})
