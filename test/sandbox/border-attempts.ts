/** What a hostile handler may try at the border itself: answers that are forged, and intrinsics that are changed under it. */
import { type Attempt, attempt, CPU, endless, FAILED, gives, is, MEMORY } from './attempts.ts'

const module = (tries: string, handler: string, gives: Attempt['gives'], more: Partial<Attempt> = {}): Attempt => ({
  tries,
  handler,
  gives,
  ...more,
})
const headers = (count: number) => `Object.fromEntries(Array.from({ length: ${count} }, (_, i) => ['x-' + i, '1']))`

export const BORDER_ATTEMPTS: Attempt[] = [
  // --- forging what is written of an answer
  ...['null', "'text'", '5', '[]'].map(value =>
    attempt(
      `an error that is written as ${value}, by a toJSON that all objects have`,
      `Object.prototype.toJSON = () => (${value}); throw new Error('x')`,
      FAILED,
    ),
  ),
  attempt(
    'a reply whose headers are nothing, by a toJSON',
    `Object.prototype.toJSON = () => null; return host.reply('x')`,
    FAILED,
  ),
  attempt(
    'a reply of a kind that there is not, by a toJSON',
    `Object.prototype.toJSON = function () { return 'kind' in this ? { status: 299, headers: {}, kind: '__proto__' } : this }
     return host.reply('"as it is"')`,
    gives('as it is'),
  ),
  ...['v{"forged":1}', 'vno JSON', 'r{}', 'r\n', 'e', 'enull', ''].map(forged =>
    attempt(
      `the answer ${JSON.stringify(forged)}, by what is thrown while an error is written`,
      `throw host.error(418, [{ toJSON() { throw ${JSON.stringify(forged)} }, toString: () => 'as text' }])`,
      is(418, 'as text'),
    ),
  ),
  ...[
    '5n',
    "Symbol('x')",
    '{ toString: 1, valueOf: 2 }',
    'Object.create(null)',
    'new Proxy({}, { get() { throw 1 } })',
  ].map(message => attempt(`an error whose text is ${message}`, `throw host.error(422, [${message}])`, is(422))),
  module(
    'an error whose text is a bigint, at once',
    'export default (_, host) => { throw host.error(422, [5n]) }',
    is(422, '5'),
  ),
  attempt('an error whose texts are a circle', `const a = []; a.push(a); throw host.error(422, a)`, is(422)),
  attempt(
    'an error whose status cannot be written',
    `throw host.error({ toJSON() { throw new Error('no') } }, 'x')`,
    FAILED,
  ),
  attempt(
    'a refusal of a host call, changed so that it cannot be written',
    `try { await host.call('nothing') } catch (error) { error.message = 5n; error.errors = 5n; error.status = 5n; throw error }`,
    is(404, 'no such endpoint'),
  ),
  module(
    'promises that cannot be awaited',
    `Object.defineProperty(Promise.prototype, 'constructor', { get() { throw new Error('mine') } })
     export default (_, host) => host.call('echo', 1)`,
    FAILED,
  ),
  module(
    'the answer of a promise that cannot be awaited, by what is thrown then',
    `Object.defineProperty(Promise.prototype, 'constructor', { get() { throw 'v{"forged":1}' } })
     export default (_, host) => host.call('echo', 1)`,
    FAILED,
  ),

  // --- more of an answer than anybody takes
  attempt('a reply of twenty thousand headers', `return host.reply('x', { headers: ${headers(20_000)} })`, FAILED, {
    limits: { cpu_ms: 3000 },
  }),
  attempt(
    'a reply with a header of 100 KB',
    `return host.reply('x', { headers: { 'x-a': 'y'.repeat(100_000) } })`,
    FAILED,
  ),
  attempt('a reply of as many headers as it may have', `return host.reply('1', { headers: ${headers(50)} })`, gives(1)),
  attempt(
    'a fetch with twenty thousand headers',
    `return host.fetch('https://example.org/', { headers: ${headers(20_000)} }).then(() => 'in', e => e.status)`,
    gives(422),
    { limits: { cpu_ms: 3000 } },
  ),
  attempt(
    'a fetch with a header twenty thousand times',
    `return host.fetch('https://example.org/', { headers: Array(20_000).fill(['x', '1']) }).then(() => 'in', e => e.status)`,
    gives(422),
    { limits: { cpu_ms: 3000 } },
  ),
  attempt(
    'a policy for all of this origin',
    `return host.reply('x', { headers: { nel: '{"report_to":"mine","max_age":1}' } })`,
    FAILED,
  ),
  attempt(
    'a script for all paths of this origin',
    `return host.reply('x', { headers: { 'content-type': 'text/javascript', 'service-worker-allowed': '/' } })`,
    FAILED,
  ),
  attempt(
    'a fetch whose headers, URL or method are none',
    `const all = [{ headers: 5 }, { headers: [['a']] }, { headers: { a: 'x\\r\\ny: z' } }, { headers: { 'a b': 'x' } }, { method: 'TRACE' }]
     return Promise.all(['', 'http://', 'unix:///x', 'http://a@b/'].map(url => host.fetch(url).catch(e => e.status))
       .concat(all.map(init => host.fetch('https://example.org/', init).catch(e => e.status))))`,
    gives([...Array(4).fill(422), 422, 422, 422, 422, 422]),
  ),

  ...['text', 'json', 'base64', 'url'].map(name =>
    attempt(
      `a fetch whose ${name} says of itself that it is half a gigabyte long, by a toJSON`,
      `Object.prototype.toJSON = function () { return 'method' in this ? { url: 'http://localhost/', ${name}: { length: 5e8 } } : this }
       return host.fetch('x').then(() => 'in', e => e.status)`,
      gives(422),
    ),
  ),
  attempt(
    'a fetch whose headers are a text of fifteen million characters',
    `return host.fetch('https://example.org/', { headers: 'x'.repeat(15e6) }).then(() => 'in', e => e.status)`,
    gives(422),
    // gone through one by one they take everybody 23 s
    { limits: { cpu_ms: 5000, wall_ms: 15_000, memory_mb: 256, output_kb: 16_384 } },
  ),
  attempt(
    'a fetch that is nothing, by a toJSON',
    `Object.prototype.toJSON = () => null; return host.fetch('x').then(() => 'in', e => e.status)`,
    gives(422),
  ),

  // --- intrinsics that are changed while the handler is loaded
  module(
    'members that all objects have',
    `for (const name of ['status', 'kind', 'messages', 'text', 'json', 'refusal', 'resolve', 'reject', '0', '1'])
       Object.defineProperty(Object.prototype, name, { value: 'forged', writable: true, configurable: true })
     export default async ({ body }, host) => [await host.call('echo', 5), (await host.call('nothing').catch(e => e)).code]`,
    gives([{ echo: 5 }, 'endpoint_unknown']),
  ),
  module(
    'setters that all objects have',
    `const seen = []
     for (const name of ['status', 'kind', 'messages', 'name', 'message', 'stack', 'resolve', 'reject', '1', '2'])
       Object.defineProperty(Object.prototype, name, { get: () => 'forged', set(value) { seen.push(name) }, configurable: true })
     export default async (_, host) => ({ echo: (await host.call('echo', 1)).echo, seen: seen.length })`,
    gives({ echo: 1, seen: 0 }),
  ),
  module(
    'no intrinsics at all',
    `for (const name of ['JSON', 'Uint8Array', 'Error', 'Symbol', 'Object', 'Promise', 'TextEncoder']) globalThis[name] = null
     export default async (_, host) => host.call('echo', 1)`,
    gives({ echo: 1 }),
  ),
  module(
    'an iterator that lists have not',
    'delete Array.prototype[Symbol.iterator]; export default async (_, host) => { host.log("a", "b"); return host.call("echo", [1]) }',
    gives({ echo: [1] }),
  ),
  module(
    'stacks that are never made',
    'Error.prepareStackTrace = () => { for (;;); }; export default (_, host) => { throw host.error(422, "x") }',
    CPU,
    { limits: { cpu_ms: 40 } },
  ),
  module(
    'stacks that cannot be made',
    'Error.prepareStackTrace = () => { throw 5 }; export default () => null.x',
    FAILED,
  ),
  module('a default export that is a Proxy', 'export default new Proxy(() => 1, { apply: () => 2 })', gives(2)),
  module(
    'a module that is a thenable',
    "export const then = yes => yes({ default: () => 'then' }); export default () => 1",
    gives('then'),
  ),

  // --- memory that others had, and that is taken away under what uses it
  ...[
    'new ArrayBuffer(300_000)',
    'new ArrayBuffer(8).transfer(300_000)',
    'new SharedArrayBuffer(300_000)',
    '(() => { const b = new ArrayBuffer(9, { maxByteLength: 300_000 }); b.resize(300_000); return b })()',
    '(() => { const b = new ArrayBuffer(300_000, { maxByteLength: 300_000 }); new Uint8Array(b).fill(7); b.resize(0); b.resize(300_000); return b })()',
    'new Float64Array(40_000).buffer',
  ].map(buffer =>
    attempt(
      `what is left in ${buffer}`,
      `const found = new Uint8Array(${buffer}).findIndex(byte => byte !== 0)
       const mine = []; for (let i = 0; i < 300; i++) mine.push(new Uint8Array(4000).fill(83))
       return found`,
      gives(-1),
      { limits: { cpu_ms: 3000 } },
    ),
  ),
  ...[
    ['set', `u.set({ length: 2, get 0() { b.resize(0); return 1 }, 1: 2 })`],
    ['fill', `u.fill({ valueOf() { b.resize(1); return 0 } })`],
    ['sort', `u.sort((x, y) => { b.resize(1); return x - y })`],
    ['with', `u.with(0, { valueOf() { b.resize(0); return 1 } })`],
    ['subarray', `u.subarray(100, { valueOf() { b.resize(0); return 500 } })`],
    ['join', `u.join({ toString() { b.resize(0); return ',' } })`],
    ['copyWithin', `u.copyWithin(0, 10, { valueOf() { b.resize(20); return 70_000 } })`],
    ['toBase64', `u.toBase64({ get alphabet() { b.transfer(); return 'base64' } })`],
    ['a DataView', `new DataView(b).setUint8(50_000, { valueOf() { b.resize(10); return 5 } })`],
  ].map(([what, work]) =>
    attempt(
      `a buffer that shrinks under ${what}`,
      `const b = new ArrayBuffer(80_000, { maxByteLength: 80_000 }); const u = new Uint8Array(b)
       try { ${work} } catch {} return [...new Uint8Array(b.detached ? 0 : b)].every(byte => byte === 0 || byte === 1 || byte === 2)`,
      gives(true),
      { limits: { cpu_ms: 3000 } },
    ),
  ),
  attempt(
    'bytes that were taken away',
    `const u = new Uint8Array(9); u.buffer.transfer(); return host.reply(u)`,
    FAILED,
  ),
  attempt('bytes that are a Proxy', `return host.reply(new Proxy(new Uint8Array(3), {}))`, FAILED),

  // --- what is told to its author
  attempt(
    'a rejection that nobody awaits, of what has no end',
    `Promise.reject({ get message() { for (;;); } }); return 'answered'`,
    gives('answered'),
  ),
  attempt(
    'two thousand rejections that nobody awaits, half of them until later',
    `const all = Array.from({ length: 2000 }, (_, i) => Promise.reject(new Error(String(i)))); await 0
     for (let i = 0; i < 1000; i++) await all[i].catch(() => 0)
     return all.length`,
    gives(2000),
    { limits: { cpu_ms: 3000 } },
  ),
  attempt(
    'a cause of a cause, without an end',
    `const e = new Error('x'); Object.defineProperty(e, 'cause', { get: () => new Error('y', { cause: e }) }); throw e`,
    FAILED,
  ),
  endless(
    'an error whose class extends without an end',
    `const e = new Error('x'); const p = new Proxy({}, { getPrototypeOf: () => p }); Object.setPrototypeOf(e, p); throw e`,
  ),
  attempt(
    'another handler in its own place, by the functions on the stack',
    `Error.prepareStackTrace = (_, sites) => sites.map(site => site.getFunction?.()); const inside = new Error().stack
     try { inside.at(-1)(0, { default: () => 'forged' }) } catch {}
     return 'own'`,
    gives('own'),
  ),

  // --- endless, inside the engine
  endless(
    'lists of lists of lists, flattened',
    `let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; return a.flat(Infinity).length`,
  ),
  endless('joining ten million holes', `return Array(1e7).join('abcdefgh').length`),
  endless(
    'an iterator without an end, spread',
    `Math.max(...{ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) })`,
  ),
  endless(
    'a text in which every character becomes ten thousand',
    `return 'a'.repeat(1e5).replaceAll('a', '$&'.repeat(1e4)).length`,
  ),
  endless('normalizing a long text', `for (;;) '\\u1e9b\\u0323'.repeat(1e5).normalize('NFKD')`),
  endless('a power of a bigint, in digits', `return String(7n ** 2000000n).length`),
  endless('digits of numbers', `for (;;) (1e308).toString(2) + (5e-324).toString(3)`),
  endless(
    'a class of fifty thousand characters',
    `for (;;) new RegExp('[' + Array.from({ length: 5e4 }, (_, i) => '\\\\u' + (i + 256).toString(16).padStart(4, '0')).join('') + ']', 'ui').test('a')`,
  ),
  endless('matches without an end', `const r = /(?:)/g; r.exec = () => ['']; return 'abc'.match(r)`),
  endless(
    'a list of 2^53 values in JSON',
    `return JSON.stringify(new Proxy([], { get: (_, name) => (name === 'length' ? 2 ** 53 - 1 : name === 'toJSON' ? undefined : 1) }))`,
  ),
  endless('a reviver', `return JSON.parse('[1,2]', () => { for (;;); })`),
  endless('the headers of a reply', `return host.reply('x', { headers: { get a() { for (;;); } } })`),
  endless(
    'the headers of a reply, in pairs',
    `return host.reply('x', { headers: { [Symbol.iterator]: () => ({ next() { for (;;); } }) } })`,
  ),
  endless('the body of a fetch', `await host.fetch('https://example.org', { get body() { for (;;); } })`),
  endless('a Proxy that is thrown', `throw new Proxy(new Error('x'), { get() { for (;;); } })`),
  attempt('functions bound to functions', `let f = () => 1; for (;;) f = f.bind(null, f)`, MEMORY, {
    limits: { cpu_ms: 3000, memory_mb: 8 },
  }),
]
