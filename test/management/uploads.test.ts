/** Uploads as they are received: however one ends, nothing of it stays. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toFault } from '../../src/lib/fault.ts'
import type { ManagementContext } from '../../src/management/context.ts'
import { receiveUpload } from '../../src/management/upload.ts'
import { waitFor } from '../harness.ts'

const LIMIT = 500_000
const uploadsDir = mkdtempSync(join(tmpdir(), 'callgate-uploads-'))
const context = { config: { maxUpload: LIMIT }, uploadsDir } as ManagementContext
const ends: (number | string)[] = []
let server: ReturnType<typeof Bun.serve>
beforeAll(() => {
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const end = await receiveUpload(context, request, async ({ path }) =>
        readFileSync(path, 'utf8').slice(0, 10),
      ).catch(error => toFault(error).status)
      ends.push(end)
      return new Response()
    },
  })
})
afterAll(async () => {
  await server.stop(true)
  rmSync(uploadsDir, { recursive: true, force: true })
})

const partOf = (name: string) => `--cut\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`
const END = '\r\n--cut--\r\n'

/** Sends a body and, where it is shorter than it was announced, cuts the connection when the file is there. */
async function send(body: string, announced = body.length): Promise<number | string> {
  const before = ends.length
  const socket = connect(server.port!, '127.0.0.1').on('error', () => {})
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: ${announced}`
  socket.write(`${head}\r\n\r\n${body}`)
  if (announced > body.length) {
    await waitFor(() => readdirSync(uploadsDir).length > 0 || undefined)
    socket.destroy()
  }
  await waitFor(() => ends.length > before || undefined)
  socket.destroy()
  return ends[before]!
}

/** Files of uploads that this process has open, those among them that are removed already. */
const open = () =>
  readdirSync('/proc/self/fd')
    .map(targetOf)
    .filter(path => path.includes(uploadsDir))
const targetOf = (fd: string) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // it was that of the list itself
  }
}

test.skipIf(process.platform !== 'linux')(
  'however an upload ends, its file is neither there nor open afterwards',
  async () => {
    const rows = 'x'.repeat(300_000)
    expect(await send(`${partOf('a.csv')}${rows}${END}`)).toBe('xxxxxxxxxx')
    expect(await send(`${partOf('a.csv')}${rows}`, 400_000)).toBe(400)
    expect(await send(`${partOf('a.csv')}${rows}${rows}${END}`)).toBe(413)
    expect(await send(`${partOf('a.csv')}${rows}\r\n${partOf('b.csv')}${rows}${END}`)).toBe(422)
    expect(await send(`${partOf('a.csv')}${rows}\r\n--cut\r\n`)).toBe(400)
    expect([open(), readdirSync(uploadsDir)]).toEqual([[], []])
  },
)

test('an upload of very many parts is refused, and is not read to its end', async () => {
  const parts = (count: number) => '\r\n--cut\r\nContent-Disposition: form-data; name="x"\r\n\r\n1'.repeat(count)
  const file = `${partOf('a.csv')}${'x'.repeat(100)}`
  expect(await send(`${file}${parts(40)}${END}`)).toBe('xxxxxxxxxx')
  expect(await send(`${file}${parts(5000)}${END}`)).toBe(422)
  expect(readdirSync(uploadsDir)).toEqual([])
})
