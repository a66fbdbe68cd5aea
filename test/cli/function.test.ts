import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MAX_SOURCE } from '../../src/catalog/handler.ts'
import { cleanUp, commandOf, TARGETS, type Target, temporaryFolder } from '../harness.ts'

setDefaultTimeout(180_000)

const ROOT = resolve(import.meta.dir, '../..')
const folder = temporaryFolder()
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const HANDLER = `import type { Handler } from 'callgate'

const handler: Handler<{ n: number }> = (request, host) => {
  host.log('n is', request.body.n)
  if (request.body.n < 0) throw new RangeError('negative')
  return { twice: request.body.n * 2, method: request.method }
}
export default handler
`

function run(target: Target, ...args: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...commandOf(target), 'function', ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '' },
  })
  return { exitCode, out: stdout.toString(), error: stderr.toString() }
}

afterAll(cleanUp)

describe.each(TARGETS)('callgate function, %s:', target => {
  test('types prints what the examples are written with', () => {
    const { exitCode, out } = run(target, 'types')
    expect(exitCode).toBe(0)
    expect(out).toBe(readFileSync(join(ROOT, 'examples/callgate.d.ts'), 'utf8'))
  })

  test('test prints the answer, and the log beside it', () => {
    const handler = file('twice.ts', HANDLER)
    const request = file('request.json', '\ufeff{ "body": { "n": 21 }, "method": "PUT" }')
    const { exitCode, out, error } = run(target, 'test', handler, '--request', request)
    expect([exitCode, JSON.parse(out)]).toEqual([0, { twice: 42, method: 'PUT' }])
    expect(error).toBe('log: n is 21\nstatus: 200, application/json\n')
  })

  test('a handler finds the headers of its request by the names that it has in a call', () => {
    const handler = file('tenant.ts', "export default request => request.headers['x-tenant']")
    const request = file('tenant.json', '{"headers":{"X-Tenant":"acme"}}')
    expect(run(target, 'test', handler, '--request', request)).toMatchObject({ exitCode: 0, out: '"acme"\n' })
    const { exitCode, error } = run(target, 'test', handler, '--request', file('bad.json', '{"headers":["x"]}'))
    expect([exitCode, error]).toEqual([1, expect.stringContaining('headers')])
  })

  test('what a handler throws is shown with its place, and the exit status is 1', () => {
    const { exitCode, out, error } = run(
      target,
      'test',
      file('twice.ts', HANDLER),
      '--request',
      file('bad.json', '{"body":{"n":-1}}'),
    )
    expect([exitCode, out]).toEqual([1, ''])
    expect(error).toContain('twice.ts:5:37: RangeError: negative')
  })

  test('so is what does not parse, what has no end, and a host call, which needs a service', () => {
    const parse = run(target, 'test', file('parse.ts', 'export default () => {\n  return {{\n}'))
    expect([parse.exitCode, parse.error]).toEqual([1, expect.stringContaining('parse.ts:2:11: SyntaxError')])
    const endless = run(target, 'test', file('endless.ts', 'export default () => { for (;;); }'))
    expect([endless.exitCode, endless.error]).toEqual([1, expect.stringContaining('cpu_ms')])
    const calls = run(target, 'test', file('calls.ts', "export default (_, host) => host.call('x')"))
    expect([calls.exitCode, calls.error]).toEqual([1, expect.stringContaining('dry-run')])
  })

  test('a command line that is wrong, and files that are, are one clear line', () => {
    const deep = `{"body":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    for (const [args, says, status] of [
      [['nothing'], 'callgate function', 2],
      [['test'], 'callgate function', 2],
      [['test', 'absent.ts'], 'absent.ts', 1],
      [['test', '.'], 'There is no file .', 1],
      [['test', file('h.ts', HANDLER), '--request', file('list.json', '[1]')], 'JSON object', 1],
      [['test', file('h.ts', HANDLER), '--request', file('bare.json', '{"n": 1}')], '"body"}, each optional', 1],
      [['test', file('h.ts', HANDLER), '--request', file('r.json', '{')], 'not valid JSON', 1],
      // what is refused where it is published
      [
        ['test', file('long.ts', `export default () => 1 //${'x'.repeat(MAX_SOURCE)}`)],
        'longer than a handler may be',
        1,
      ],
      [['test', file('latin1.ts', Buffer.from("export default () => 'é'", 'latin1'))], 'latin1.ts is not in UTF-8', 1],
      [['test', file('h.ts', HANDLER), '--request', file('deep.json', deep)], 'nests deeper', 1],
    ] as const) {
      const { exitCode, error } = run(target, ...args)
      expect([exitCode, error.trim().split('\n').length, error]).toEqual([status, 1, expect.stringContaining(says)])
    }
  })
})

test('TypeScript, strict, takes the handler in the README with these types', () => {
  const [handler] = /(?<=```ts\n)\/\/ price\.ts\n[^`]+/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? []
  const strict = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler']
  const types = join(ROOT, 'examples/callgate.d.ts')
  const command = [process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), ...strict]
  const { stdout } = Bun.spawnSync([...command, types, file('price.ts', handler!)], { cwd: folder })
  expect(stdout.toString()).toBe('')
})
