/** What the executable says of the licences of what is in it is gathered without gaps, or it is not built. */
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatherNotices, noticesDocument, packageFolders } from '../../src/licenses/gather.ts'
import { cleanUp, temporaryFolder } from '../harness.ts'

afterAll(cleanUp)

const folder = temporaryFolder()
const ours = join(folder, 'ours')
put('ours/libraries/engine/LICENSE', 'of the engine')

function put(path: string, content: string): string {
  const file = join(folder, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, content)
  return file
}

function addPackage(name: string, files: Record<string, string>): string {
  const path = `node_modules/${name}`
  put(`${path}/package.json`, JSON.stringify({ name, version: '1.2.3', license: 'MIT' }))
  for (const [file, content] of Object.entries(files)) put(`${path}/${file}`, content)
  return join(folder, path)
}

test('a package without a licence text is refused by name, until its text is among ours', () => {
  const bare = addPackage('@some/bare', { 'README.md': 'MIT', 'license.js': 'code', 'licenses/other.txt': 'elsewhere' })
  const good = addPackage('good', { LICENSE: 'of good' })
  expect(() => gatherNotices([good, bare], ours)).toThrow(
    'no licence text comes with @some/bare: put it into src/licenses',
  )
  put('ours/packages/@some/bare/LICENSE', 'of bare')
  const [, first] = gatherNotices([good, bare], ours)
  expect(first).toEqual({ name: '@some/bare', version: '1.2.3', license: 'MIT', texts: ['of bare'] })
})

test('a library of ours whose text is missing is refused, too', () => {
  put('gap/libraries/engine/README', 'nothing')
  expect(() => gatherNotices([], join(folder, 'gap'))).toThrow('no licence text comes with engine')
})

test('all texts that a package carries are printed below its name, version and licence', () => {
  const both = addPackage('both', { 'licence.md': 'the licence\r\nof it', NOTICE: 'the notice' })
  const text = noticesDocument(gatherNotices([both], ours))
  expect(text).toContain('\n  engine\n  both 1.2.3: MIT\n')
  expect(text).toMatch(/=\nengine\n\nof the engine\n\n=+\nboth 1\.2\.3: MIT\n\nthe notice\n\nthe licence\nof it\n$/)
})

test('modules belong to the innermost package that they lie in, and not to what is generated beside packages', () => {
  const modules = [
    'src/a.ts',
    '../x/node_modules/a/b.js',
    'node_modules/a/node_modules/@c/d/e/f.js',
    'node_modules/a/g.js',
  ]
  const generated = ['node_modules/.cache/callgate/x.zst', 'node_modules/a/h.js']
  expect(packageFolders([...modules, ...generated])).toEqual(
    ['../x/node_modules/a', 'node_modules/a/node_modules/@c/d', 'node_modules/a'].map(path =>
      join(process.cwd(), path),
    ),
  )
})
