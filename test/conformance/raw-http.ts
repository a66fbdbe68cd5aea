/** Requests byte by byte, as no HTTP client would send them. */
import { connect } from 'node:net'

export interface RawAnswer {
  /** undefined: the connection was closed without an answer */
  status: number | undefined
  /** the answer as it came, head and body */
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any
}

/** Sends the chunks one after the other and reads until the server closes, or has answered and `quietMs` have passed. */
export function sendRaw(url: string, chunks: (string | Uint8Array)[], quietMs = 150): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const received: Uint8Array[] = []
    let quiet: ReturnType<typeof setTimeout> | undefined
    const socket = connect(Number(port), hostname, async () => {
      for (const chunk of chunks) {
        if (socket.destroyed) return
        if (!socket.write(chunk)) await new Promise(done => socket.once('drain', done).once('close', done))
      }
    })
    const done = () => {
      clearTimeout(quiet)
      clearTimeout(limit)
      socket.destroy()
      const text = Buffer.concat(received).toString()
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
      let json: unknown
      try {
        json = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))
      } catch {}
      resolve({ status: status === undefined ? undefined : Number(status), text, json })
    }
    const limit = setTimeout(done, 5000)
    socket.on('data', data => {
      received.push(Buffer.from(data))
      clearTimeout(quiet)
      quiet = setTimeout(done, quietMs)
    })
    socket.on('error', done)
    socket.on('close', done)
  })
}

/** A request's head; `lines` are header lines as they are sent. */
export const head = (request: string, ...lines: string[]): string =>
  `${[`${request} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`
