/** A server of WebSockets behind the proxy: `bun sockets.ts`, at PORT. What a path does is in `open` and `message`. */
import type { ServerWebSocket } from 'bun'

interface Data {
  path: string
  headers: Record<string, string>
}

/** how connections ended, by their path */
const closed: Record<string, [number, string]> = {}

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  fetch(request, server) {
    const { pathname: path } = new URL(request.url)
    if (path === '/closed') return Response.json(closed)
    if (path === '/refused') return new Response('not for you', { status: 403, headers: { 'x-own': '1' } })
    const offered = request.headers.get('sec-websocket-protocol')?.split(/, */) ?? []
    const headers: Record<string, string> = { 'set-cookie': 'a=1' }
    if (offered.includes('second')) headers['sec-websocket-protocol'] = 'second'
    if (server.upgrade(request, { data: { path, headers: Object.fromEntries(request.headers) }, headers })) return
    return new Response('a plain answer')
  },
  websocket: {
    maxPayloadLength: 64 * 1024 * 1024,
    backpressureLimit: 64 * 1024 * 1024,
    open(ws: ServerWebSocket<Data>) {
      const { path, headers } = ws.data
      if (path === '/headers') ws.send(JSON.stringify(headers))
      if (path === '/at-once') for (const text of ['one', 'two', 'three']) ws.send(text)
      if (path === '/ping') ws.ping('are you there')
      if (path === '/bye') ws.close(4321, 'that was it')
      if (path === '/flood') for (let i = 0; i < 40; i++) ws.send(new Uint8Array(1 << 20).fill(i))
    },
    message(ws: ServerWebSocket<Data>, message) {
      if (message === 'die') process.exit(3)
      if (message === 'huge') return void ws.send(new Uint8Array(20 * 1024 * 1024))
      ws.send(message)
    },
    pong(ws: ServerWebSocket<Data>, data) {
      ws.send(`pong ${data}`)
    },
    close(ws: ServerWebSocket<Data>, code, reason) {
      closed[ws.data.path] = [code, reason]
    },
  },
})
