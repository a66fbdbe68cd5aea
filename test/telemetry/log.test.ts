import { afterAll, describe, expect, test } from 'bun:test'
import { closeSync, constants, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { errorFields, STRAY } from '../../src/telemetry/log.ts'
import { cleanUp, commandOf, temporaryFolder, waitFor } from '../harness.ts'

afterAll(cleanUp)

/** Runs lines in a process of their own and gives what it logged. */
async function logged(lines: string): Promise<Record<string, unknown>[]> {
  const source = join(import.meta.dir, '../../src')
  const script = `import { log, logFailure, surviveStrays } from ${JSON.stringify(`${source}/telemetry/log.ts`)}
    import { Fault, unprocessable, notServed } from ${JSON.stringify(`${source}/lib/fault.ts`)}
    ${lines}`
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'pipe' })
  const [out, text] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect([await child.exited, out]).toEqual([0, ''])
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

describe('the log', () => {
  test('is a line of JSON each, with level and time, on stderr', async () => {
    const [line] = await logged("log.info({ service: 's\\nx' }, 'published')")
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      service: 's\nx',
      msg: 'published',
    })
  })
  test('takes out what goes by the name of a secret', async () => {
    const names = ['key', 'token', 'secret', 'password', 'authorization']
    const text = JSON.stringify(
      await logged(
        `log.info(${JSON.stringify(Object.fromEntries(names.map(n => [n, 'SHOWN'])))}); log.info({ of: ${JSON.stringify(Object.fromEntries(names.map(n => [n, 'SHOWN'])))} })`,
      ),
    )
    expect(text).not.toContain('SHOWN')
    expect(text.match(/\[removed\]/g)).toHaveLength(10)
  })
  test('has a failure that nobody waited for, with where it came from, and the process goes on', async () => {
    const lines = await logged(
      "surviveStrays(); void Promise.reject(new Error('lost')); await Bun.sleep(20); log.info('goes on')",
    )
    const stack = expect.stringContaining('Error')
    expect(lines).toMatchObject([{ level: 'error', msg: STRAY, error: 'lost', stack }, { msg: 'goes on' }])
  })
  test("has the server's failures with their private cause, and refusals not at all", async () => {
    const identity = "{ requestId: 'r-1', traceId: 't-1' }"
    const lines = await logged(`
      const hidden = new Error('the private reason')
      for (const fault of [unprocessable('no'), notServed(), new Fault(503, 'unavailable', 'public', { cause: hidden })]) logFailure(fault, fault, ${identity})`)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 'warn',
      msg: 'unavailable',
      status: 503,
      request_id: 'r-1',
      trace_id: 't-1',
      error: 'public',
      cause: { error: 'the private reason' },
    })
  })
})

/** Refuses so many calls with its log on a file, or as a shell has it, and ends. */
async function refusesAndEnds(
  calls: number,
  { stderr, shell = 'exec "$@"' }: { stderr?: Bun.BunFile; shell?: string },
) {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 't.csv'), 'id\n1\n')
  const settings = ['--data-dir', join(folder, 'data'), '--port', '0', '--log-level', 'debug']
  const child = Bun.spawn(['sh', '-c', shell, 'sh', ...commandOf('source'), 'serve', 't.csv', ...settings], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', CALLGATE_DRAIN_DELAY: '0s', CALLGATE_ADMIN_TOKEN: mintSecret('hf') },
    stdout: 'pipe',
    stderr,
    timeout: 150_000,
    killSignal: 'SIGKILL',
  })
  try {
    let said = ''
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += piece
      if (said.includes('/api/service/files/t_by_id')) break
    }
    const url = /listens on (\S+)/.exec(said)![1]
    for (let i = 0; i < calls; i++) {
      const refused = await fetch(`${url}/api/service/s/e`, { headers: { 'x-api-key': 'no-key' } })
      const found = [refused.status, (await refused.json()).code]
      // who asks so often has to wait
      expect(found).toEqual(refused.status === 429 && i >= 3 ? [429, 'rate_limited'] : [401, 'key_unknown'])
    }
    child.kill('SIGTERM')
    expect([await child.exited, child.signalCode]).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
  }
}

test('a log that cannot be written fails no call, and the end of the server neither', () =>
  refusesAndEnds(3, { stderr: Bun.file('/dev/full') }))

test.skipIf(process.platform !== 'linux')('a log that nobody reads any more holds nobody up', () =>
  // more lines than a pipe has room for, which is 64 KB
  refusesAndEnds(1000, { shell: 'mkfifo log && exec 3<>log && exec "$@" 2>&3' }),
)

/** Logs so many lines where nobody reads at first, and gives the numbers of those that come when somebody does. */
async function readLate(lines: number, then: string): Promise<number[]> {
  const path = join(temporaryFolder(), 'log')
  Bun.spawnSync(['mkfifo', path])
  // what is given to a process may be made to wait
  const [given, fd] = [openSync(path, constants.O_RDWR), openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)]
  try {
    const script = `import { log } from ${JSON.stringify(join(import.meta.dir, '../../src/telemetry/log.ts'))}
      for (let i = 0; i < ${lines}; i++) log.info({ i, pad: 'x'.repeat(300) }, 'line')
      console.log('logged')
      ${then}`
    const child = Bun.spawn([process.execPath, '-e', script], { stdin: 'pipe', stdout: 'pipe', stderr: given })
    await child.stdout.getReader().read()
    let text = ''
    const piece = Buffer.alloc(1 << 16)
    const hasMore = () => {
      try {
        const bytes = readSync(fd, piece)
        text += piece.toString('latin1', 0, bytes)
        return bytes > 0
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        return false
      }
    }
    await waitFor(() => {
      const isOver = child.exitCode !== null
      while (hasMore());
      return isOver || text.split('\n').length > lines || undefined
    })
    child.stdin.end()
    expect(await child.exited).toBe(0)
    const whole = text.slice(0, text.lastIndexOf('\n')).split('\n')
    return whole.map(line => JSON.parse(line).i)
  } finally {
    for (const one of [given, fd]) closeSync(one)
  }
}

describe.skipIf(process.platform !== 'linux')('a log whose reader is slow is written when it reads on', () => {
  const upTo = (lines: number) => Array.from({ length: lines }, (_, i) => i)
  test('while the process goes on', async () => {
    expect(await readLate(600, 'await Bun.stdin.text()')).toEqual(upTo(600))
  })
  test('also at its end', async () => {
    expect(await readLate(2000, '')).toEqual(upTo(2000))
  })
})

test('an error is told with all that caused it, whatever was thrown', () => {
  const fields = errorFields(new Error('outer', { cause: new Error('inner', { cause: 'a text' }) }))
  expect(fields).toMatchObject({ error: 'outer', cause: { error: 'inner', cause: { error: 'a text' } } })
  expect(errorFields(undefined)).toEqual({ error: 'undefined' })
})
