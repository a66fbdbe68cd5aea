import { afterAll, expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanUp, temporaryFolder } from '../harness.ts'

afterAll(cleanUp)

test('it starts itself again from a folder of any name', async () => {
  const src = join(temporaryFolder(), 'a b%20#ü', 'src')
  mkdirSync(join(src, 'lib'), { recursive: true })
  writeFileSync(join(src, 'main.ts'), '')
  copyFileSync(join(import.meta.dir, '../../src/lib/self.ts'), join(src, 'lib/self.ts'))
  const { selfCommand } = await import(join(src, 'lib/self.ts'))
  const [, entry, ...more] = selfCommand('worker', 'query')
  expect(existsSync(entry)).toBe(true)
  expect(more).toEqual(['worker', 'query'])
})
