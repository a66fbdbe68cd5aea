/** Requests to the management API whose bodies end when a test says so. */
import { connect } from 'node:net'

export interface Slow {
  method: string
  path: string
  body: string | Buffer
  type: string
}

export const sent = (method: string, path: string, body: object): Slow => ({
  method,
  path,
  body: JSON.stringify(body),
  type: 'application/json',
})

export function uploaded(path: string, name: string, file: Buffer | string, fileName: string): Slow {
  const head = [
    '--cut\r\nContent-Disposition: form-data; name="name"\r\n',
    `${name}\r\n--cut\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\n\r\n`,
  ].join('\r\n')
  const body = Buffer.concat([Buffer.from(head), Buffer.from(file), Buffer.from('\r\n--cut--\r\n')])
  return { method: 'POST', path, body, type: 'multipart/form-data; boundary=cut' }
}

/** Sends all but the end of a body; the function that it answers with sends that, and answers with the status. */
export async function begun(
  url: string,
  { method, path, body, type }: Slow,
  { token, project }: { token: string; project: number },
): Promise<() => Promise<number>> {
  const bytes = Buffer.from(body)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  socket.on('data', piece => {
    answer += piece
  })
  socket.on('close', () => resolve(answer)).on('error', () => resolve(answer))
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: a',
    `Authorization: Bearer ${token}`,
    `X-Project-Id: ${project}`,
    `Content-Type: ${type}`,
    `Content-Length: ${bytes.length}`,
    'Connection: close',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(bytes.subarray(0, -1))
  return async () => {
    socket.write(bytes.subarray(-1))
    return Number(/^HTTP\/1.1 (\d+)/.exec(await promise)?.[1])
  }
}
