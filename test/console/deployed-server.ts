/**
 * A server to be deployed, which writes what it does: `bun deployed-server.ts`, at PORT. `START_MS` is how long it takes to
 * listen; with `BROKEN` it ends before, and says why.
 */
const { PORT, START_MS = '0', BROKEN, GREETING = 'hello' } = process.env
console.log('loading the classifier')
if (BROKEN) {
  console.error('Traceback (most recent call last):\n  File "server.py", line 12, in <module>')
  console.error(`KeyError: '${BROKEN}'`)
  process.exit(1)
}
await Bun.sleep(Number(START_MS))

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  idleTimeout: 120,
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/health') return new Response('well')
    if (pathname === '/slow') await Bun.sleep(Number(searchParams.get('ms')))
    for (let i = 0; i < Number(searchParams.get('lines') ?? 0); i++) console.log(`line ${i} of many`)
    if (pathname === '/warn') console.error('the disk is nearly full')
    console.log(`${request.method} ${pathname} 200 ${searchParams.get('note') ?? ''}`)
    return new Response(`${GREETING} ${process.pid}`)
  },
})
console.log(`ready on port ${PORT}`)

export {}
