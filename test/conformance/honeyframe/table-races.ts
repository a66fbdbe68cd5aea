import { expect, test } from 'bun:test'
import type { Answer } from '../../harness.ts'
import { cpuOfMain } from '../../life/processes.ts'
import type { TableWorld } from './table-world.ts'

const WRITERS = 32

export function races(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)
  const match = (etag: string | null) => ({ 'if-match': etag! })
  const all = (count: number, work: (i: number) => Promise<Answer>) =>
    Promise.all(Array.from({ length: count }, (_, i) => work(i)))
  const statuses = (answers: Answer[]) => [...new Set(answers.map(a => a.status))].sort()

  test('a write that says what it is about is refused when that has changed', async () => {
    const made = await send('PUT', 'named/tagged', { n: 1 })
    const old = made.headers.get('etag')
    const changed = await send('PATCH', 'named/tagged', { n: 2 }, match(old))
    expect(changed.status).toBe(200)
    for (const [method, body] of [
      ['PATCH', { n: 3 }],
      ['PUT', { n: 3 }],
      ['DELETE', undefined],
    ] as const) {
      const late = await send(method, 'named/tagged', body, match(old))
      expect([method, late.status, late.json.code]).toEqual([method, 412, 'changed_meanwhile'])
    }
    const now = changed.headers.get('etag')
    expect((await send('PATCH', 'named/tagged', { n: 3 }, match(`W/${now}`))).status).toBe(412) // weak tags match nothing
    expect((await send('PATCH', 'named/tagged', { n: 2 }, match('*'))).status).toBe(200)
    expect((await send('PATCH', 'named/tagged', { n: 2 }, match(`"x", ${now}`))).status).toBe(200)
    for (const broken of ['x', '"x', '', '"a" "b"', '*,"a"'])
      expect([broken, (await send('PATCH', 'named/tagged', { n: 3 }, match(broken))).status]).toEqual([broken, 400])
    expect((await send('GET', 'named/tagged')).json.n).toBe(2)
    expect((await send('PUT', 'named/absent', { n: 1 }, match('*'))).status).toBe(412)
    expect((await send('PATCH', 'named/absent', { n: 1 }, match('*'))).status).toBe(404)
    expect((await send('DELETE', 'named/tagged', undefined, match(now))).status).toBe(204)
  })

  test('If-None-Match: * creates and replaces nothing; of many who try, one does', async () => {
    const once = { 'if-none-match': '*' }
    const answers = await all(WRITERS, i => send('PUT', 'named/once', { n: i }, once))
    expect(answers.filter(a => a.status === 201)).toHaveLength(1)
    expect(answers.filter(a => a.status === 412)).toHaveLength(WRITERS - 1)
    const { n } = answers.find(a => a.status === 201)!.json
    expect((await send('GET', 'named/once')).json.n).toBe(n)
    const posted = await all(WRITERS, i => send('POST', 'named', { name: 'posted', n: i }))
    expect(statuses(posted)).toEqual([201, 409])
    expect(posted.filter(a => a.status === 201)).toHaveLength(1)
  })

  test(`${WRITERS} writers count with If-Match, and no count is lost`, async () => {
    await send('PUT', 'named/counter', { n: 0 })
    const each = 6
    const tries = await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        let done = 0
        for (let tried = 1; ; tried++) {
          const { json, headers } = await send('GET', 'named/counter')
          const { status } = await send('PATCH', 'named/counter', { n: json.n + 1 }, match(headers.get('etag')))
          expect([200, 412]).toContain(status)
          if (status === 200 && ++done === each) return tried
        }
      }),
    )
    expect((await send('GET', 'named/counter')).json.n).toBe(WRITERS * each)
    expect(Math.max(...tries)).toBeGreaterThan(each) // they did meet
  })

  test(`lists of ${WRITERS} writers are there whole or not at all, and every reader sees them so`, async () => {
    const size = 200
    const list = (i: number) =>
      Array.from({ length: size }, (_, n) => ({
        shop: `race ${i}`,
        number: i % 2 && n === size - 1 ? 0 : n,
        amount: '1',
      }))
    let done = false
    const torn: number[] = []
    const reading = (async () => {
      while (!done)
        for (const i of [0, 1, 2, 3]) {
          const { json } = await send('GET', `orders?shop=race%20${i}&limit=1000`)
          if (json.count !== 0 && json.count !== size) torn.push(json.count)
        }
    })()
    const answers = await all(WRITERS, i => send('POST', 'orders', list(i)))
    done = true
    await reading
    expect(torn).toEqual([])
    for (const [i, { status, json }] of answers.entries())
      expect([i, status, json.count ?? json.errors[0].row]).toEqual(i % 2 ? [i, 409, size - 1] : [i, 201, size])
    for (const i of [0, 1, 30, 31])
      expect([i, (await send('GET', `orders?shop=race%20${i}&limit=1000`)).json.count]).toEqual([i, i % 2 ? 0 : size])
  })

  test('keys that the store gives are given once, to whoever asks at the same time', async () => {
    const answers = await all(WRITERS * 2, i =>
      i % 2 ? send('POST', 'values', { whole: i }) : send('POST', 'values', [{ whole: i }, { whole: i }]),
    )
    expect(statuses(answers)).toEqual([201])
    const ids = answers.flatMap(a => a.json.keys?.map((k: { id: number }) => k.id) ?? [a.json.id])
    expect(new Set(ids).size).toBe(WRITERS * 3)
  })

  test('a large list holds up nobody who reads, or writes elsewhere', async () => {
    const rows = Array.from({ length: 50_000 }, (_, n) => ({ line: `line ${n} of a list` }))
    const { pid } = world.callgate.process
    /** milliseconds that the main process was at work while somebody waited */
    let slowest = 0
    let asked = 0
    let done = false
    const others = (async () => {
      while (!done) {
        const before = cpuOfMain(pid)
        expect((await send('GET', 'people/1')).status).toBe(200)
        slowest = Math.max(slowest, cpuOfMain(pid) - before)
        asked++
      }
    })()
    const made = await send('POST', 'log', rows)
    done = true
    await others
    expect([made.status, made.json]).toEqual([201, { count: 50_000 }])
    expect(asked).toBeGreaterThan(10)
    expect(slowest).toBeLessThan(500) // parsing alone would take the main process longer
    expect(
      (
        await send(
          'POST',
          'log',
          Array.from({ length: 50_001 }, () => ({})),
        )
      ).status,
    ).toBe(422)
  })
}
