import { expect, setDefaultTimeout, spyOn, test } from 'bun:test'
import type { HandlerError } from '../../src/sandbox/failure.ts'
import { Handlers } from '../../src/sandbox/handlers.ts'
import { Child } from '../../src/workers/child.ts'
import { workersOf } from '../bench/load.ts'
import { waitFor } from '../harness.ts'
import { sigkill } from '../life/processes.ts'

setDefaultTimeout(180_000)

test('a source that could not be read for want of a process is read again later, and is no bad one for good', async () => {
  const handlers = new Handlers()
  // which takes a while to load: meanwhile its process is ended, and the next one too
  const slow = (n: number) => `for (const end = Date.now() + 800; Date.now() < end; );\nexport default () => ${n}`
  const start = Child.start.bind(Child)
  const starting = spyOn(Child, 'start').mockImplementation(async (...how) => {
    const child = await start(...how)
    setTimeout(() => sigkill(child.pid), 20)
    return child
  })
  let source = slow(0)
  // on a machine that is busy it may have answered before
  for (let n = 1; !('error' in (handlers.known(source) ?? {})); n++) {
    source = slow(n)
    await handlers.check([source])
  }
  starting.mockRestore()
  expect(handlers.known(source)).toEqual({ error: expect.objectContaining({ name: 'Error' }) })
  await handlers.check([source])
  expect(handlers.known(source)).toHaveProperty('error') // not at once: it takes its time every time
  const real = performance.now.bind(performance)
  const later = spyOn(performance, 'now').mockImplementation(() => real() + 60_000)
  try {
    await handlers.check([source])
    expect(handlers.known(source)).toEqual({ code: source })
    expect((await handlers.compiled(source)).code).toBe(source)
  } finally {
    later.mockRestore()
  }
  // other tests of this process may have children too
  await waitFor(() => !workersOf(process.pid).some(({ kind }) => kind === 'function') || undefined)
})

test('a source that the parser does not survive is refused, and those that are read after it are not', async () => {
  const handlers = new Handlers()
  const deep = `type A = ${'['.repeat(3000)}1${']'.repeat(3000)}\nexport default () => 1`
  const good = [1, 2, 3].map(n => `export default (n: number): number => n + ${n}`)
  await handlers.check([deep, ...good, `${deep} // again`, 'export default () => 0'])
  expect(handlers.known(deep)).toMatchObject({ error: { name: 'SyntaxError', message: 'it nests too deep' } })
  for (const source of [...good, 'export default () => 0']) expect(handlers.known(source)).toHaveProperty('code')
})

test.each(['', '  ', '\t', '\t\t', 'const a\t= 1;', "const a = '漢字äe\u0301𝒳';", '/* 😀\t */'])(
  'the place of what is no TypeScript is that in the source, after %j too',
  async before => {
    const handlers = new Handlers()
    for (const [source, line] of [
      [`${before}let b = ;`, 1],
      [`export default () => 1\r\n${before}let b = ;`, 2],
    ] as const) {
      await handlers.check([source])
      expect(handlers.known(source)).toMatchObject({ error: { line, column: before.length + 9 } })
    }
  },
)

test.each(['', '  ', '\t', "const a = '漢字äe\u0301𝒳';", '/* 😀\t */', "let a: 'é😀漢' = 'é😀漢';"])(
  'the place of what fails as it is loaded is that in the source, after %j too',
  async before => {
    const handlers = new Handlers()
    for (const [source, line] of [
      [`${before}nothing()\nexport default () => 1`, 1],
      [`type A = '漢'\r\n${before}nothing()\r\nexport default () => 1`, 2],
    ] as const) {
      await handlers.check([source])
      const column = before.length + 1
      const stack = `at <anonymous> (handler.ts:${line}:${column})`
      expect(handlers.known(source)).toMatchObject({ error: { name: 'ReferenceError', line, column, stack } })
    }
  },
)

/** As it is loaded, of a class A. */
const KEEPS_BOTH = 'const b = new (class extends A { m() {} })()\nif (b[0] !== 1 || b.x[0] !== 7) throw b'

test('what a type parted is parted without it, whether its end is written before the next line, at its beginning or not at all', async () => {
  const handlers = new Handlers()
  const types = [
    'type T = number',
    'declare const b: number',
    'declare function f(x: { a: 1; b: 2 }): void',
    "import type X from 'y'",
    'export type T = { a: 1; /* ; */ }',
    'interface I { a: 1 }',
  ]
  const sources = [
    ...types.flatMap(type => [
      `const a = 1\n${type}\n;[2].map(x => x)\n;(() => a)()\nexport default () => a`,
      `const a = 1\n${type};\n[2].map(x => x)\nexport default () => a`,
    ]),
    'abstract class A {\n  x = [7]\n  abstract m(): void;\n  [0] = 1\n}\nexport default () => A',
    'class A {\n  x = 1\n  declare y: number;\n  *g() {}\n}\nexport default () => A',
    'abstract class A {\n  x = [7]\n  abstract m(): void\n  [0] = 1\n}\nexport default () => A',
    'class A {\n  x = 1\n  declare y: { z: 1 }\n\n  *g() {}\n}\nexport default () => A',
    'class A {\n  m(\n    this: A,\n    [x]: number[],\n  ) {}\n}\nexport default () => A',
    // between the two it is no comment
    `const path = '/*'\nabstract class A {\n  x = [7]\n  abstract m(): void\n  [0] = 1\n}\n${KEEPS_BOTH}\nconst at = "*/5"\nexport default () => A`,
    ...[' // why', '\n  // why [', ' /* why */\n  // why', '\n\n  /* why\n * ( */'].flatMap(why => [
      `abstract class A {\n  x = [7]${why}\n  abstract m(): void${why}\n  [0] = 1\n}\n${KEEPS_BOTH}\nexport default () => A`,
      `const a = [7]\ntype T = number${why}\n;(() => a)()\nexport default () => a`,
      `const a = [7]\ntype T = number${why}\n(() => a)()\nexport default () => a`,
      `const a = 7\ntype T = number${why}\n\`\`\nexport default () => a`,
    ]),
  ]
  await handlers.check(sources)
  for (const source of sources) {
    expect({ source, found: handlers.known(source) }).toEqual({ source, found: { code: expect.any(String) } })
    const { code } = handlers.known(source) as { code: string }
    expect(code.length).toBe(source.length)
  }
  for (const source of sources.filter(source => source.includes('void\n  [0] = 1'))) {
    const [, member] = /(\S)\s+\[0\] = 1/.exec((handlers.known(source) as { code: string }).code)!
    expect(member).toBe(';')
  }
})

test('where a regular expression is not valid is not looked for in code that takes seconds to be read so often', async () => {
  const handlers = new Handlers()
  const source = `${'(a, b) => a + b;\n'.repeat(6000)}const a = /(/\nexport default () => a`
  await handlers.check([source])
  expect(handlers.known(source)).toMatchObject({
    error: { name: 'SyntaxError', message: "a regular expression in it is not valid: expecting ')'", line: undefined },
  })
})

test('an import is of types where each of its names says so, and of a module otherwise', async () => {
  const handlers = new Handlers()
  const types = [
    "import { type Handler } from 'callgate'",
    'import {\n  type Handler,\n  type Request as Call,\n} from "callgate";',
    "const a = [7]\nexport { type Handler } from 'callgate'\n;[1].map(x => x)",
    "const s = () => `import {} from 'callgate'`\nif (!s().startsWith('import {}')) throw 1",
  ].map(source => `${source}\nexport default () => 1`)
  const modules = [
    "import {} from 'callgate'",
    "import { type Handler, handle } from 'callgate'",
    "import callgate, { type Handler } from 'callgate'",
  ].map(source => `${source}\nexport default () => 1`)
  await handlers.check([...types, ...modules])
  for (const source of types) expect(handlers.known(source)).toEqual({ code: expect.any(String) })
  for (const source of modules)
    expect(handlers.known(source)).toMatchObject({
      error: { message: expect.stringContaining("no 'callgate'"), line: 1 },
    })
})

test('what the author is told of a failure is no place that the engine does not know, and no nothing', async () => {
  const handlers = new Handlers()
  const of = async (source: string) => {
    await handlers.check([`${source}\nexport default () => 1`])
    return (handlers.known(`${source}\nexport default () => 1`) as { error: HandlerError }).error
  }
  const field = await of('class A {\n  static x = (null as any).y\n}')
  expect(field).toMatchObject({ name: 'TypeError', message: expect.stringContaining("'y' of null") })
  expect(field.line).toBeUndefined()
  expect(field.stack).toStartWith('at <anonymous> (handler.ts)\n')
  expect(await of('throw { code: 1 }')).toMatchObject({
    name: 'Error',
    message: 'an object was thrown that is no Error: {"code":1}',
  })
  expect(await of("throw { message: 'gone' }")).toMatchObject({ name: 'Error', message: 'gone' })
})
