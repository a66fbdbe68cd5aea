/** What the commands take, print and exit with. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { mintSecret, wellFormed } from '../../src/lib/secret.ts'
import { version } from '../../src/lib/version.ts'
import { cleanUp, commandOf, temporaryFolder } from '../harness.ts'
import { lines, run } from './run.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
afterAll(cleanUp)

test('everything wrong with the command line and the environment is said at once, and exit 2', async () => {
  const args = [
    'serve',
    '--port',
    '99999',
    '--data-dri',
    'x',
    '-p',
    '--scoring=gpu',
    '--cors-origins',
    'https://a.org/path',
    '--host=',
    '--manifest',
  ]
  const { code, stdout, stderr } = await run(args, {
    cwd: folder,
    env: { CALLGATE_DRAIN_DELAY: 'soon', CALLGATE_TLS_KEY: 'key.pem' },
  })
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(lines(stderr).sort()).toEqual([
    'callgate: --cors-origins must be exact origins such as https://app.example.org, separated by commas, or *',
    'callgate: --data-dri is not a setting; did you mean --data-dir?',
    'callgate: --host must be an address such as 127.0.0.1, or 0.0.0.0 for all',
    'callgate: --manifest needs a value',
    'callgate: --port must be a whole number from 0 to 65535',
    'callgate: --scoring must be worker or subprocess',
    'callgate: --tls-cert and --tls-key go together',
    'callgate: -p is not a setting',
    'callgate: CALLGATE_DRAIN_DELAY must be a duration such as 500ms, 30s or 2m, from 0s to 60s',
  ])
})

test('an unknown command exits 2 and says where the commands are listed', async () => {
  expect(await run(['sreve'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'callgate sreve: no such command. "callgate help" lists them.\n',
  })
})

test('help names every command and every setting with its default, and exits 0 however it is asked for', async () => {
  const asked = await Promise.all(
    [['help'], [], ['serve', '--help'], ['serve', '-h'], ['secret', '-h']].map(args => run(args)),
  )
  for (const answer of asked) expect(answer).toEqual({ code: 0, stdout: asked[0]!.stdout, stderr: '' })
  for (const { flag } of Object.values(SETTINGS)) expect(asked[0]!.stdout).toContain(`--${flag} `)
  for (const command of ['demo', 'serve', 'secret', 'health', 'licenses', 'version'])
    expect(asked[0]!.stdout).toContain(`callgate ${command}`)
  expect(asked[0]!.stdout).toMatch(/--port PORT .*\(default: 8080\)/)
})

test('version prints the version, and nothing else', async () => {
  expect(await run(['version'], { target: 'source' })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

test('secret prints a new secret of the right form each time; anything but dk or hf is refused in one line', async () => {
  const [key, other, token] = await Promise.all(['dk', 'dk', 'hf'].map(kind => run(['secret', kind])))
  for (const { code } of [key!, other!, token!]) expect(code).toBe(0)
  expect(wellFormed(key!.stdout.trim(), 'dk')).toBe(true)
  expect(wellFormed(token!.stdout.trim(), 'hf')).toBe(true)
  expect(key!.stdout).not.toBe(other!.stdout)
  for (const args of [['secret'], ['secret', 'xx'], ['secret', 'dk', 'more']]) {
    const refused = await run(args)
    expect({ ...refused, lines: lines(refused.stderr).length }).toMatchObject({ code: 2, stdout: '', lines: 1 })
  }
})

test('what cannot be printed is told, and exits 1', async () => {
  const command = ['sh', '-c', 'exec "$@" >/dev/full', 'sh', ...commandOf('source')]
  const ended = await Promise.all([['secret', 'hf'], ['version'], ['help']].map(args => run(args, { command })))
  const stderr = 'callgate: what is printed cannot be written (ENOSPC).\n'
  for (const one of ended) expect(one).toEqual({ code: 1, stdout: '', stderr })
})

test('whatever is wrong with a command line is one line and exit 2, and no server is asked', async () => {
  const server = ['--token', mintSecret('hf'), '--url', 'http://127.0.0.1:9']
  const wrong = [
    ['serve', 'a.csv', '--manifest', 'm.yaml'],
    ['serve', '--', 'a.csv'],
    ['demo', 'a.csv'],
    ['demo', '--manifest', 'm.yaml'],
    ['secret', 'dk', 'hf'],
    ['function'],
    ['function', 'types', 'x'],
    ['function', 'test'],
    ['function', 'test', 'a.ts', 'b.ts'],
    ['function', 'test', 'a.ts', '--requests', 'r.json'],
    ['health', 'now'],
    ['health', '--url', ''],
    ['health', '--url', 'ftp://127.0.0.1'],
    ['deployment', 'lst'],
    ['deployment', 'list', 'x', ...server],
    ['deployment', 'stop', 'x', 'y', ...server],
    ['deployment', 'stop', '', ...server],
    ['deployment', 'create', 'x', ...server],
    ['deployment', 'update', 'x', '--set', 'replicas', ...server],
    ['deployment', 'list', '--token', mintSecret('hf'), '--url', 'ftp://127.0.0.1'],
  ]
  for (const args of wrong) {
    const { code, stdout, stderr } = await run(args, { cwd: folder })
    expect([args, code, stdout, lines(stderr).length, stderr.includes('127.0.0.1:9')]).toEqual([args, 2, '', 1, false])
    expect(stderr).not.toContain('did you mean')
  }
})

test('a flag wins over its environment variable, which wins over the default; one that is empty is not set', () => {
  const env = {
    CALLGATE_PORT: '81',
    CALLGATE_HOST: '0.0.0.0',
    CALLGATE_SCORING: '',
    CALLGATE_TLS_CERT: '',
    CALLGATE_DATA_DIR: 'here',
  }
  const { config, positional } = readConfig(['a.csv', '--port=82', 'b.csv', '--request-timeout', '2m'], env)
  expect(positional).toEqual(['a.csv', 'b.csv'])
  expect(config).toMatchObject({
    port: 82,
    host: '0.0.0.0',
    scoring: 'worker',
    dataDir: join(process.cwd(), 'here'),
    requestTimeout: 120_000,
  })
  expect(config.tlsCert).toBeUndefined()
  expect(readConfig([], {}).config).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    drainDelay: 2000,
    maxBody: 16 * 1024 ** 2,
  })
})

test('health asks where the environment says that the server listens', async () => {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  try {
    const env = { CALLGATE_PORT: String(server.port), CALLGATE_HOST: '0.0.0.0' }
    expect(await run(['health'], { env })).toEqual({ code: 0, stdout: '', stderr: '' })
    const { stderr } = await run(['health'], {
      env: { CALLGATE_PORT: 'tcp://10.96.7.1:9', CALLGATE_HOST: 'nowhere.invalid' },
    })
    expect(stderr).toStartWith('callgate health: http://nowhere.invalid:8080/-/alive ')
  } finally {
    await server.stop(true)
  }
})

test('health exits 1 with one line where nothing listens', async () => {
  const { code, stderr } = await run(['health', '--url', 'http://127.0.0.1:9'])
  expect(code).toBe(1)
  expect(lines(stderr)).toEqual([
    expect.stringMatching(/^callgate health: http:\/\/127\.0\.0\.1:9\/-\/alive does not answer/),
  ])
})
