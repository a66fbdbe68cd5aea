/** What is seen of others' files, by itself: what becomes of those that cannot be had. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Looks } from '../../src/query/looks.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'

const folder = temporaryFolder()
const looks = new Looks()
const at = (name: string) => join(folder, name)

beforeAll(() => {
  writeFileSync(at('a.csv'), 'id\n1\n')
  symlinkSync(at('itself.csv'), at('itself.csv'))
  mkdirSync(at('both'))
  writeFileSync(at('both/a.csv'), 'id\n1\n')
  writeFileSync(at('both/a.parquet'), '')
})
afterAll(async () => {
  await looks.close()
  await cleanUp()
})

test('what cannot be reached is missing, as what is not there: a link to itself, something below a file, a name too long', async () => {
  expect(await looks.file(at('a.csv'))).toMatch(/^[\d.]+\/5\/\d+$/)
  for (const path of [at('none.csv'), at('itself.csv'), at('a.csv/b.csv'), at(`${'a'.repeat(5000)}.csv`)]) {
    expect(await looks.file(path)).toBeUndefined()
    expect(await looks.recentVersion(path)).toBe('missing')
    await expect(looks.version(path)).rejects.toMatchObject({ status: 422, code: 'import_failed' })
  }
})

test('a look at files that cannot be read has its rest, too: it may have taken as long as any', async () => {
  await waitFor(async () => {
    const seen = looks.recentVersion(at('both'))
    expect(await seen).toBe('missing')
    return looks.recentVersion(at('both')) === seen || undefined
  })
})
