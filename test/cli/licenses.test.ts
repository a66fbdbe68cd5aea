/** `callgate licenses`: every copy of the executable carries what the licences of its parts ask for. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { packageFolders } from '../../src/licenses/gather.ts'
import { bundleConsole } from '../../src/protocols/console/bundle.ts'
import { lines, run } from './run.ts'

setDefaultTimeout(180_000)

/** What only builds and tests. */
const TOOLS = /^(@biomejs\/biome|@types\/.*|axe-core|dependency-cruiser|playwright-core|typescript)$/

test('the executable names every package that is in it, with its version and a text, and no tool', async () => {
  const { code, stdout, stderr } = await run(['licenses'], { target: 'executable' })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [contents = ''] = stdout.split('\n====', 1)
  const titles = [...contents.matchAll(/^ {2}(.+)$/gm)].map(match => match[1]!)
  const starts = titles.map(title => stdout.indexOf(`\n${'='.repeat(80)}\n${title}\n\n`))
  for (const [i, title] of titles.entries()) {
    const text = stdout.slice(starts[i]! + title.length + 84, starts[i + 1])
    const isOne = starts[i]! > 0 && text.length > 300 && /copyright|permission|licen[cs]e/i.test(text)
    expect({ title, isOne }).toEqual({ title, isOne: true })
  }
  expect(starts).toEqual(starts.toSorted((a, b) => a - b))

  const { modules } = await bundleConsole()
  const ofConsole = packageFolders(modules).map(folder => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return `${name} ${version}`
  })
  expect(ofConsole.length).toBeGreaterThan(50)
  const declared = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([name]) => !TOOLS.test(name))
    .map(([name, version]) => `${name} ${version}`)
  const native = `@duckdb/node-bindings-${process.platform}-${process.arch} ${manifest.dependencies['@duckdb/node-api']}`
  const named = titles.map(title => title.split(': ')[0]!)
  expect(named).toEqual(expect.arrayContaining([...ofConsole, ...declared, native]))
  expect(named).toEqual(
    expect.arrayContaining([
      `bun ${Bun.version}`,
      'duckdb',
      'onnxruntime',
      'quickjs-ng',
      expect.stringMatching(/^debug /),
    ]),
  )
  expect(named.filter(title => TOOLS.test(title.replace(/ \S+$/, '')))).toEqual([])
})

test('from source nothing is carried, which is said in one line', async () => {
  const { code, stdout, stderr } = await run(['licenses'], { target: 'source' })
  expect({ code, stdout, lines: lines(stderr).length }).toEqual({ code: 1, stdout: '', lines: 1 })
  expect(stderr).toContain('only the executable has the licences')
})

test.each(['source', 'executable'] as const)(
  'more than the command is refused with exit 2, from the %s',
  async target => {
    expect(await run(['licenses', 'x'], { target })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'callgate: callgate licenses takes nothing more.\n',
    })
  },
)
