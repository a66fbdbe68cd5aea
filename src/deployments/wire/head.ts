/** The head of a server's answer, taken apart strictly (RFC 9112): what could be read in two ways is no answer. */

export type HeaderLines = [name: string, value: string][]

/** How the end of the body is found. `length`: after so many bytes; `close`: where the connection ends. */
export type Framing = { by: 'none' } | { by: 'length'; length: number } | { by: 'chunked' } | { by: 'close' }

export interface AnswerHead {
  status: number
  /** all of them, in the server's spelling and order */
  headers: HeaderLines
  framing: Framing
  /** whether the connection may carry another request after this answer */
  persistent: boolean
  /** seconds that the server keeps an idle connection, where it says so (`Keep-Alive: timeout=5`) */
  keepAliveSeconds: number | undefined
}

/** The server sent what is no HTTP answer. */
export class MalformedAnswer extends Error {
  override name = 'MalformedAnswer'
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/
const DIGITS = /^\d{1,15}$/
const CLOSE = /(?:^|,)\s*close\s*(?:,|$)/i

/**
 * @param text the head without the empty line behind it, one character a byte
 * @param method of the request, which says whether there can be a body
 * @throws MalformedAnswer
 */
export function parseAnswerHead(text: string, method: string): AnswerHead {
  let end = text.indexOf('\r\n')
  if (end < 0) end = text.length
  const line = STATUS_LINE.exec(text.slice(0, end))
  if (!line) throw new MalformedAnswer('the status line is none')
  const status = Number(line[2])
  const headers: HeaderLines = []
  let length: string | undefined
  let encoding: string | undefined
  let connection: string | undefined
  let keepAlive: string | undefined
  while (end < text.length) {
    const start = end + 2
    end = text.indexOf('\r\n', start)
    if (end < 0) end = text.length
    const colon = text.indexOf(':', start)
    const name = colon < 0 || colon > end ? '' : text.slice(start, colon)
    if (!TOKEN.test(name)) throw new MalformedAnswer('a header has no proper name')
    const value = text.slice(colon + 1, end).trim()
    if (CONTROL.test(value)) throw new MalformedAnswer('a header has a control character')
    headers.push([name, value])
    switch (name.length) {
      case 10:
        if (name.toLowerCase() === 'connection') connection = joined(connection, value)
        else if (name.toLowerCase() === 'keep-alive') keepAlive = value
        break
      case 14:
        if (name.toLowerCase() !== 'content-length') break
        if (!DIGITS.test(value) || (length !== undefined && length !== value))
          throw new MalformedAnswer('the content length is none, or there are two')
        length = value
        break
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') encoding = joined(encoding, value)
        break
    }
  }
  if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || length !== undefined))
    throw new MalformedAnswer('the transfer encoding is not chunked alone')
  const framing = framingOf(method, status, encoding, length)
  return {
    status,
    headers,
    framing,
    persistent:
      framing.by !== 'close' &&
      status !== 101 &&
      (line[1] === '1' ? !(connection && CLOSE.test(connection)) : /keep-alive/i.test(connection ?? '')),
    keepAliveSeconds: keepAlive === undefined ? undefined : timeoutOf(keepAlive),
  }
}

function framingOf(method: string, status: number, encoding: string | undefined, length: string | undefined): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { by: 'none' }
  if (encoding !== undefined) return { by: 'chunked' }
  if (length === undefined) return { by: 'close' }
  return length === '0' ? { by: 'none' } : { by: 'length', length: Number(length) }
}

const joined = (before: string | undefined, value: string) => (before === undefined ? value : `${before},${value}`)

function timeoutOf(keepAlive: string): number | undefined {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(keepAlive)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}
