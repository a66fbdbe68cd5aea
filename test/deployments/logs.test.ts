/** Logs as they come: server-sent events that can be gone on from, whatever became of the connection and of the files. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LogFile } from '../../src/deployments/guard/log-file.ts'
import { followed, keptLogs, MOST_OF_A_LOG, type Piece } from '../../src/deployments/log.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'
import { SERVER, World } from './world.ts'

setDefaultTimeout(180_000)
afterAll(cleanUp)

/** What is read of a log until `enough` says so. */
async function read(
  path: string,
  options: Parameters<typeof followed>[1],
  enough: (text: string, pieces: Piece[]) => boolean,
): Promise<{ text: string; pieces: Piece[] }> {
  const pieces: Piece[] = []
  let text = ''
  for await (const piece of followed(path, options, new AbortController().signal)) {
    pieces.push(piece)
    text += piece.bytes.toString()
    if (enough(text, pieces)) break
  }
  return { text, pieces }
}

const numbers = (text: string) => text.match(/(?<= out )\d+/g)?.map(Number) ?? []
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('a log on disk', () => {
  test('is gone on from where one was, in whichever file that is by now, and no line is lost or doubled', async () => {
    const path = join(temporaryFolder(), 'logs/output.log')
    const log = new LogFile(path)
    const line = 'x'.repeat(8000)
    const write = (from: number, to: number) => upTo(from, to).forEach(i => void log.line('r1.1 out', `${i} ${line}`))
    const perFile = Math.ceil(MOST_OF_A_LOG / 8040)
    write(0, 100)
    const first = await read(path, { lines: 10_000 }, text => numbers(text).at(-1) === 99)
    expect(numbers(first.text)).toEqual(upTo(0, 100))
    write(100, perFile + 200)
    expect(existsSync(`${path}.1`)).toBe(true)
    const from = first.pieces.at(-1)!.next
    const second = await read(path, { lines: 10_000, from }, text => numbers(text).at(-1) === perFile + 199)
    expect(numbers(second.text)).toEqual(upTo(100, perFile + 200))
    expect(second.pieces.some(({ gap }) => gap)).toBe(false)
  })

  test('where there is more since than is asked for, or that place is kept no more, the last lines come and it is said', async () => {
    const path = join(temporaryFolder(), 'logs/output.log')
    const log = new LogFile(path)
    for (const i of upTo(0, 50)) log.line('r1.1 out', String(i))
    const [begin] = (await read(path, { lines: 50 }, () => true)).pieces
    const much = await read(path, { lines: 5, from: begin!.next }, text => numbers(text).at(-1) === 49)
    expect([numbers(much.text), much.pieces[0]!.gap]).toEqual([upTo(45, 50), true])
    const lost = await read(path, { lines: 5, from: { began: 12345, at: 0 } }, text => numbers(text).at(-1) === 49)
    expect([numbers(lost.text), lost.pieces[0]!.gap]).toEqual([upTo(45, 50), true])
    const beyond = { ...begin!.next, at: 1e9 }
    expect((await read(path, { lines: 5, from: beyond }, () => true)).pieces[0]!.gap).toBe(true)
    const all = await read(path, { lines: 50, from: begin!.next }, text => numbers(text).at(-1) === 49)
    expect([numbers(all.text), all.pieces[0]!.gap]).toEqual([upTo(0, 50), false])
  })

  test('what is written to a file until another takes its place is read, and of several that did none is passed over', async () => {
    const path = join(temporaryFolder(), 'logs/output.log')
    mkdirSync(dirname(path))
    const say = (number: number) => appendFileSync(path, `2026-01-01T00:00:0${number}.000Z r1.1 out ${number}\n`)
    const rotate = () => {
      const kept = keptLogs(path)
      rmSync(kept.at(-1)!, { force: true })
      for (let i = kept.length - 1; i > 0; i--) if (existsSync(kept[i - 1]!)) renameSync(kept[i - 1]!, kept[i]!)
    }
    say(0)
    const { text, pieces } = await read(path, { lines: 10 }, text => {
      if (numbers(text).at(-1) !== 0) return numbers(text).at(-1) === 3
      say(1)
      for (const next of [2, 3]) {
        rotate()
        say(next)
      }
      return false
    })
    expect(numbers(text)).toEqual([0, 1, 2, 3])
    expect(pieces.some(({ gap }) => gap)).toBe(false)
    // and a line comes when it has come to its end
    appendFileSync(path, '2026-01-01T00:00:04.000Z r1.1 ')
    setTimeout(() => appendFileSync(path, 'out 4\n'), 300)
    const rest = await read(path, { lines: 10, from: pieces.at(-1)!.next }, text => text !== '')
    expect(rest.text).toBe('2026-01-01T00:00:04.000Z r1.1 out 4\n')
  })

  test('one that is not there yet is followed from its beginning', async () => {
    const path = join(temporaryFolder(), 'logs/output.log')
    const [none] = (await read(path, { lines: 1 }, () => true)).pieces
    new LogFile(path).line('r1.1 out', '1')
    expect(numbers((await read(path, { lines: 5, from: none!.next }, text => text !== '')).text)).toEqual([1])
  })
})

describe('over the API', () => {
  const world = new World()
  beforeAll(() => world.start([{ name: 'one', command: SERVER, health: '/health' }]))
  const say = (out: string) => world.call('one', `/say?out=${encodeURIComponent(out)}`)

  interface Event {
    id?: string
    event?: string
    lines: string[]
  }

  /** Reads events until `enough`, then goes away. */
  async function events(enough: (event: Event) => boolean, headers: Record<string, string> = {}, query = '') {
    const gone = new AbortController()
    const response = await fetch(`${world.callgate.url}${await world.path()}/one/logs${query}`, {
      headers: { authorization: `Bearer ${world.callgate.adminToken}`, accept: 'text/event-stream', ...headers },
      signal: gone.signal,
    })
    const seen: Event[] = []
    let text = ''
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>) {
      text += piece
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const fields = new Map(
          text
            .slice(0, end)
            .split('\n')
            .map(line => line.split(/: (.*)/s) as [string, string]),
        )
        text = text.slice(end + 2)
        if (!fields.has('data')) continue
        const event = { id: fields.get('id'), event: fields.get('event'), lines: JSON.parse(fields.get('data')!) }
        seen.push(event)
        if (enough(event)) {
          gone.abort()
          return { response, seen, lines: seen.flatMap(({ lines }) => lines) }
        }
      }
    }
    throw new Error('the stream ended')
  }
  const says = (word: string) => (event: Event) => event.lines.some(line => line.endsWith(word))

  test('what a progress bar shows is a line as soon as it shows the next', async () => {
    const write = (out: string) => world.call('one', `/write?out=${encodeURIComponent(out)}`)
    await write('Loading\n\r10%\r20%')
    const begun = await events(says(' out 10%'))
    expect(begun.lines.some(line => line.includes('20%'))).toBe(false)
    await write('\r100%\r')
    await events(says(' out 20%'))
    await write('\nloaded\r\n')
    const { lines } = await events(says(' out loaded'))
    const said = lines.filter(line => line.includes(' out ')).map(line => line.replace(/^.* out /, ''))
    expect(said.slice(said.indexOf('Loading'))).toEqual(['Loading', '', '10%', '20%', '100%', 'loaded'])
  })

  test('they are server-sent events, and go on from the last one that was received', async () => {
    await say('first\rand more "of it"')
    const first = await events(says('"of it"'))
    expect(first.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(first.lines[0]).toMatch(/ r1\.1 callgate: process \d+ was started$/)
    for (const word of ['much', 'more', 'while nobody looked']) await say(word)
    const { id } = first.seen.at(-1)!
    const second = await events(says('while nobody looked'), { 'last-event-id': id! })
    expect(second.lines.filter(line => line.includes('"of it"'))).toEqual([])
    expect(second.seen.some(({ event }) => event === 'gap')).toBe(false)
    const third = await events(says('while nobody looked'), { 'last-event-id': id! }, '?lines=5')
    expect(third.seen[0]).toMatchObject({ event: 'gap', lines: [] })
    expect(third.lines.filter(line => line.includes('"of it"'))).toEqual([])
  })

  test('who may not read them is refused, and so is an id that is none', async () => {
    const path = `${await world.path()}/one/logs`
    const headers = { accept: 'text/event-stream' }
    expect((await world.callgate.call(path, { headers })).status).toBe(401)
    for (const id of ['', 'x', '1-', '../../etc/passwd', '1-9999999999999999'])
      expect((await world.api('GET', '/one/logs', undefined, { ...headers, 'last-event-id': id })).status).toBe(400)
    expect((await world.api('GET', '/nope/logs', undefined, headers)).status).toBe(404)
  })

  test('whoever goes away is not kept: files are closed, and others have their place', async () => {
    const log = join(world.callgate.dataDir, 'logs', String((await world.shown('one')).id), 'output.log')
    const open = () => {
      const { stdout } = Bun.spawnSync(['ls', '-l', `/proc/${world.callgate.process.pid}/fd`])
      return stdout.toString().split(log).length - 1
    }
    // those of the tests before this one
    await waitFor(() => open() === 0 || undefined)
    const path = `${world.callgate.url}${await world.path()}/one/logs`
    const headersOf = (token: string) => ({ authorization: `Bearer ${token}`, accept: 'text/event-stream' })
    const headers = headersOf(world.callgate.adminToken)
    const gone = new AbortController()
    // an answer that nobody holds is given up
    const held: Response[] = []
    const follow = async (token: string) => {
      const init = { headers: headersOf(token), signal: gone.signal }
      const all = await Promise.all(Array.from({ length: 21 }, () => fetch(path, init)))
      held.push(...all)
      return all.filter(({ status }) => status !== 200)
    }
    const said = (refused: Response[]) => refused.map(r => [r.status, r.headers.get('retry-after')])
    // one user takes no more than a part of the places
    expect(said(await follow(world.callgate.adminToken))).toEqual([[429, '10']])
    const others = await Promise.all(['ann', 'ben', 'cem', 'dot', 'eve'].map(name => world.editor(name)))
    for (const other of others.slice(0, 4)) expect(said(await follow(other))).toEqual([[429, '10']])
    expect(said(await follow(others[4]!))).toEqual(Array(21).fill([503, '10']))
    expect(open()).toBeGreaterThanOrEqual(100)
    expect(held.length).toBe(6 * 21)
    gone.abort()
    await waitFor(() => open() === 0 || undefined)
    for (const query of ['', '?follow=true'])
      expect((await fetch(path + query, { method: 'HEAD', headers })).status).toBe(200)
    expect(open()).toBe(0)
    expect((await events(() => true)).response.status).toBe(200)
    expect(readFileSync(log, 'utf8')).toContain('was started')
  })
})
