/** What the commands that ask a server say of one that is none, or that goes away, and when nobody reads what they print. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, commandOf, waitFor } from '../harness.ts'
import { run } from './run.ts'

setDefaultTimeout(180_000)

const servers: { stop(now: boolean): unknown }[] = []
afterAll(async () => {
  await Promise.all(servers.map(server => server.stop(true)))
  cleanUp()
})

/** A server that has one project, and otherwise answers so. */
function serving(answer: (request: Request) => Response): string[] {
  const server = Bun.serve({
    port: 0,
    fetch: request =>
      request.url.endsWith('/projects') ? Response.json({ items: [{ project_id: 1, slug: 'one' }] }) : answer(request),
  })
  servers.push(server)
  return ['--url', `http://127.0.0.1:${server.port}`, '--token', mintSecret('hf')]
}

test('a server that is no Callgate is told as one line, whatever it answers', async () => {
  const answers: [() => Response, string][] = [
    [() => new Response('<html></html>'), 'is not Callgate'],
    [() => new Response(null, { status: 204 }), 'is not Callgate'],
    [() => Response.json('yes'), 'is not Callgate'],
    [() => new Response('null', { status: 502 }), 'answered 502'],
    [() => Response.redirect('/api/projects', 301), 'redirects to another address (/api/projects)'],
  ]
  for (const [answer, says] of answers) {
    const { code, stdout, stderr } = await run(['deployment', 'show', 'd', ...serving(answer)])
    expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([1, '', 1])
    expect(stderr).toContain(says)
  }
})

test('a name that is none in a path asks for nothing else', async () => {
  const asked: string[] = []
  const there = serving(({ method, url }) => {
    asked.push(`${method} ${new URL(url).pathname}`)
    return Response.json({})
  })
  for (const name of ['.', '..'])
    for (const command of [
      ['show', name],
      ['update', name, '--set', 'name=other'],
      ['delete', name],
    ]) {
      const { code, stdout, stderr } = await run(['deployment', ...command, ...there])
      expect([code, stdout, stderr]).toEqual([2, '', `callgate: ${name} is not the name of a deployment.\n`])
    }
  expect(asked).toEqual([])
})

test("a proxy of the environment is not asked for what is on this machine, nor given its administrator's token", async () => {
  let asked = 0
  const proxy = Bun.serve({
    port: 0,
    fetch: () => {
      asked++
      return Response.json({ items: [] })
    },
  })
  servers.push(proxy)
  const env = Object.fromEntries(['HTTP_PROXY', 'http_proxy'].map(name => [name, `http://127.0.0.1:${proxy.port}`]))
  const [flag, url, ...token] = serving(() => Response.json({ items: [] }))
  const { port } = new URL(url!)
  for (const host of ['127.0.0.1', 'localhost']) {
    const { code, stderr } = await run(['deployment', 'list', flag!, `http://${host}:${port}`, ...token], { env })
    expect([code, stderr, asked]).toEqual([0, '', 0])
  }
  await run(['deployment', 'list', flag!, 'http://192.0.2.1', ...token], { env })
  expect(asked).toBe(1)
})

test('health is told by the head of an answer, whatever follows it', async () => {
  const pull = (controller: ReadableStreamDefaultController) => Bun.sleep(50).then(() => controller.enqueue('more'))
  const [flag, url] = serving(() => new Response(new ReadableStream({ pull })))
  expect(await run(['health', flag!, url!])).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('a CALLGATE_URL that is set to nothing is not set, as other variables', async () => {
  const env = { CALLGATE_URL: '', CALLGATE_TOKEN: mintSecret('hf') }
  const { code, stderr } = await run(['deployment', 'list'], { env })
  expect(stderr).not.toContain('--url must be a URL')
  // whatever there is at its default, or is not: it was asked
  expect([code, stderr]).toEqual([1, expect.any(String)])
  expect((await run(['deployment', 'list', '--url', ''], { env })).code).toBe(2)
})

/** A log without an end, or one that breaks after some lines. */
const log = (lines: number) => () => {
  let left = lines
  const body = new ReadableStream({
    async pull(controller) {
      await Bun.sleep(50)
      if (left-- > 0) controller.enqueue('a line\n')
      else controller.error(new Error('the server is gone'))
    },
  })
  return new Response(body)
}

test('a log that is followed ends with one line when the server goes away', async () => {
  const { code, stderr } = await run(['deployment', 'logs', 'd', '-f', ...serving(log(5))])
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^callgate: The connection to http:\S+ is broken\.\n$/)])
})

test('a reader that leaves early is no failure; a disk that is full is one', async () => {
  const line = [
    ...commandOf('source'),
    'deployment',
    'logs',
    'd',
    '-f',
    ...serving(log(Number.POSITIVE_INFINITY)),
  ].join(' ')
  const shell = async (script: string) => {
    const child = Bun.spawn(['bash', '-c', script], {
      env: { PATH: process.env.PATH ?? '' },
      stderr: 'ignore',
      stdout: 'pipe',
      timeout: 150_000,
      killSignal: 'SIGKILL',
    })
    return await new Response(child.stdout).text()
  }
  expect(await shell(`{ ${line} 2>&3; echo "status $?" >&3; } 3>&1 1> >(head -1 >/dev/null)`)).toBe('status 0\n')
  expect(await shell(`{ ${line} 2>&3 >/dev/full; echo "status $?"; } 3>&1`)).toBe(
    'callgate: what is printed cannot be written (ENOSPC).\nstatus 1\n',
  )
})

test('a log is read as fast as what is printed of it, and no faster', async () => {
  const [piece, all] = [new Uint8Array(1 << 20).fill(10), 200]
  let sent = 0
  const pull = (controller: ReadableStreamDefaultController) =>
    sent++ < all ? controller.enqueue(piece) : controller.close()
  const line = [
    ...commandOf('source'),
    'deployment',
    'logs',
    'd',
    ...serving(() => new Response(new ReadableStream({ pull }))),
  ]
  const child = Bun.spawn(line, { env: { PATH: process.env.PATH ?? '' }, stdout: 'pipe' })
  try {
    await child.stdout.getReader().read() // and nothing more
    let before = 0
    await waitFor(async () => {
      before = sent
      await Bun.sleep(500)
      return sent === before || undefined
    })
    expect(sent).toBeLessThan(all / 2)
  } finally {
    child.kill('SIGKILL')
  }
})
