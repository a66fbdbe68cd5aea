/** What the author of a handler is told of it: what it logs, and what becomes of what it does in a way that may be meant otherwise. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { type Callgate, cleanUp, FIXTURES, startCallgate } from '../harness.ts'

setDefaultTimeout(180_000)

let callgate: Callgate
beforeAll(async () => {
  const endpoints = [{ id: 'one', kind: 'function', handler: 'export default () => 1' }]
  const models = [{ name: 'iris', versions: [{ version: 1, file: join(FIXTURES, 'models/iris.onnx') }] }]
  callgate = await startCallgate({
    manifest: { projects: [{ slug: 'p', models, services: [{ key: 's', endpoints }] }] },
  })
})
afterAll(cleanUp)

/** Runs a handler as the console does. */
const tried = async (handler: string) =>
  (await callgate.admin('POST', '/api/api-services/1/try', { endpoint: { id: 'tried', kind: 'function', handler } }))
    .json

const LOGGED = [
  ['{ r: host.reply(1), o: 5 }', '{"r":host.reply(1,{"status":200,"headers":{}}),"o":5}'],
  ['"a", 1, null, undefined, NaN, 5n, Symbol("s")', 'a 1 null undefined NaN 5 Symbol(s)'],
  [
    '{ s: "\\"", u: undefined, n: NaN, b: 12345678901234567890n, y: Symbol("s") }',
    '{"s":"\\"","u":undefined,"n":NaN,"b":12345678901234567890,"y":Symbol(s)}',
  ],
  ['(() => { const a = { x: 1 }; a.list = [a, a.x]; return a })()', '{"x":1,"list":[[circular],1]}'],
  ['new Map([[1, { a: 2 }]]), { s: new Set(["x"]) }', 'Map [[1,{"a":2}]] {"s":Set ["x"]}'],
  [
    'new Uint8Array([1, 2]), /a/g, Promise.resolve(), {}, Object.create(null)',
    'Uint8Array [1,2] /a/g [object Promise] {} {}',
  ],
  [
    'new Error("outer", { cause: new TypeError("inner") }), [host.error(404, "gone")]',
    'Error: outer {"cause":TypeError: inner} [HostError: gone {"status":404}]',
  ],
  ['new String("x"), { n: new Number(1), b: new Boolean(false) }', '"x" {"n":1,"b":false}'],
  ['new Date(0), { d: new Date(NaN) }', '"1970-01-01T00:00:00.000Z" {"d":Invalid Date}'],
  ['function f() {}, { g: () => 1 }', '[function f] {"g":[function g]}'],
  [
    '{ get a() { throw new Error("no") }, t: { toJSON() { throw new Error("nor") } }, b: 2 }',
    '{"a":[Error: no],"t":[Error: nor],"b":2}',
  ],
  ['{ toJSON: () => ({ as: "JSON" }) }', '{"as":"JSON"}'],
] as const

test('a log loses nothing of what JSON has no words for', async () => {
  const lines = LOGGED.map(([values]) => `host.log(${values})`)
  const { log } = await tried(`export default (_, host) => {\n${lines.join('\n')}\n}`)
  expect(log).toEqual(LOGGED.map(([, line]) => line))
})

test('a log has a bound, for what is long, deep or much, and says that it has reached it', async () => {
  const { body, log } = await tried(`export default (_, host) => {
    let deep = 1
    for (let i = 0; i < 5000; i++) deep = { deep }
    host.log(deep, 'beside it')
    host.log(Array.from({ length: 50000 }, (_, i) => i))
    host.log('é'.repeat(1000))
    for (let i = 0; i < 1000; i++) console.log(i)
    return 'answered'
  }`)
  expect(body).toBe('answered')
  expect(log.length).toBe(101)
  expect(log[0]).toMatch(/^(\{"deep":)+\[deeper\]\}+ beside it$/)
  expect(log[1]).toMatch(/^\[0,1,2,.* \.\.\.$/)
  expect(log[2]).toBe(`${'é'.repeat(500)} ...`)
  expect(log.slice(3, 100)).toEqual(Array.from({ length: 97 }, (_, i) => `${i}`))
  expect(log[100]).toContain('no more lines')
})

test('each method of the console that logs elsewhere does here', async () => {
  const { log } = await tried(`export default () => {
    for (const method of ['debug', 'dir', 'error', 'group', 'groupCollapsed', 'info', 'log', 'table', 'trace', 'warn'])
      console[method]([{ method }])
    console.groupEnd()
    console.assert(true, 'right')
    console.assert(1 > 2, 'wrong', 1)
    for (let i = 0; i < 2; i++) console.count()
    console.time('t')
    console.timeLog('t', 'so far')
    console.timeEnd('t')
  }`)
  const methods = ['debug', 'dir', 'error', 'group', 'groupCollapsed', 'info', 'log', 'table', 'trace', 'warn']
  expect(log).toEqual([
    ...methods.map(method => `[{"method":"${method}"}]`),
    'Assertion failed: wrong 1',
    'default: 1',
    'default: 2',
    expect.stringMatching(/^t: \d+ ms so far$/),
    expect.stringMatching(/^t: \d+ ms$/),
  ])
})

test('a host call that it forgot to wait for is in the log, as it may not have been made', async () => {
  const { body, log } = await tried(`export default async (_, host) => {
    host.log(await host.call('one'))
    host.call('one')
    host.call('one').then(() => host.log('never'))
    return 2
  }`)
  expect([body, log]).toEqual([2, ['1', '... (host calls that it did not wait for, and that were given up: 2)']])
})

test('an error that is returned is none of its answers, but one that has a JSON form of its own', async () => {
  const { status, handler } = await tried(`export default () => {\n  return new RangeError('too much')\n}`)
  expect([status, handler]).toMatchObject([500, { name: 'RangeError', message: 'too much', line: 2 }])
  const own = 'class Told extends Error { toJSON() { return { told: this.message } } }'
  expect((await tried(`${own}\nexport default () => new Told('so')`)).body).toEqual({ told: 'so' })
})

test('a module without a default export is told apart from one whose default export is something else', async () => {
  const refused = async (handler: string) => (await tried(handler)).detail
  expect(await refused('export const handler = () => 1')).toContain(
    'it has no default export; it needs `export default',
  )
  expect(await refused('export default { handler: () => 1 }')).toContain('its default export is no function; it needs')
})

test('a promise that is rejected, and that nothing waited for, is in the log; one that was waited for later is not', async () => {
  const forgotten = await tried(`const late = async () => {
  await 0
  throw new TypeError('it went wrong')
}
export default async (_, host) => {
  const waited = (async () => { throw new Error('caught') })()
  late()
  host.call('nothing')
  await host.call('one')
  try { await waited } catch {}
  return 1
}`)
  expect([forgotten.body, forgotten.log]).toEqual([
    1,
    [
      '... (a promise was rejected, and nothing waited for it: TypeError: it went wrong, line 3)',
      '... (a promise was rejected, and nothing waited for it: HostError: This service has no such endpoint., line 8)',
    ],
  ])
  const never = await tried(`export default async () => {
  const fails = async () => { throw new Error('why it never ends') }
  await new Promise(done => { fails().then(done) })
}`)
  expect(never).toMatchObject({
    code: 'function_never_ends',
    log: [expect.stringContaining('why it never ends, line 2')],
  })
})

test('a rejection that takes too much to be told costs its call nothing', async () => {
  const { body, log } = await tried(`export default async () => {
  Promise.reject({ get message() { for (;;); } })
  for (let i = 0; i < 1000; i++) Promise.reject(i)
  await 0
  return 'answered'
}`)
  expect([body, log]).toEqual(['answered', [expect.stringContaining('takes too much to be told')]])
})

test('an error of a class of its own is at the line where it was made, and its causes are told', async () => {
  const { handler } = await tried(`class Failed extends Error {
  constructor(message, cause) {
    super(message, { cause })
  }
}
class NotFound extends Failed {}
const find = () => {
  throw new NotFound('no row', { id: 7 })
}
export default () => {
  try { find() } catch (error) {
    throw new Error('no price', { cause: error })
  }
}`)
  const inner = { name: 'Error', message: 'no row', line: 8, cause: { name: 'Error', message: '{"id":7}' } }
  expect(handler).toMatchObject({ name: 'Error', message: 'no price', line: 12, cause: inner })
  expect(handler.cause.stack).toStartWith('at find (handler.ts:8:')
  const endless = "const e = new Error('round')\n  e.cause = e\n  throw e"
  expect(await tried(`export default () => {\n  ${endless}\n}`)).toMatchObject({
    handler: { message: 'round', line: 2, cause: { message: 'round' } },
  })
})

test('a grant of an endpoint that the service does not have is told when it is published, of a function, and once of all hooks', async () => {
  const grants = { endpoints: ['*', 'two', 'tow'] }
  const two = { id: 'two', kind: 'function', handler: 'export default () => 2', grants }
  const hook = { handler: 'export default () => 3', grants }
  const hooked = { id: 'hooked', kind: 'model', model: 'iris', check: hook, before: hook }
  const scope = { 'x-project-id': '1' }
  const asset = {
    asset_type: 'api_service',
    asset_key: 'granted',
    title: 'Granted',
    config: { endpoints: [two, hooked] },
  }
  const { json: created } = await callgate.admin('POST', '/api/publish/assets', asset, scope)
  const { json } = await callgate.admin('POST', `/api/publish/assets/${created.id}/publish`, {}, scope)
  const inVain = 'grants.endpoints has tow, which is no endpoint of this service.'
  expect(json.warnings).toEqual([`endpoint two: ${inVain}`, `endpoint hooked: ${inVain}`])
})

const CODED = 'const u = new Uint8Array(2e6).fill(97)\nconst t = "é".repeat(5e5)\n'

test('to code two megabytes of text, and to decode them, takes a fraction of a second of CPU', async () => {
  const handler = `${CODED}export default () => [new TextDecoder().decode(u).length, new TextEncoder().encode(t).length]`
  const endpoint = { id: 'tried', kind: 'function', handler, limits: { cpu_ms: 1500 } }
  expect((await callgate.admin('POST', '/api/api-services/1/try', { endpoint })).json.body).toEqual([2e6, 1e6])
})

test('text is coded and decoded as elsewhere, wherever its characters are in what is coded at a time', async () => {
  const tails = [[0xe2, 0x82, 0xac, 0x80, 0x80, 0x80], [0xf0, 0x9f, 0x98, 0x80, 97], [0xf0, 0x9f, 0x98], [0xff]]
  const cases = tails.flatMap(tail => [65531, 65533, 65535, 65536].map(at => ({ at, tail })))
  const handler = `const cases = ${JSON.stringify(cases)}
export default () => cases.map(({ at, tail }) => {
  const bytes = new Uint8Array(at + tail.length).fill(97)
  bytes.set(tail, at)
  const text = new TextDecoder().decode(bytes)
  const coded = new TextEncoder().encode('a'.repeat(at) + '\u{1f600}\ud83d')
  return [text.slice(65500), coded.length, coded.subarray(at).toHex()]
})`
  const endpoint = { id: 'tried', kind: 'function', handler, limits: { cpu_ms: 10000, wall_ms: 60000 } }
  const expected = cases.map(({ at, tail }) => {
    const bytes = new Uint8Array(at + tail.length).fill(97)
    bytes.set(tail, at)
    return [new TextDecoder().decode(bytes).slice(65500), at + 7, 'f09f9880efbfbd']
  })
  expect((await callgate.admin('POST', '/api/api-services/1/try', { endpoint })).json.body).toEqual(expected)
})

test('a promise that is rejected when the module is loaded is in the log of each call that does not wait for it', async () => {
  const log = ['... (a promise was rejected, and nothing waited for it: TypeError: no table, line 3)']
  const load = 'const load = async () => {\n  await 0\n  throw new TypeError("no table")\n}\nconst table = load()\n'
  const forgets = `${load}export default () => 1`
  for (const _ of [1, 2]) expect(await tried(forgets)).toMatchObject({ body: 1, log })
  const waits = await tried(`${load}export default () => table.catch(error => error.message)`)
  expect([waits.body, waits.log]).toEqual(['no table', []])
})

test('an error that says nothing itself is told by its members, and the cause of one whose class has no name is not lost', async () => {
  const told = async (throws: string) => (await tried(`export default async () => {\n  ${throws}\n}`)).handler
  const several = await told("await Promise.any([Promise.reject(new TypeError('one')), Promise.reject(2)])")
  expect(several).toMatchObject({ name: 'AggregateError', message: '{"errors":[TypeError: one,2]}', line: 2 })
  expect(await told('throw Object.assign(new Error(), { code: 7 })')).toMatchObject({ message: '{"code":7}', line: 2 })
  const long = await told('throw { x: "y".repeat(5000) }')
  expect(long.message).toMatch(/^an object was thrown that is no Error: \{"x":"y{900,1000}$/)
  const nameless =
    "class A extends Error {}\n  A.prototype.constructor = null\n  throw new A('x', { cause: new Error('why') })"
  expect(await told(nameless)).toMatchObject({ message: 'x', cause: { message: 'why', line: 4 } })
})

test('what JavaScript has elsewhere and not here, and a header that a reply may not set, are named, with what to do instead', async () => {
  const told = async (value: string) => (await tried(`export default (_, host) => {\n  return ${value}\n}`)).handler
  expect(await told("fetch('http://example.org')")).toMatchObject({
    message: 'fetch is not defined: use host.fetch',
    line: 2,
  })
  expect((await told('toString2')).message).toBe('toString2 is not defined')
  expect((await tried("const fs = require('fs')\nexport default () => fs")).detail).toContain(
    'require is not defined: there are no modules (line 1',
  )
  expect((await tried('module.exports = () => 1')).detail).toContain('write `export default` (line 1')
  expect((await told("new Response('x')")).message).toContain('or host.reply(body')
  const cookie = await told("host.reply(1, { headers: { 'Set-Cookie': 'a=1' } })")
  expect(cookie.message).toBe('Set-Cookie is no header that a reply may set')
})

test('headers may be a Map or a list of pairs, and what is neither is told', async () => {
  const reply = (headers: string) => tried(`export default (_, host) => host.reply('x', { headers: ${headers} })`)
  for (const headers of [
    "new Map([['X-A', 1], ['Link', '<a>'], ['link', '<b>']])",
    "[['x-a', '1'], ['link', '<a>, <b>']]",
  ])
    expect((await reply(headers)).headers).toMatchObject({ 'x-a': '1', link: '<a>, <b>' })
  for (const headers of ['[1, 2]', "new Set(['x-a'])", "[['x-a']]"])
    expect((await reply(headers)).handler.message).toContain('headers are an object, a Map, or a list of pairs')
  // of a fetch they are looked at before its host is
  const fetches = "host.fetch('http://h.example', { headers: new Map([['not a name', '1']]) })"
  expect((await tried(`export default (_, host) => ${fetches}`)).status).toBe(422)
})

test('an import that a handler makes while it runs is told with its line, and what to know of it', async () => {
  const { handler } = await tried("export default async () => {\n  const fs = await import('../fs')\n  return fs\n}")
  expect(handler).toMatchObject({
    line: 2,
    message: expect.stringContaining("no modules to import, and so no '../fs'"),
  })
})
