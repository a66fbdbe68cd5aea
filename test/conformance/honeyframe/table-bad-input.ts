import { expect, test } from 'bun:test'
import { expectRefusal, JSON_TYPE, MARK, nested } from '../bad-input/refusal.ts'
import { mutate, random } from '../mutate.ts'
import type { TableWorld } from './table-world.ts'

const SEED = Number(process.env.CALLGATE_DAMAGE_SEED ?? 1)

export function badInput(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)
  const ROW = { whole: 1, real: 1.5, exact: '1.5', yes: true, words: 'w', day: '2024-01-01', doc: { a: [1] } }

  test.each<[string, string, string, number[]]>([
    ['a list of lists', 'POST', `[[{"words":"${MARK}"}]]`, [422]],
    ['rows beside something else', 'POST', `{"rows":[{"words":"${MARK}"}],"more":1}`, [422]],
    ['rows that are no list', 'POST', `{"rows":"${MARK}"}`, [422]],
    ['SQL as a column', 'POST', `{"words\\") VALUES ('x'); DROP TABLE data; --":"${MARK}"}`, [422]],
    ['a column of the file', 'POST', '{"rowid":5}', [422]],
    ['a table of the file', 'POST', '{"callgate_state":5}', [422]],
    ['a column in another case', 'POST', `{"WORDS":"${MARK}"}`, [422]],
    ['constructor', 'POST', `{"constructor":{"prototype":"${MARK}"}}`, [422]],
    ['__proto__', 'PATCH', `{"__proto__":{"words":"${MARK}"}}`, [422]],
    ['a column of 10,000 characters', 'PUT', `{"${MARK}${'x'.repeat(10_000)}":1}`.replace(MARK, 'm'), [422]],
    ['nested 100,000 deep', 'POST', `{"doc":${nested('[', ']')}}`, [400]],
    ['objects nested 100,000 deep', 'PATCH', nested('{"doc":', '}').replace('}', '1}'), [400]],
    ['20,000 bad rows', 'POST', `[${`"${MARK}",`.repeat(20_000)}{}]`, [422]],
    [
      '20,000 unknown columns',
      'POST',
      `{${Array.from({ length: 20_000 }, (_, i) => `"c${i}":"${MARK}"`).join()}}`,
      [422],
    ],
    ['a control character in a text', 'POST', '{"words":"\u0000"}', [400]],
    ['a number of 5000 digits', 'PATCH', `{"whole":${'9'.repeat(5000)}}`, [422]],
    ['a number beyond a double', 'PATCH', '{"real":1e999}', [422]],
    ['a number in a document that would become null', 'POST', '{"doc":{"a":[-1e999]}}', [422]],
  ])('%s', async (what, method, body, statuses) => {
    const path = method === 'POST' ? 'values' : 'values/1'
    expectRefusal(await send(method, path, body, JSON_TYPE), what, statuses)
  })

  test('paths that name no row are 404, and names that hold SQL are only names', async () => {
    const paths = [
      '1%00',
      '%00',
      '1;2',
      "1'%20OR%20'1'='1",
      '1e0',
      '0x1',
      '+1',
      ' 1',
      `${MARK}`,
      '9'.repeat(5000),
      '%ff%fe',
      '-',
      '..%2f1',
    ]
    for (const path of paths) {
      const answer = await send('GET', `values/${path}`)
      if (answer.status !== 200) expectRefusal(answer, path, [404])
      expectRefusal(await send('DELETE', `orders/${path}`), path, [404])
    }
    const hostile = `named/${encodeURIComponent("x'; DROP TABLE data; --")}`
    expect((await send('GET', hostile)).status).toBe(404)
    expectRefusal(await send('PUT', 'named/a%00b', { n: 1 }), 'NUL', [404])
  })

  test('preconditions and keys that are none are refused before anything is written', async () => {
    await send('PUT', 'named/intact', { n: 1 })
    for (const [name, value] of [
      ['if-match', MARK],
      ['if-match', `"${MARK}`],
      ['if-none-match', 'x, y'],
      ['idempotency-key', `"${MARK}`],
      ['idempotency-key', 'x'.repeat(10_000)],
    ] as const)
      expectRefusal(await send('PATCH', 'named/intact', { n: 2 }, { [name]: value }), name, [400])
    expect((await send('GET', 'named/intact')).json.n).toBe(1)
  })

  test(`bodies that are damaged anyhow (CALLGATE_DAMAGE_SEED=${SEED}) are taken or refused, never worse`, async () => {
    const next = random(SEED)
    await send('PUT', 'values/1', {})
    let refused = 0
    for (let i = 0; i < 400; i++) {
      const [method, path, whole] = [
        ['POST', 'values', ROW],
        ['POST', 'values', [ROW, { ...ROW, words: 'x' }]],
        ['PUT', 'values/1', ROW],
        ['PATCH', 'values/1', { doc: { a: { b: 1 } }, words: null }],
      ][i % 4] as [string, string, object]
      const body = mutate(whole, next)
      const answer = await send(method, path, body, JSON_TYPE)
      if (answer.status < 300) continue
      expectRefusal(answer, `${method} ${body}`, [400, 409, 422])
      refused++
    }
    expect(refused).toBeGreaterThan(40)
    expect(world.callgate.output()).not.toContain('"level":"error"')
  })
}
