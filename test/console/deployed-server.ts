/**
 * A server to be deployed, which writes what it does: `bun deployed-server.ts`, at PORT. `START_WHEN` is a file that it waits
 * for before it listens; with `BROKEN` it ends before, and says why.
 */
import { existsSync } from 'node:fs'

const { PORT, START_WHEN, BROKEN, GREETING = 'hello' } = process.env
const isThere = async (file: string) => {
  while (!existsSync(file)) await Bun.sleep(20)
}
console.log('loading the classifier')
if (BROKEN) {
  console.error('Traceback (most recent call last):\n  File "server.py", line 12, in <module>')
  console.error(`KeyError: '${BROKEN}'`)
  process.exit(1)
}
if (START_WHEN) await isThere(START_WHEN)

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  idleTimeout: 120,
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/health') return new Response('well')
    if (pathname === '/slow') await isThere(searchParams.get('when')!)
    for (let i = 0; i < Number(searchParams.get('lines') ?? 0); i++) console.log(`line ${i} of many`)
    if (pathname === '/warn') console.error('the disk is nearly full')
    console.log(`${request.method} ${pathname} 200 ${searchParams.get('note') ?? ''}`)
    return new Response(`${GREETING} ${process.pid}`)
  },
})
console.log(`ready on port ${PORT}`)
