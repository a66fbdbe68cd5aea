/** What a hostile handler may try at the engine's edges: memory that shrinks under it, its parser, its collector, and the names on the way out. */
import { type Attempt, attempt, endless, FAILED, gives, is, MEMORY } from './attempts.ts'

const patient = { limits: { cpu_ms: 10_000 } }
const tried = (body: string) => `try { ${body} } catch (error) { return error.name }`
export const ENGINE_ATTEMPTS: Attempt[] = [
  // --- memory that is taken away, or kept, behind the engine's back
  attempt(
    'shrinking what is copied',
    `const buffer = new ArrayBuffer(8e5, { maxByteLength: 8e5 }); const view = new Float64Array(buffer)
     view.constructor = { [Symbol.species]: function (n) { buffer.resize(8); return new Float64Array(n) } }
     return view.slice().length`,
    gives(100_000),
  ),
  attempt(
    'shrinking what is decoded',
    `const buffer = new ArrayBuffer(1e6, { maxByteLength: 1e6 }); const { subarray } = Uint8Array.prototype
     Uint8Array.prototype.subarray = function (...at) { buffer.resize(0); return subarray.apply(this, at) }
     return new TextDecoder().decode(new Uint8Array(buffer))`,
    gives(''),
  ),
  attempt(
    'writing into what was given away',
    tried(
      `const buffer = new ArrayBuffer(64); new DataView(buffer).setInt8({ valueOf() { buffer.transfer(); return 60 } }, 1)`,
    ),
    gives('TypeError'),
  ),
  attempt('reserving two gigabytes', tried('new ArrayBuffer(8, { maxByteLength: 2 ** 31 })'), gives('RangeError')),
  endless(
    'a finalizer without an end',
    `const r = new FinalizationRegistry(() => { for (;;); })
    for (let i = 0; ; i++) r.register({}, i)`,
  ),
  attempt(
    'chains that are let go at once, in every way',
    `let o = {}; for (let i = 0; i < 2e5; i++) o = { o }
     o = new Map(); for (let i = 0; i < 2e4; i++) o = new Map([[o, o]])
     o = () => 1; for (let i = 0; i < 1e5; i++) { const g = o; o = () => g }
     o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o)
     return o.none ?? 'none'`,
    gives('none'),
    patient,
  ),
  attempt(
    'promises of an endless list',
    `await Promise.all({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) })`,
    MEMORY,
    patient,
  ),
  attempt('names without an end', `const o = {}; for (let i = 0; ; i++) o['k' + i] = 1`, MEMORY, patient),
  attempt('duties without an end', `const s = new DisposableStack(); for (;;) s.defer(() => 1)`, MEMORY, patient),

  // --- its parser and its compiler
  attempt('arguments beyond number', tried(`return Math.max.apply(null, { length: 2 ** 31 })`), gives('RangeError')),
  attempt('deep templates', "eval('`$' + '{`$'.repeat(20000) + '{1' + '}`'.repeat(20001))", is(500, 'stack')),
  attempt('deep classes', "eval('class A{static x='.repeat(5000) + '1' + '}'.repeat(5000))", is(500, 'stack')),
  attempt('deep functions', "eval('x=>'.repeat(50000) + '1')", is(500, 'stack')),
  attempt('seventy thousand groups', tried(`return RegExp('(a)'.repeat(70000)).exec('a')`), gives('SyntaxError')),
  endless(
    'a repetition of repetitions',
    `let s = 'a'; for (let i = 0; i < 12; i++) s = '(?:' + s + '){2,255}'; RegExp(s).test('a'.repeat(1e5))`,
  ),
  endless('a bomb of references', `/^(a*)*\\1\\1\\1b$/.test('a'.repeat(60))`),

  // --- endless, where the language is new
  endless('a resource that is never let go', `using held = { [Symbol.dispose]() { for (;;); } }`),
  endless(
    'a set that is compared with one that has no end',
    `new Set([1]).isSupersetOf({ size: 0, has() {}, keys: () => ({ next: () => ({ done: false, value: 1 }) }) })`,
  ),
  endless('passing over an endless iterator', `Iterator.from({ next: () => ({ done: false }) }).drop(Infinity).next()`),
  endless(
    'waiting for an endless iterator',
    `await Array.fromAsync({ async *[Symbol.asyncIterator]() { for (;;) yield 1 } })`,
  ),
  endless('the label of a timer', `console.time({ toString() { for (;;); } })`),

  // --- names and texts on the way out
  attempt(
    'JSON in JSON that is none',
    `const made = text => { try { return JSON.rawJSON(text) } catch (error) { return error.name } }
     return [made('{}'), made('1,2'), made(' 1'), made('1\\n'), Object.freeze({ __proto__: null, rawJSON: '}' })]`,
    gives(['SyntaxError', 'SyntaxError', 'SyntaxError', 'SyntaxError', { rawJSON: '}' }]),
  ),
  attempt(
    'endpoints whose names are none',
    `const codes = []
     for (const name of ['', '__proto__', 'constructor', 'echo ', ' echo', 'echo\\n', '../other/open', 'other.open', 'x'.repeat(1e6), '\\ud800', 'fetch'])
       codes.push(await host.call(name, {}).then(() => name, error => error.code))
     return [...new Set(codes)]`,
    gives(['endpoint_unknown']),
  ),
  attempt(
    'arguments that are too deep',
    `const deep = '['.repeat(1500) + ']'.repeat(1500)
     const refused = []
     for (const asked of [host.call('echo', JSON.parse(deep)), host.fetch('http://example.org/', { headers: { a: JSON.parse(deep) } })])
       refused.push(await asked.then(() => 'done', error => error.status))
     return refused`,
    gives([400, 403]),
    patient,
  ),
  attempt(
    'methods and addresses that hold more than they say',
    `const refused = []
     for (const [url, method] of [['http://example.org/', 'GET / HTTP/1.1\\r\\nX: y'], ['http://exa\\r\\nmple.org@127.0.0.1/'], ['HTTP://[::ffff:127.0.0.1]/'], ['http://0x7f.1/'], ['http://localhost./'], ['blob:http://example.org/x'], ['//example.org']])
       refused.push(await host.fetch(url, { method }).then(() => url, error => error.status))
     return refused`,
    gives([422, 422, 403, 403, 403, 422, 422]),
    { grants: { fetch: ['example.org', '127.0.0.1', 'localhost'] } },
  ),
  ...['X-Accel-Redirect', 'X-Sendfile', 'x-reproxy-url'].map(name =>
    attempt(
      `telling a server in front what to send: ${name}`,
      `return host.reply('x', { headers: { '${name}': '/etc/passwd' } })`,
      FAILED,
    ),
  ),
]
