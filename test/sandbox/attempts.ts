/** What a hostile handler may try, each with what must come of it. */

export interface Attempt {
  /** what it tries */
  tries: string
  handler: string
  /** the JSON of a 200, or the status and what the refusal names */
  gives: { json: unknown } | { status: number; names?: string }
  limits?: object
  grants?: object
}

export const gives = (json: unknown) => ({ json })
export const is = (status: number, names?: string) => ({ status, names })
export const CPU = is(504, 'cpu_ms')
export const MEMORY = is(500, 'memory_mb')
const STACK = is(500, 'stack')
const OUTPUT = is(500, 'output_kb')
export const FAILED = is(500, 'The function failed.')

/** `body` is a handler's, which may await. */
export const attempt = (
  tries: string,
  body: string,
  gives: Attempt['gives'],
  more: Partial<Attempt> = {},
): Attempt => ({
  tries,
  handler: `export default async (request, host) => { ${body} }`,
  gives,
  ...more,
})

const quick = { limits: { cpu_ms: 40 } }
export const endless = (tries: string, body: string) => attempt(tries, body, CPU, quick)

export const ATTEMPTS: Attempt[] = [
  // --- authority that is not there
  attempt(
    'globals of a host',
    `return ['process', 'require', 'Bun', 'Deno', 'module', '__dirname', 'fetch', 'WebAssembly', 'Worker', 'setTimeout',
      'setInterval', 'XMLHttpRequest', 'navigator', 'window', 'self', 'std', 'os', 'scriptArgs', 'print', 'gc', 'load'].filter(name => name in globalThis)`,
    gives([]),
  ),
  attempt(
    'the constructor of a host function',
    `return host.call.constructor('return typeof process')()`,
    gives('undefined'),
  ),
  attempt(
    'the constructors of async functions and generators',
    `return [await (async () => {}).constructor('return typeof Bun')(), (function* () {}).constructor('yield typeof require')().next().value]`,
    gives(['undefined', 'undefined']),
  ),
  attempt(
    'the constructor chain of the request',
    `return request.constructor.constructor('return this')() === globalThis`,
    gives(true),
  ),
  attempt(
    'eval, direct and not',
    `return [eval('typeof process'), (0, eval)('typeof Bun'), new Function('return typeof require')()]`,
    gives(['undefined', 'undefined', 'undefined']),
  ),
  ...['fs', 'node:fs', 'bun:sqlite', 'std', 'os', '/etc/passwd', 'data:text/javascript,1', 'callgate'].map(name =>
    attempt(
      `import(${JSON.stringify(name)})`,
      `return import(${JSON.stringify(name)}).then(() => 'in', e => e.name)`,
      gives('ReferenceError'),
    ),
  ),
  attempt(
    'import.meta',
    `return Object.keys(import.meta).filter(key => typeof import.meta[key] !== 'string' || import.meta[key].includes('/'))`,
    gives([]),
  ),
  attempt(
    'the callers of a function',
    `return (function () { try { return typeof arguments.callee.caller } catch (e) { return e.name } })()`,
    gives('TypeError'),
  ),
  attempt(
    'frames of the host in a stack',
    `const { stack } = new Error(); return /(\\/|node_modules|\\.js\\b|bun|native code|wasm)/i.test(stack) ? stack : 'clean'`,
    gives('clean'),
  ),
  attempt(
    'call sites, by Error.prepareStackTrace',
    `Error.prepareStackTrace = (_, sites) => sites; const sites = new Error().stack
     const found = Array.isArray(sites) ? sites.flatMap(site => [site.getFunction?.(), site.getThis?.(), site.getFileName?.()]) : []
     return found.some(part => typeof part === 'string' && part.includes('/'))`,
    gives(false),
  ),
  attempt(
    'its own module again',
    `const { default: again } = await import('./handler.ts'); return typeof again`,
    gives('function'),
  ),
  attempt('waiting on shared memory', `return typeof Atomics`, gives('undefined')),

  // --- what it is given
  attempt(
    'changing what it is given',
    `'use strict'; const done = []
     for (const work of [() => { host.call = 1 }, () => { delete host.fetch }, () => Object.setPrototypeOf(host, {}), () => Object.defineProperty(host, 'x', { value: 1 })])
       try { work(); done.push('done') } catch (e) { done.push(e.name) }
     return done`,
    gives(['TypeError', 'TypeError', 'TypeError', 'TypeError']),
  ),
  attempt(
    'a Proxy of host, and its functions with another this',
    `const proxy = new Proxy(host, { get: (target, name) => target[name] })
     return [typeof proxy.uuid(), typeof Reflect.apply(host.now, null, []), host.log.call(undefined, 'x') ?? 'logged']`,
    gives(['string', 'number', 'logged']),
  ),
  attempt(
    'more on host than is said',
    `return Reflect.ownKeys(host).map(String).sort()`,
    gives(['call', 'error', 'fetch', 'log', 'now', 'reply', 'uuid']),
  ),
  attempt(
    'the key that called it',
    `return JSON.stringify(request).match(/dk_|x-api-key|authorization|cookie/gi) ?? 'none'`,
    gives('none'),
  ),
  attempt(
    'replacing what the border is made of',
    `for (const name of ['stringify', 'parse']) JSON[name] = () => '{"forged":true}'
     Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw new Error('mine') }
     Array.prototype.toJSON = () => 'mine'; Promise.prototype.then = function () { return this }; globalThis.Promise = null
     Object.prototype.toJSON = undefined; Array.prototype[Symbol.iterator] = null; String.prototype.toWellFormed = null
     return { kept: 1 }`,
    gives({ kept: 1 }),
  ),
  attempt(
    "a call of the guest's own entry",
    `return [typeof start, typeof settle, typeof send, typeof waiting, typeof handler]`,
    gives(Array(5).fill('undefined')),
  ),

  // --- nothing survives
  ...(
    [
      ['a variable of the module', 'let n = 0; export default () => ++n'],
      ['a global', 'export default () => (globalThis.n = (globalThis.n ?? 0) + 1)'],
      ['a polluted prototype', 'export default () => { Object.prototype.n = (({}).n ?? 0) + 1; return ({}).n }'],
      ['a property of an intrinsic', 'export default () => (Math.n = (Math.n ?? 0) + 1)'],
      [
        'a registered symbol',
        "export default () => { const s = Symbol.for('x'); globalThis[s] = (globalThis[s] ?? 0) + 1; return globalThis[s] }",
      ],
      [
        'the lastIndex of a RegExp of the module',
        "const r = /a/g; export default () => { r.test('aa'); return r.lastIndex }",
      ],
      ['a list in a closure', 'const kept = []; export default request => kept.push(request)'],
      ['a class of the module', 'class C { static n = 0 }; export default () => ++C.n'],
      [
        'a WeakRef and a FinalizationRegistry',
        "const seen = new Set(); const f = new FinalizationRegistry(() => seen.add('gone')); export default () => { f.register({}, 1); return seen.add(1).size }",
      ],
      [
        'a job that is left in the queue',
        'let n = 0; export default () => { Promise.resolve().then(() => { n = 100 }); return ++n }',
      ],
      [
        'a promise that nobody awaits',
        'let n = 0; export default async (request, host) => { void host.call("nothing").catch(() => { n = 50 }); return ++n }',
      ],
      [
        'its own error classes',
        'let n = 0; Error.prototype.n = 0; export default () => { Error.prototype.n++; return new Error().n }',
      ],
    ] as const
  ).map(([what, handler]): Attempt => ({ tries: `to keep something: ${what}`, handler, gives: gives(1) })),
  {
    tries: 'to have the same random numbers in every call',
    handler:
      'const first = Math.random(); export default (_, host) => [Math.random(), host.uuid(), first !== Math.random()].length',
    gives: gives(3),
  },

  // --- endless
  endless('an endless loop', 'for (;;);'),
  endless('an endless loop that catches', 'for (;;) try { for (;;); } catch {}'),
  endless('an endless loop in finally', 'try { for (;;); } finally { for (;;); }'),
  endless('an endless chain of promises', 'const next = () => Promise.resolve().then(next); await next()'),
  endless('an endless async loop', 'for (;;) await null'),
  endless('an endless generator', 'for (const _ of (function* () { for (;;) yield 1 })());'),
  endless('a regular-expression bomb', `return /^(a+)+$/.test('a'.repeat(40) + '!')`),
  endless('another regular-expression bomb', `return /(x+x+)+y/.test('x'.repeat(60))`),
  endless('a comparison that never decides', `Array.from({ length: 1e5 }, Math.random).sort(() => { for (;;); })`),
  endless('a getter in its answer', `return { get x() { for (;;); } }`),
  endless('a toJSON in its answer', `return { toJSON() { for (;;); } }`),
  endless('a Proxy in its answer', `return new Proxy({}, { ownKeys() { for (;;); } })`),
  endless('an error whose message is a getter', `throw { get message() { for (;;); } }`),
  endless('an error with an endless toString', `throw { name: { toString() { for (;;); } } }`),
  endless('a value that is logged', `host.log({ toString() { for (;;); }, toJSON() { for (;;); } })`),
  endless('a search in a list that is none', `return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)`),
  endless('filling a list that is none', `Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 0)`),
  endless('reversing a list that is none', `Array.prototype.reverse.call({ length: 2 ** 53 - 1 })`),
  endless('joining a list of four billion holes', `return new Array(2 ** 32 - 1).includes(1)`),
  endless('a search of a long text in a longer one', `return ('a'.repeat(2e6)).indexOf('a'.repeat(1e6) + 'b')`),
  endless(
    'large integers',
    `let x = 3n ** 50000n; for (let i = 0; i < 12; i++) x = (x * x) % (7n ** 60000n); return String(x).length`,
  ),
  endless('copying large buffers', `const big = new Uint8Array(8e6); for (;;) big.fill(1)`),
  endless('moving memory within a buffer', `const big = new Uint8Array(8e6); for (;;) big.copyWithin(1, 0)`),
  endless(
    'an answer that refers to itself exponentially',
    `let a = [1]; for (let i = 0; i < 40; i++) a = [a, a]; return a`,
  ),
  endless('a thenable that calls itself', `const thenable = { then(resolve) { resolve(thenable) } }; return thenable`),
  endless('making the clock stand still', `Date.now = () => 0; try { performance.now = () => 0 } catch {} for (;;);`),
  attempt('waiting for ever', `await new Promise(() => {})`, is(500, 'never comes')),
  attempt('a thenable that never answers', `return { then() {} }`, is(500, 'never comes')),
  attempt(
    'waiting for longer than it may',
    `await Promise.all([host.call('sleep'), host.call('sleep')])`,
    is(504, 'wall_ms'),
    { limits: { wall_ms: 60 } },
  ),

  // --- more memory, stack or output than it may have
  attempt('a list that grows', `const list = []; for (;;) list.push(new Array(1000).fill(list))`, MEMORY, {
    limits: { memory_mb: 8, cpu_ms: 3000 },
  }),
  attempt('a buffer of a gigabyte', `return new ArrayBuffer(2 ** 30).byteLength`, is(500)),
  attempt('many buffers', `const kept = []; for (;;) kept.push(new Uint8Array(65536))`, MEMORY, {
    limits: { cpu_ms: 3000 },
  }),
  attempt('a text that doubles', `let s = 'x'; for (;;) s += s`, is(500)),
  attempt('a text of a gigabyte', `return 'x'.repeat(2 ** 29).padEnd(2 ** 30, 'y').length`, is(500)),
  attempt('a Map that grows', `const map = new Map(); for (let i = 0; ; i++) map.set(i, [i])`, MEMORY, {
    limits: { memory_mb: 8, cpu_ms: 3000 },
  }),
  attempt(
    'catching that there is no memory, and going on',
    `const kept = []; for (;;) try { kept.push(new Uint8Array(1e6)) } catch { kept.length = 0; return 'caught' }`,
    gives('caught'),
    { limits: { cpu_ms: 3000 } },
  ),
  attempt(
    'an error whose message takes the last of the memory',
    `throw new Proxy(new Error(), { get: (_, name) => (name === 'message' ? { toString: () => 'y'.repeat(3e7) } : 1) })`,
    MEMORY,
    { limits: { cpu_ms: 3000 } },
  ),
  attempt(
    'breaking what writes JSON, and an error',
    `Object.defineProperty(Array.prototype, '0', { set() { throw new Error('set') } }); return {}`,
    FAILED,
  ),
  attempt('deep recursion', `const f = () => f() + 1; return f()`, STACK),
  attempt('recursion by way of JSON', `const f = () => JSON.stringify({ toJSON: f }); return f()`, STACK),
  attempt('recursion by way of a Proxy', `const p = new Proxy({}, { get: (t, k, r) => r[k] }); return p.x`, STACK),
  attempt('recursion by way of a text', `const o = { toString: () => \`\${o}\` }; return \`\${o}\``, STACK),
  attempt('a deep text for JSON.parse', `return JSON.parse('['.repeat(5e5))`, STACK),
  attempt('deep source for eval', `return eval('('.repeat(2e5))`, is(500)),
  attempt('a deep regular expression', `return new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('')`, is(500)),
  attempt('a list inside lists, answered', `let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a`, STACK, {
    // each level is looked for in all around it
    limits: { cpu_ms: 10_000 },
  }),
  attempt('an answer that is too large', `return 'x'.repeat(3e6)`, OUTPUT, { limits: { cpu_ms: 3000 } }),
  attempt('a reply that is too large', `return host.reply('x'.repeat(3e6))`, OUTPUT, { limits: { cpu_ms: 3000 } }),
  attempt('bytes that are too large', `return host.reply(new Uint8Array(3e6))`, OUTPUT, { limits: { cpu_ms: 3000 } }),
  attempt('an error that is too large', `throw new Error('x'.repeat(3e6))`, OUTPUT, { limits: { cpu_ms: 3000 } }),
  attempt('an argument of a host call that is too large', `await host.call('echo', 'x'.repeat(3e6))`, OUTPUT, {
    limits: { cpu_ms: 3000 },
  }),
  attempt(
    'a log without an end',
    `for (let i = 0; i < 20000; i++) host.log('x'.repeat(2000)); return 'said'`,
    gives('said'),
    { limits: { cpu_ms: 5000 } },
  ),

  // --- answers that are none
  ...(
    [
      ['a status that is none', `host.reply('x', { status: 99 })`],
      ['a status beyond', `host.reply('x', { status: 1000 })`],
      ['a status that is a text', `host.reply('x', { status: '200' })`],
      ['a line break in a header', `host.reply('x', { headers: { 'x-a': 'b\\r\\nset-cookie: s=1' } })`],
      ['a line break in the name of a header', `host.reply('x', { headers: { 'x-a\\r\\nb': 'c' } })`],
      ['a cookie', `host.reply('x', { headers: { 'Set-Cookie': 's=1' } })`],
      ['a length that lies', `host.reply('x', { headers: { 'content-length': '100' } })`],
      ['another framing', `host.reply('x', { headers: { 'transfer-encoding': 'chunked' } })`],
      ['leave for other origins', `host.reply('x', { headers: { 'access-control-allow-origin': '*' } })`],
      ['a policy of its own', `host.reply('x', { headers: { 'content-security-policy': 'default-src *' } })`],
      ['headers that are none', `host.reply('x', { headers: 5 })`],
      ['a header that is an object', `host.reply('x', { headers: { 'x-a': {} } })`],
    ] as const
  ).map(([what, reply]) => attempt(`a reply with ${what}`, `return ${reply}`, FAILED)),
  attempt(
    'a reply that is forged by its shape',
    `return Object.assign(Object.create(Object.getPrototypeOf(host.reply('x'))), { status: 201, body: 'forged' })`,
    gives({ status: 201, body: 'forged' }),
  ),
  attempt(
    'an error that is forged by its shape',
    `throw Object.assign(new Error('forged'), { name: 'HostError', status: 418, refusal: { status: 418, messages: ['forged'] } })`,
    FAILED,
  ),
  attempt('an error with a status that is none', `throw host.error(200, 'fine')`, FAILED),
  attempt('a status in the place of what a reply is made with', `return host.reply('gone', 404)`, FAILED),
  attempt(
    'a large integer where there is no TypeError',
    `globalThis.TypeError = null; return { id: 2n ** 60n }`,
    gives({ id: 2 ** 60 }),
  ),
  ...['[host.reply(1)]', '{ of: host.reply(1), id: 5n }', 'host.reply({ of: host.reply(1) })'].map(reply =>
    attempt(`a reply within an answer, which has no members: ${reply}`, `return ${reply}`, FAILED),
  ),
  attempt('an error that is returned', `return host.error(409, 'not now')`, is(409, 'not now')),
  attempt(
    'an object that is thrown, with what cannot be read',
    `throw { get name() { throw 1 }, toString() { throw 2 } }`,
    FAILED,
  ),
  attempt(
    'an error with messages that are none',
    `throw host.error(422, [{ toString() { return 'x' } }, null])`,
    is(422),
  ),
  ...[
    'null',
    'undefined',
    "Symbol('x')",
    '5n',
    '() => 1',
    'new Proxy({}, { get() { throw 1 } })',
    'Object.create(null)',
  ].map(what => attempt(`throwing ${what}`, `throw ${what}`, FAILED)),
  attempt(
    'values that are no JSON',
    `return [undefined, Symbol('x'), () => 1, NaN, -0, Infinity, 10n ** 20n]`,
    is(200),
  ),
  attempt('nothing', ``, gives(null)),
  attempt('a circle', `const a = {}; a.a = a; return a`, FAILED),
  attempt('an answer whose toJSON throws', `return { toJSON() { throw new Error('no') } }`, FAILED),
  attempt('a thenable that answers twice', `return { then(resolve) { resolve(1); resolve(2) } }`, gives(1)),
  attempt('a thenable whose then is a getter that throws', `return { get then() { throw new Error('no') } }`, FAILED),
  attempt(
    'a promise of another class',
    `class P extends Promise { then(a, b) { return super.then(() => a('mine'), b) } }; return P.resolve(1)`,
    gives('mine'),
  ),
  attempt(
    'rejections that nobody handles',
    `Promise.reject(new Error('x')); for (let i = 0; i < 1000; i++) void Promise.reject(i); return 'fine'`,
    gives('fine'),
  ),
  attempt('__proto__ in its answer', `return JSON.parse('{"__proto__": {"polluted": true}, "a": 1}')`, is(200)),

  // --- host calls
  attempt(
    'an endpoint that neither it nor its caller reaches',
    `return host.call('secret').then(() => 'in', e => [e.status, e.code])`,
    gives([403, 'endpoint_out_of_reach']),
  ),
  ...['nothing', '__proto__', 'constructor', '../other/open', 'other.open', 'shop/echo', ''].map(name =>
    attempt(
      `the endpoint ${JSON.stringify(name)}`,
      `return host.call(${JSON.stringify(name)}).then(() => 'in', e => [e.status, e.code])`,
      gives([404, 'endpoint_unknown']),
    ),
  ),
  attempt(
    'a name that changes',
    `let n = 0; return host.call({ toString: () => (n++ ? 'secret' : 'echo') }, 1).then(v => v, e => e.code)`,
    gives({ echo: 1 }),
  ),
  attempt(
    'an argument with a toJSON of its own',
    `return host.call('echo', { toJSON: () => ({ endpoint: 'secret' }) })`,
    gives({ echo: { endpoint: 'secret' } }),
  ),
  attempt(
    'an argument that is a circle',
    `const a = {}; a.a = a; return host.call('echo', a).then(() => 'in', e => e.name)`,
    gives('TypeError'),
  ),
  attempt('calling itself', `return host.call('self')`, is(500, 'deep')),
  attempt(
    'more host calls than it may',
    `const all = []; for (let i = 0; i < 1000; i++) all.push(host.call('echo', i)); await Promise.allSettled(all); return 'done'`,
    is(429, 'host_calls'),
  ),
  attempt(
    'host calls without an end, none of them awaited',
    `for (;;) void host.call('echo', 'x'.repeat(1e5)).catch(() => {})`,
    is(429, 'host_calls'),
    { limits: { host_calls: 20, cpu_ms: 3000 } },
  ),
  attempt(
    'host calls that are too large together',
    `for (let i = 0; i < 20; i++) void host.call('echo', 'x'.repeat(9e5)).catch(() => {})`,
    OUTPUT,
    { limits: { cpu_ms: 5000 } },
  ),
  attempt(
    'more host calls than it may, one after the other',
    `for (;;) await host.call('echo').catch(() => {})`,
    is(429, 'host_calls'),
    { limits: { host_calls: 5 } },
  ),
  attempt(
    're-entering while a call is under way',
    `const [a, b] = await Promise.all([host.call('echo', 1), host.call('echo', 2).then(v => host.call('echo', v))]); return [a, b]`,
    gives([{ echo: 1 }, { echo: { echo: 2 } }]),
  ),
  attempt(
    'settling its own host calls',
    `const p = host.call('echo', 'real'); p.resolve?.('forged'); p.then = undefined; return p.constructor === Promise && (await Promise.all([host.call('echo', 1)]))`,
    gives([{ echo: 1 }]),
  ),
  attempt(
    'going on after it has answered',
    `Promise.resolve().then(async () => { for (let i = 0; i < 5; i++) await host.call('echo', i) }); return 'done'`,
    gives('done'),
  ),
  attempt(
    'fetching without leave',
    `return host.fetch('https://example.org/').then(() => 'in', e => [e.status, e.code])`,
    gives([403, 'fetch_refused']),
  ),
]
