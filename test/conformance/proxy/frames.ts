/** WebSocket frames through the proxy, byte by byte, as no WebSocket client would send them. */
import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { sendRaw } from '../raw-http.ts'
import type { World } from './world.ts'

const PATH = '/v1/proxy/sockets'
/** how long more of an answer is waited for whose end is the connection's */
const ENDED_MS = 5000

export function frames(world: World): void {
  /** Sends bytes over a WebSocket when there is one, and reads what comes until its end, or `enough`. */
  const spoken = (path: string, bytes: Buffer, enough = (_: Buffer) => false) =>
    new Promise<Buffer>(resolve => {
      const { hostname, port } = new URL(world.callgate.url)
      const socket = connect(Number(port), hostname, () => socket.write(`${world.asking(path)}\r\n\r\n`))
      let received = Buffer.alloc(0)
      let begin = 0
      socket.on('error', () => {}).on('close', () => resolve(received.subarray(begin)))
      socket.on('data', (data: Buffer) => {
        received = Buffer.concat([received, data])
        const end = received.indexOf('\r\n\r\n') + 4
        if (begin === 0 && end >= 4) {
          begin = end
          socket.write(bytes)
        }
        if (begin > 0 && enough(received.subarray(begin))) socket.destroy()
      })
    })
  /** A caller's frame, with a mask of zeros. */
  const masked = (first: number, payload: string) => {
    const body = Buffer.from(payload, 'latin1')
    const length = body.length < 126 ? [0x80 | body.length] : [0xfe, body.length >> 8, body.length & 255]
    return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), body])
  }

  test.each([
    ['an unknown opcode', '\x83\x00'],
    ['a reserved bit', '\xc1\x02hi'],
    ['a masked frame', '\x81\x82abcdhi'],
    ['a continuation of nothing', '\x80\x02hi'],
    ['a message within a message', '\x01\x02hi\x81\x02hi'],
    ['a ping in fragments', '\x09\x00'],
    ['a ping that is too long', `\x89\x7e\x00\x7e${'p'.repeat(126)}`],
    ['a length beyond counting', '\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff'],
    ['a text that is not UTF-8', '\x81\x02a\xff'],
    ['an end of one byte', '\x88\x01a'],
    ['an end with the code 0', '\x88\x02\x00\x00'],
    ['an end with the code 999', '\x88\x02\x03\xe7'],
    ['an end with the code 1005', '\x88\x02\x03\xed'],
    ['an end with the code 1006', '\x88\x02\x03\xee'],
    ['an end with the code 65535', '\x88\x02\xff\xff'],
  ])('what a server sends that is no frame ends it: %s', async (_, bytes) => {
    const path = `/v1/proxy/raw/raw/websocket?${Buffer.from(bytes, 'latin1').toString('hex')}`
    const { text, head } = await sendRaw(world.callgate.url, [`${world.asking(path)}\r\n\r\n`], ENDED_MS)
    expect(head).toStartWith('HTTP/1.1 101')
    // a close frame, and nothing before it
    expect(text.charCodeAt(0)).toBe(Buffer.from([0x88]).toString().charCodeAt(0))
    const next = await spoken(`${PATH}/echo`, masked(0x81, 'hi'), ({ length }) => length >= 4)
    expect(next.toString('latin1')).toBe('\x81\x02hi')
  })

  test.each([
    ['no mask', Buffer.from('\x81\x02hi', 'latin1'), 1002],
    ['a reserved bit', masked(0xc1, 'hi'), 1002],
    ['an unknown opcode', masked(0x83, 'hi'), 1002],
    ['a continuation of nothing', masked(0x80, 'hi'), 1002],
    ['a message within a message', Buffer.concat([masked(0x01, 'a'), masked(0x81, 'b')]), 1002],
    ['a ping that is too long', masked(0x89, 'p'.repeat(126)), 1002],
    ['a ping in fragments', masked(0x09, 'p'), 1002],
    ['an end of one byte', masked(0x88, 'a'), 1002],
    ['an end with the code 1005', masked(0x88, '\x03\xed'), 1002],
    ['a text that is not UTF-8', masked(0x81, 'a\xff'), 1007],
    ['a reason that is not UTF-8', masked(0x88, '\x03\xe8\xff'), 1007],
    ['a message that is too large', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]), 1009],
  ])(
    'what a caller sends that is no frame ends it, and the server has nothing of it: %s',
    async (what, bytes, code) => {
      const path = `/echo?${encodeURIComponent(what)}`
      const answer = await spoken(`${PATH}${path}`, bytes)
      expect([answer[0], answer.readUInt16BE(2)]).toEqual([0x88, code])
    },
  )

  test('a caller’s message in fragments, with a ping among them, is one; a character may be in two of them', async () => {
    const frames = [masked(0x01, '\xe4'), masked(0x89, 'p'), masked(0x00, '\xbd'), masked(0x80, '\xa0')]
    const answer = await spoken(`${PATH}/echo`, Buffer.concat(frames), ({ length }) => length >= 8)
    expect(answer.toString('hex')).toBe('8a0170' + '8103e4bda0')
  })

  test('a caller’s end is answered with its code, and what follows it is nobody’s', async () => {
    for (const [end, answer] of [
      [masked(0x88, ''), '8800'],
      [masked(0x88, '\x03\xe8bye'), '880503e8627965'],
      [Buffer.concat([masked(0x88, '\x0f\xa0'), masked(0x81, 'late')]), '88020fa0'],
    ] as const)
      expect((await spoken(`${PATH}/echo`, end)).toString('hex')).toBe(answer)
  })
}
