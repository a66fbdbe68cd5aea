/** Requests byte by byte, as no HTTP client would send them. */
import { connect } from 'node:net'

export interface RawAnswer {
  /** undefined: the connection was closed without an answer */
  status: number | undefined
  /** the head as it came, without the empty line behind it */
  head: string
  /** the body */
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any
}

/** Sends the chunks one after the other and reads until the server closes, has answered and `quietMs` have passed, or `limitMs` have. */
export function sendRaw(
  url: string,
  chunks: (string | Uint8Array)[],
  quietMs = 150,
  limitMs = 15_000,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const received: Uint8Array[] = []
    let quiet: ReturnType<typeof setTimeout> | undefined
    const socket = connect(Number(port), hostname, async () => {
      socket.setMaxListeners(0)
      for (const chunk of chunks) {
        if (socket.destroyed) return
        if (!socket.write(chunk)) await new Promise(done => socket.once('drain', done).once('close', done))
      }
    })
    const done = () => {
      clearTimeout(quiet)
      clearTimeout(limit)
      socket.destroy()
      const [head = '', ...rest] = Buffer.concat(received).toString().split('\r\n\r\n')
      const text = rest.join('\r\n\r\n')
      const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {}
      resolve({ status: status === undefined ? undefined : Number(status), head, text, json })
    }
    const limit = setTimeout(done, limitMs)
    socket.on('data', data => {
      received.push(Buffer.from(data))
      clearTimeout(quiet)
      if (isWhole(Buffer.concat(received).toString('latin1'))) done()
      else quiet = setTimeout(done, quietMs)
    })
    socket.on('error', done)
    socket.on('close', done)
  })
}

/** A request's head; `lines` are header lines as they are sent. */
export const head = (request: string, ...lines: string[]): string =>
  `${[`${request} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`

/** Whether an answer that says how long it is has come. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)/im.exec(text.slice(0, end))?.[1]
  return end >= 0 && length !== undefined && text.length >= end + 4 + Number(length)
}
