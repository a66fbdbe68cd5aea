/** How the processes of deployments start, serve, are replaced and end. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { isListening } from '../../src/deployments/port.ts'
import { listenersOf } from '../../src/deployments/processes.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'
import { processOf, workersOf } from '../life/processes.ts'
import { SERVER, World } from './world.ts'

setDefaultTimeout(180_000)

const server = (name: string, more: object = {}) => ({ name, command: SERVER, health: '/health', ...more })

test('where a program listens is seen also while it opens and closes files', async () => {
  const busy = `const { port } = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    console.log(port)
    for (;;) Array.from({ length: 100 }, () => fs.openSync('/dev/null')).forEach(fd => fs.closeSync(fd))`
  const child = Bun.spawn([process.execPath, '-e', busy], { detached: true })
  try {
    const { value } = await child.stdout.getReader().read()
    const listener = `127.0.0.1:${Number(new TextDecoder().decode(value))}`
    for (let i = 0; i < 50; i++) expect(listenersOf(child.pid)).toEqual([listener])
  } finally {
    child.kill('SIGKILL')
  }
})

describe('deployments of programs', () => {
  const world = new World()
  /** settles when a connection that waited long for an answer, and now waits for nothing, is closed */
  let closed: Promise<number>
  beforeAll(async () => {
    await world.start(
      [
        server('lazy', { idle_seconds: 3 }),
        server('eager', { min_instances: 1, idle_seconds: 0.1 }),
        server('slow-start', { env: { START_MS: '1500' } }),
        server('two', { replicas: 2 }),
        server('crashing'),
        server('short-lived', { env: { LIVE_MS: '100' }, min_instances: 1 }),
        server('hopeless', { env: { DIE_AT_START: '7' } }),
        server('never-ready', { env: { START_MS: '600000' }, start_timeout_seconds: 0.5 }),
        {
          name: 'elsewhere',
          command: [
            process.execPath,
            '-e',
            "for (const hostname of ['127.0.0.1', '::1']) Bun.serve({ hostname, port: hostname === '::1' ? process.env.PORT : 0, fetch: () => new Response() })",
          ],
          start_timeout_seconds: 2,
        },
        { name: 'no-program', command: ['no-such-program-at-all'] },
        { name: 'detached', command: ['sh', '-c', 'sleep 600 &'] },
        { name: 'fileless', command: SERVER },
        server('no-folder', { cwd: '/no/such/folder' }),
        server('ill', { health_interval_seconds: 0.1 }),
        { name: 'hidden', command: SERVER, start_timeout_seconds: 5 },
        server('updated', { env: { VERSION: 'one' }, drain_seconds: 10 }),
        server('deaf', { drain_seconds: 0.1 }),
        server('wrapped', { command: ['sh', '-c', '"$@"; echo over', 'sh', ...SERVER], drain_seconds: 1 }),
        server('managed'),
        { name: 'plain', command: SERVER },
        { name: 'patient', command: SERVER, timeout_seconds: 60 },
      ],
      { flags: ['--request-timeout', '6s'] },
    )
    closed = closedAfter('/v1/life/patient/pid')
  })
  afterAll(cleanUp)

  /** How long a connection lives that asks for a path, once. */
  async function closedAfter(path: string): Promise<number> {
    const { hostname, port } = new URL(world.callgate.url)
    const { promise, resolve } = Promise.withResolvers<number>()
    const asked = performance.now()
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${world.key}\r\n\r\n`),
    )
    socket.resume().on('close', () => resolve(performance.now() - asked))
    return promise
  }

  test('the first request starts it, and none for long ends it', async () => {
    expect((await world.shown('lazy')).status).toBe('idle')
    const pid = await world.pid('lazy')
    expect(await world.shown('lazy')).toMatchObject({
      status: 'running',
      reason: null,
      replicas: [{ number: 1, state: 'ready', pid, restarts: 0 }],
    })
    expect(await world.pid('lazy')).toBe(pid)
    await world.status('lazy', 'idle')
    await waitFor(() => processOf(pid) === undefined || undefined)
    expect(await world.pid('lazy')).not.toBe(pid)
  })

  test('with min_instances it runs from the start on, and is not ended', async () => {
    const { replicas } = await world.status('eager', 'running')
    await Bun.sleep(500)
    expect(await world.pid('eager')).toBe(replicas[0].pid)
  })

  test('requests that arrive while it starts wait, and all of them are answered by the one that starts', async () => {
    const pids = await Promise.all(Array.from({ length: 20 }, () => world.pid('slow-start')))
    expect(new Set(pids).size).toBe(1)
  })

  test('without a health path it is ready when it listens', async () => {
    expect((await world.call('plain', '/pid')).status).toBe(200)
  })

  test('the replica with the fewest requests is next', async () => {
    await world.pid('two')
    await waitFor(async () => {
      const { replicas } = await world.shown('two')
      return replicas.every((r: { state: string }) => r.state === 'ready') && replicas.length === 2 ? true : undefined
    })
    const slow = Array.from({ length: 6 }, () => world.call('two', '/slow?ms=3000'))
    const most = (await Promise.all(slow)).map(answer => answer.json.most)
    expect(Math.max(...most)).toBe(3)
  })

  describe('a crash', () => {
    test('reaches nobody as a broken connection, and another takes its place', async () => {
      const pid = await world.pid('crashing')
      const other = world.call('crashing', '/slow?ms=5000')
      await world.underWay('crashing', 1)
      const crash = await world.call('crashing', '/exit')
      for (const answer of [crash, await other]) {
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([502, '1'])
        expect(answer.json.errorMsg).toBeString()
      }
      expect(await world.pid('crashing')).not.toBe(pid)
      expect((await world.shown('crashing')).replicas[0].restarts).toBe(1)
    })

    test('by a signal is noticed and mended too', async () => {
      const pid = await world.pid('crashing')
      process.kill(pid, 'SIGKILL')
      const answers = await Promise.all(Array.from({ length: 10 }, () => world.call('crashing', '/pid')))
      for (const { status, json } of answers) if (status === 200) expect(json).not.toBe(pid)
      for (const { status } of answers) expect([200, 502]).toContain(status)
      expect(await world.pid('crashing')).not.toBe(pid)
    })
  })

  describe('one that does not start', () => {
    test.each([
      ['hopeless', 'exit status 7'],
      ['never-ready', 'not ready within 0.5 s'],
      ['no-program', 'there is no such program'],
      [
        'detached',
        'exit status 0: what it leaves in the background is ended with it, so it must stay in the foreground',
      ],
      ['no-folder', 'working directory'],
    ])('is 503 with when to come back, and the reason is for who manages it: %s', async (name, why) => {
      const answer = await world.call(name, '/pid')
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.text).not.toContain(why)
      const shown = await world.status(name, 'failing')
      expect(shown.reason).toContain(why)
      await waitFor(async () => (await world.api('GET', `/${name}/logs`)).text.includes('callgate: ') || undefined)
    })

    test.each([
      ['nowhere', 'never-ready', /not ready within 0\.5 s: nothing listens on 127\.0\.0\.1:\d+ \(PORT\)$/m],
      [
        'elsewhere than PORT says',
        'elsewhere',
        /not ready within 2 s: nothing listens on 127\.0\.0\.1:(\d+) \(PORT\), but it listens on 127\.0\.0\.1:(?!\1)\d+ and \[::1\]:\1$/m,
      ],
    ])('and listens %s: the reason and its log say so', async (_, name, why) => {
      await world.call(name, '/pid')
      expect((await world.status(name, 'failing')).reason).toMatch(why)
      await waitFor(async () => why.test((await world.api('GET', `/${name}/logs`)).text) || undefined)
    })

    test('for want of a folder of its own: the reason and its log say so', async () => {
      const { id } = await world.shown('fileless')
      mkdirSync(join(world.callgate.dataDir, 'tmp'), { recursive: true })
      writeFileSync(join(world.callgate.dataDir, 'tmp', String(id)), 'in its place')
      expect((await world.call('fileless', '/pid')).status).toBe(503)
      const why = 'its temporary folder cannot be made (EEXIST)'
      expect((await world.status('fileless', 'failing')).reason).toBe(why)
      await waitFor(async () => (await world.api('GET', '/fileless/logs')).text.includes(why) || undefined)
    })

    test('is tried less and less often, and callers are told at once', async () => {
      const untilNext = await waitFor(async () => {
        const { headers } = await world.call('hopeless', '/pid')
        const seconds = Number(headers.get('retry-after'))
        return seconds >= 3 ? seconds : undefined
      })
      const asked = performance.now()
      expect((await world.call('hopeless', '/pid')).status).toBe(503)
      expect(performance.now() - asked).toBeLessThan((untilNext - 1) * 1000)
    })
  })

  test('one that ends soon after it is ready, again and again, is failing: its status says how, and callers are told at once', async () => {
    expect((await world.status('short-lived', 'failing')).reason).toBe(
      'it ended soon after it was ready: exit status 8',
    )
    const answer = await waitFor(async () => {
      const answer = await world.call('short-lived', '/pid')
      return Number(answer.headers.get('retry-after')) >= 3 ? answer : undefined
    })
    expect([answer.status, answer.json.detail]).toEqual([503, 'This deployment does not start; its log says why.'])
  })

  test('one that is ill for long is replaced', async () => {
    const pid = await world.pid('ill')
    await world.call('ill', '/ill')
    await waitFor(async () => (await world.pid('ill')) !== pid || undefined)
    expect((await world.api('GET', '/ill/logs')).text).toContain(
      'callgate: it is replaced: its health path is not well: /health answers 503\n',
    )
  })

  test('one that runs on and does not listen any more is replaced', async () => {
    const pid = await world.pid('hidden')
    await world.call('hidden', '/hide')
    await waitFor(async () => {
      const { status, json } = await world.call('hidden', '/pid')
      return (status === 200 && json !== pid) || undefined
    })
    expect(processOf(pid)).toBeUndefined()
  })

  describe('a change', () => {
    test('takes over when it is ready, while the old one ends what it has: no request fails', async () => {
      await world.call('updated', '/pid')
      const failed: number[] = []
      const versions = new Set<string | null>()
      let going = true
      const callers = Array.from({ length: 8 }, async () => {
        while (going) {
          const { status, headers } = await world.call('updated', '/slow?ms=20')
          if (status !== 200) failed.push(status)
          else versions.add(headers.get('x-version'))
        }
      })
      const long = world.call('updated', '/slow?ms=2500')
      for (const VERSION of ['two', 'three']) {
        const changed = await world.api('PATCH', '/updated', { env: { VERSION, START_MS: '300' } })
        expect(changed.json.status).toBe('updating')
        await waitFor(() => versions.has(VERSION) || undefined)
      }
      await world.api('POST', '/updated/restart')
      await world.status('updated', 'running')
      const { headers } = await long
      going = false
      await Promise.all(callers)
      expect([failed, headers.get('x-version')]).toEqual([[], 'one'])
      // those that end what they had are told of until they are gone
      const last = await waitFor(async () => {
        const shown = await world.shown('updated')
        return shown.replicas.length === 1 ? shown : undefined
      })
      expect(last).toMatchObject({ revision: 3, replicas: [{ revision: 3, part: 'current', state: 'ready' }] })
    })

    test('that does not start leaves the old one serving, and says so', async () => {
      const pid = await world.pid('updated')
      await world.api('PATCH', '/updated', { env: { DIE_AT_START: '9' } })
      const shown = await world.status('updated', 'failing')
      expect(shown.reason).toMatch(/revision 4 did not start .*exit status 9/)
      expect(await world.pid('updated')).toBe(pid)
      await world.api('PATCH', '/updated', { env: { VERSION: 'five', DIE_AT_START: null } })
      await world.status('updated', 'running')
      await waitFor(async () => (await world.call('updated', '/pid')).headers.get('x-version') === 'five' || undefined)
    })
  })

  test('a restart mends a revision that did not start, and its status is told of no more', async () => {
    const flag = join(temporaryFolder(), 'flag')
    const command = ['/bin/sh', '-c', 'test -e "$FLAG" || exit 9; exec "$@"', 'sh', ...SERVER]
    await world.api('POST', '', { ...server('flagged'), command: SERVER, env: { VERSION: 'one' } })
    await world.pid('flagged')
    await world.api('PATCH', '/flagged', { command, env: { VERSION: 'two', FLAG: flag } })
    expect((await world.status('flagged', 'failing')).reason).toContain('did not start')
    writeFileSync(flag, '')
    await world.api('POST', '/flagged/restart')
    expect((await world.status('flagged', 'running')).reason).toBeNull()
    expect((await world.call('flagged', '/pid')).headers.get('x-version')).toBe('two')
  })

  test('one that writes as much as it can does not keep others from being ended', async () => {
    const flooding = `yes '' & exec "$@"`
    await world.api('POST', '', { name: 'flooding', command: ['/bin/sh', '-c', flooding, '', ...SERVER] })
    await world.api('POST', '', server('beside', { drain_seconds: 0.1 }))
    const pids = [await world.pid('beside'), await world.pid('flooding')]
    await world.call('beside', '/sigterm-deaf')
    for (const [i, name] of ['beside', 'flooding'].entries()) {
      await world.api('DELETE', `/${name}`)
      await waitFor(() => processOf(pids[i]!) === undefined || undefined)
    }
  })

  test('one that does not end when it is asked is killed', async () => {
    const pid = await world.pid('deaf')
    await world.call('deaf', '/sigterm-deaf')
    await world.api('POST', '/deaf/stop')
    await waitFor(() => processOf(pid) === undefined || undefined)
    expect((await world.api('GET', '/deaf/logs')).text).toContain('is killed')
  })

  test('one that a shell runs, which ends at once when both are asked to, has its time to end; then it is killed', async () => {
    for (const [path, said] of [
      ['/sigterm-slow', true],
      ['/sigterm-deaf', false],
    ] as const) {
      const pid = await world.pid('wrapped')
      await world.call('wrapped', path)
      await world.api('POST', '/wrapped/stop')
      await waitFor(async () => (await world.shown('wrapped')).replicas.length === 0 || undefined)
      await waitFor(() => processOf(pid) === undefined || undefined)
      const log = (await world.api('GET', '/wrapped/logs?lines=3')).text
      expect([log.includes('ended in order'), log.includes('ended: SIGTERM')]).toEqual([said, true])
      await world.api('POST', '/wrapped/start')
    }
  })

  test('it is stopped, started and deleted', async () => {
    const pid = await world.pid('managed')
    const slow = world.call('managed', '/slow?ms=2000')
    await world.underWay('managed', 1)
    expect((await world.api('POST', '/managed/stop')).json).toMatchObject({ status: 'stopped', enabled: false })
    const none = await world.call('managed', '/pid')
    expect([none.status, none.text]).toEqual([404, ''])
    expect((await slow).status).toBe(200)
    await waitFor(() => processOf(pid) === undefined || undefined)
    expect((await world.api('POST', '/managed/start')).json.status).toMatch(/^(starting|running)$/)
    const again = await world.pid('managed')
    expect(again).not.toBe(pid)
    expect((await world.api('DELETE', '/managed')).json).toEqual({ deleted: true })
    expect((await world.call('managed', '/pid')).status).toBe(404)
    expect((await world.api('GET', '/managed')).status).toBe(404)
    await waitFor(() => processOf(again) === undefined || undefined)
  })

  test('one that is deleted while it still ends keeps its folder until then; after it no file of its log is open', async () => {
    const { id } = (await world.api('POST', '', server('leaving', { drain_seconds: 10 }))).json
    const { TMPDIR } = (await world.call('leaving', '/env')).json
    const [slow, pid] = [world.call('leaving', '/slow?ms=3000'), await world.pid('leaving')]
    await world.api('POST', '/leaving/stop')
    await world.api('DELETE', '/leaving')
    expect([processOf(pid) !== undefined, existsSync(TMPDIR)]).toEqual([true, true])
    expect((await slow).status).toBe(200)
    await waitFor(() => !existsSync(TMPDIR) || undefined)
    const guard = workersOf(world.callgate.process.pid, 'guard')[0]!.pid
    const open = readdirSync(`/proc/${guard}/fd`).map(fd => linkOf(`/proc/${guard}/fd/${fd}`))
    expect(open.filter(path => path.includes(`/logs/${id}/`))).toEqual([])
  })

  test('a connection that was kept open for an answer is closed when it is idle afterwards', async () => {
    expect(await closed).toBeWithin(10_000, 40_000)
  })
})

test('whether a server listens is known in a moment, also while so many wait for it that the system lets nobody in', async () => {
  const program = "console.log(Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } }).port)"
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe' })
  let waiting: Promise<{ end(): unknown } | undefined>[] = []
  try {
    const port = Number(new TextDecoder().decode((await child.stdout.getReader().read()).value))
    expect(await isListening(port)).toBe(true)
    child.kill('SIGSTOP')
    // as many as a system keeps for a server that does not take them, and more
    waiting = Array.from({ length: 700 }, () =>
      Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {}, connectError() {} } }).catch(() => undefined),
    )
    await Promise.all(waiting.slice(0, 100))
    await Bun.sleep(200)
    const asked = performance.now()
    expect(await isListening(port)).toBe(false)
    expect(performance.now() - asked).toBeLessThan(3000)
  } finally {
    child.kill('SIGKILL') // one that is stopped would outlive this
    await child.exited
  }
  for (const socket of await Promise.all(waiting)) socket?.end()
})

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // it was closed meanwhile
  }
}
