/** Bodies of requests, as the server gets them. */
import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { PREFIX, type World } from './world.ts'

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString('base64')
const ALL_BYTES = Uint8Array.from({ length: 1024 }, (_, i) => i % 256)

export function bodies(world: World): void {
  test('every byte, with its length', async () => {
    const seen = await world.seen('/a', { method: 'POST', body: ALL_BYTES, headers: { 'content-type': 'x/y' } })
    expect([seen.body, seen.header('content-length'), seen.header('content-type')]).toEqual([
      base64(ALL_BYTES),
      '1024',
      'x/y',
    ])
    expect(seen.header('transfer-encoding')).toBeUndefined()
  })

  test('chunks stay chunks', async () => {
    const chunks = ['2\r\nhe\r\n', '3;a=b\r\nllo\r\n', '0\r\n\r\n']
    const seen = await world.seenRaw(`POST ${PREFIX}/a`, ['Transfer-Encoding: chunked'], chunks)
    expect([seen.body, seen.header('transfer-encoding')]).toEqual([base64('hello'), 'chunked'])
    expect(seen.header('content-length')).toBeUndefined()
  })

  test.each<[string, string, string[]]>([
    ['a length that zeros lead', 'Content-Length: 005', ['hello']],
    ['white space around the length', 'Content-Length: \t 5 ', ['hello']],
    ['chunked in capitals', 'Transfer-Encoding: CHUNKED', ['5\r\nhello\r\n0\r\n\r\n']],
    ['chunked behind a tab', 'Transfer-Encoding:\tchunked', ['5\r\nhello\r\n0\r\n\r\n']],
    ['sizes that zeros lead', 'Transfer-Encoding: chunked', ['0005\r\nhello\r\n0000\r\n\r\n']],
    ['extensions', 'Transfer-Encoding: chunked', ['2;a="b;c"\r\nhe\r\n3;d\r\nllo\r\n0;e=f\r\n\r\n']],
    ['a byte at a time', 'Transfer-Encoding: chunked', [...'5\r\nhello\r\n0\r\n\r\n']],
  ])('however they are written: %s', async (_, framing, chunks) => {
    const { body, headers } = await world.seenRaw(`POST ${PREFIX}/a`, [framing], chunks)
    expect(body).toBe(base64('hello'))
    const ours = headers.filter(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name))
    expect(ours).toEqual([framing.startsWith('Content') ? ['content-length', '5'] : ['transfer-encoding', 'chunked']])
  })

  test('an empty one is empty, and none is none', async () => {
    expect((await world.seenRaw(`POST ${PREFIX}/a`, ['Content-Length: 0'])).header('content-length')).toBe('0')
    expect((await world.seenRaw(`POST ${PREFIX}/a`)).header('content-length')).toBeUndefined()
    expect((await world.seenRaw(`DELETE ${PREFIX}/a`, ['Content-Length: 2'], ['hi'])).body).toBe(base64('hi'))
  })

  test('one that is a little longer than what is read at once', async () => {
    const body = new Uint8Array(65_537).fill(7)
    const seen = await world.seen('/a', { method: 'PUT', body })
    expect([seen.bytes, seen.sha256]).toEqual([65_537, createHash('sha256').update(body).digest('hex')])
  })

  test('many at a time, each on a connection that is made for it', async () => {
    const body = Buffer.alloc(1_200_000, 'b')
    const chunked = [`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n']
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2
          ? world.seenRaw(`POST ${PREFIX}/a`, ['Transfer-Encoding: chunked'], chunked)
          : world.seenRaw(`POST ${PREFIX}/a`, [`Content-Length: ${body.length}`], [body]),
      ),
    )
    const sha256 = createHash('sha256').update(body).digest('hex')
    for (const seen of all) expect([seen.bytes, seen.sha256]).toEqual([body.length, sha256])
  })

  test('one that trickles in', async () => {
    const seen = await world.seenRaw(`POST ${PREFIX}/a`, ['Content-Length: 5'], ['h', 'el', 'lo'])
    expect(seen.body).toBe(base64('hello'))
  })

  test('Expect: 100-continue is answered, and not handed on', async () => {
    const answer = await world.raw(`POST ${PREFIX}/a`, ['Content-Length: 5', 'Expect: 100-continue'], ['hello'], 400)
    expect(answer.head).toStartWith('HTTP/1.1 100 Continue')
    expect(answer.text).toContain(base64('hello'))
    expect(answer.text.toLowerCase()).not.toContain('expect')
  })
}
