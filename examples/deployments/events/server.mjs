// Counts down in server-sent events, one every INTERVAL_MS: GET /countdown?from=5
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

const { PORT, INTERVAL_MS = '1000' } = process.env

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  if (pathname === '/health') return response.end('well')
  if (pathname !== '/countdown') return response.writeHead(404).end('There is /countdown?from=5.')
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  for (let left = Number(searchParams.get('from') ?? 5); left > 0 && !response.closed; left--) {
    response.write(`data: ${left}\n\n`)
    await pause(Number(INTERVAL_MS))
  }
  response.end('event: lift-off\ndata: 0\n\n')
}).listen(Number(PORT), '127.0.0.1')
