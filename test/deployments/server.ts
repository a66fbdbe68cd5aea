/**
 * A server to be deployed: `bun server.ts`, at PORT. What it does is asked for by path; `VERSION` is told with each answer,
 * `START_MS` is how long it takes to listen, `DIE_AT_START` ends it before, `LIVE_MS` so long after.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const { PORT, VERSION = '', START_MS = '0', DIE_AT_START, LIVE_MS } = process.env
if (DIE_AT_START) process.exit(Number(DIE_AT_START))
await Bun.sleep(Number(START_MS))

let well = true
let inFlight = 0
const hogs: Uint8Array[] = []
const answers: Record<string, (query: URLSearchParams) => unknown> = {
  '/pid': () => process.pid,
  '/env': () => process.env,
  '/limits': () => readFileSync('/proc/self/limits', 'utf8') + readFileSync('/proc/self/status', 'utf8'),
  '/slow': async query => {
    inFlight++
    await Bun.sleep(Number(query.get('ms')))
    return { most: inFlight-- }
  },
  '/exit': query => process.exit(Number(query.get('status') ?? 3)),
  '/ill': () => {
    well = false
    return 'ill'
  },
  // its children: one as it is, one in a session of its own and without its parent
  '/children': () => {
    const sleeper = 'setTimeout(() => {}, 600000)'
    const child = spawn(process.execPath, ['-e', sleeper], { stdio: 'inherit' })
    const daemon = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(sleeper)}], { detached: true, stdio: 'ignore' }).unref(); `
    const parent = Bun.spawnSync([process.execPath, '-e', `${daemon}process.exit(0)`])
    return { child: child.pid, parent: parent.pid }
  },
  '/say': query => {
    console.log(query.get('out') ?? '')
    console.error(query.get('err') ?? '')
    return 'said'
  },
  '/write': query => {
    process.stdout.write(query.get('out')!)
    return 'written'
  },
  '/hog': query => {
    hogs.push(new Uint8Array(Number(query.get('mb')) * 1024 * 1024).fill(1))
    return hogs.length
  },
  // it runs on, and nobody reaches it any more
  '/hide': () => {
    setTimeout(() => server.stop(true), 50)
    setInterval(() => {}, 60_000)
    return 'hidden'
  },
  '/sigterm-deaf': () => {
    process.on('SIGTERM', () => {})
    return 'deaf'
  },
  '/sigterm-slow': () => {
    process.on('SIGTERM', () =>
      setTimeout(() => {
        console.log('ended in order')
        process.exit()
      }, 300),
    )
    return 'slow'
  },
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  idleTimeout: 120,
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/health') return new Response(VERSION, { status: well ? 200 : 503 })
    const answer = answers[pathname]
    if (!answer) return new Response('no such thing', { status: 404 })
    return Response.json(await answer(searchParams), { headers: { 'x-version': VERSION } })
  },
})
if (LIVE_MS) setTimeout(() => process.exit(8), Number(LIVE_MS))
