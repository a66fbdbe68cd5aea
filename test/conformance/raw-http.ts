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

/**
 * Sends the chunks one after the other and reads until the server closes, an answer that says how long it is has come, or `limitMs`
 * have passed. Where no more has to come than has, more is waited for as long as `quietMs`.
 */
export function sendRaw(
  url: string,
  chunks: (string | Uint8Array)[],
  quietMs = 150,
  limitMs = 60_000,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const isHead = `${chunks[0]}`.startsWith('HEAD ')
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
      const left = leftOf(Buffer.concat(received).toString('latin1'), isHead)
      if (left === 'nothing') done()
      else if (left === 'unknown') quiet = setTimeout(done, quietMs)
    })
    socket.on('error', done)
    socket.on('close', done)
  })
}

/** A request's head; `lines` are header lines as they are sent. */
export const head = (request: string, ...lines: string[]): string =>
  `${[`${request} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`

/** What is still to come of an answer: with one in chunks, or without a length, another may come that nobody asked for. */
function leftOf(text: string, isHead: boolean): 'nothing' | 'something' | 'unknown' {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return 'something'
  const head = text.slice(0, end)
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  const isWhole = length !== undefined && text.length >= end + 4 + Number(length)
  if (isWhole) return 'nothing'
  if (isHead || /^HTTP\/1\.1 (1\d\d|204|304)/.test(head)) return 'unknown'
  const isChunked = /^transfer-encoding: chunked/im.test(head)
  return length !== undefined || (isChunked && !text.includes('\r\n0\r\n', end)) ? 'something' : 'unknown'
}
