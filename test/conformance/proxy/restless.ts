/** A server that does not listen for a while after each answer, as one that starts itself again: `bun restless.ts`, at PORT. */
import { createServer } from 'node:http'

const AWAY_MS = 300

function listen(): void {
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', piece => {
      bytes += piece.length
    })
    request.on('end', () => {
      server.close()
      response.setHeader('connection', 'close')
      response.end(`${bytes}`, () => setTimeout(listen, AWAY_MS))
    })
  })
  server.listen(Number(process.env.PORT), '127.0.0.1')
}
listen()
