/** What a browser has to fetch before it shows something, and what the server says of those files. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { bundleConsole } from '../../src/protocols/console/bundle.ts'
import { type Callgate, cleanUp, startCallgate, TARGETS } from '../harness.ts'

setDefaultTimeout(180_000)
/** compressed bytes, of everything together */
const BUDGET = 300_000

test('signing in and the home page take less than 300 KB, and editors and charts are not among it', async () => {
  const { files, entry } = await bundleConsole()
  const sizes = new Map(files.map(file => [file.name, file.gzip as Uint8Array<ArrayBuffer>]))
  const importsOf = (name: string) =>
    new Bun.Transpiler({ loader: 'js' })
      .scanImports(new TextDecoder().decode(Bun.gunzipSync(sizes.get(name)!)))
      .map(({ path, kind }) => ({ name: path.split('/').at(-1)!, isLater: kind === 'dynamic-import' }))
  const needed = new Set(files.map(file => file.name).filter(name => name.endsWith('.css')))
  const need = (name: string) => {
    if (needed.has(name)) return
    needed.add(name)
    for (const { name: next, isLater } of importsOf(name)) if (!isLater) need(next)
  }
  need(entry)
  for (const page of ['sign-in-page', 'setup-page', 'home-page'])
    need([...sizes.keys()].find(name => name.startsWith(page))!)
  const total = [...needed].reduce((sum, name) => sum + sizes.get(name)!.length, 0)
  expect(total).toBeLessThan(BUDGET)
  const text = [...needed].map(name => new TextDecoder().decode(Bun.gunzipSync(sizes.get(name)!))).join('')
  for (const absent of ['cm-editor', 'recharts-wrapper']) expect(text).not.toContain(`"${absent}`)
})

const ROOT = join(import.meta.dir, '../..')
const MANTINE = join(ROOT, 'node_modules/@mantine/core')

test('every component of Mantine that is used, by another one too, has its styles', () => {
  const styled = readFileSync(join(ROOT, 'src/console/app/mantine-styles.ts'), 'utf8')
  const components = new Set(readdirSync(join(MANTINE, 'esm/components')))
  const found = new Set<string>()
  const sourcesIn = (folder: string, pattern: string) =>
    [...new Bun.Glob(pattern).scanSync(folder)].map(path => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
  const need = (name: string) => {
    if (!components.has(name) || found.has(name)) return
    found.add(name)
    const folder = join(MANTINE, 'esm/components', name)
    for (const { path, text } of sourcesIn(folder, '**/*.mjs'))
      for (const [, from] of text.matchAll(/from ["'](\.[^"']+)["']/g))
        need(relative(join(MANTINE, 'esm/components'), resolve(folder, path, '..', from!)).split('/')[0]!)
  }
  const packages = ['modals', 'notifications', 'charts', 'dropzone'].map(name => join(MANTINE, '..', name, 'esm'))
  for (const folder of [join(ROOT, 'src/console'), ...packages])
    for (const { text } of sourcesIn(folder, '**/*.{ts,tsx,mjs}'))
      for (const [, names] of text.matchAll(/import \{([^}]*)\} from ["']@mantine\/core["']/g))
        for (const name of names!.split(',')) need(name.trim().split(/\s/)[0]!)
  expect(found.size).toBeGreaterThan(40)
  const missing = [...found].filter(
    name => existsSync(join(MANTINE, `styles/${name}.css`)) && !styled.includes(`/styles/${name}.css'`),
  )
  expect(missing).toEqual([])
})

describe.each(TARGETS)('the console is served, %s', target => {
  let callgate: Callgate
  beforeAll(async () => {
    callgate = await startCallgate({ target, flags: ['--scoring-workers', '1'] })
  })
  afterAll(cleanUp)

  test('as one page at every path, without inline script, and it is never kept', async () => {
    for (const path of ['/', '/console', '/console/', '/console/projects/x/services/1?a=b']) {
      const { status, headers, text } = await callgate.call(path)
      expect([path, status]).toEqual([path, 200])
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(headers.get('cache-control')).toBe('no-store')
      const policy = headers.get('content-security-policy')!
      expect(policy).not.toContain('unsafe')
      expect(policy).toContain("frame-ancestors 'none'")
      const nonce = /style-src 'self' 'nonce-([^']+)'/.exec(policy)![1]!
      expect(text).toContain(`nonce="${nonce}"`)
      for (const script of text.matchAll(/<script>(.*?)<\/script>/gs)) {
        const hash = new Bun.CryptoHasher('sha256').update(script[1]!).digest('base64')
        expect(policy).toContain(`'sha256-${hash}'`)
      }
      expect(text).not.toMatch(/(src|href)="(https?:)?\/\//)
    }
    const nonces = await Promise.all(
      [1, 2].map(async () => (await callgate.call('/console')).headers.get('content-security-policy')),
    )
    expect(nonces[0]).not.toBe(nonces[1])
  })

  test('its files for ever, compressed for those that take it', async () => {
    const { text } = await callgate.call('/console')
    const path = /src="(\/console\/assets\/[^"]+)"/.exec(text)![1]!
    const headers = { 'accept-encoding': 'gzip' }
    const zipped = await fetch(callgate.url + path, { headers, decompress: false } as RequestInit)
    expect(zipped.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(zipped.headers.get('content-encoding')).toBe('gzip')
    expect(zipped.headers.get('x-content-type-options')).toBe('nosniff')
    const plain = await callgate.call(path, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(new TextDecoder().decode(Bun.gunzipSync(await zipped.bytes()))).toBe(plain.text)
    const etag = zipped.headers.get('etag')!
    const known = await callgate.call(path, { headers: { 'if-none-match': `"x", W/${etag}` } })
    expect([known.status, known.text]).toEqual([304, ''])
  })

  test('and nothing else', async () => {
    for (const path of ['/console/assets/', '/console/assets/main.js', '/console/assets/..%2f..%2fpackage.json'])
      expect([path, (await callgate.call(path)).status]).toEqual([path, 404])
    const post = await callgate.call('/console', { method: 'POST', body: {} })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await callgate.call('/consoles')).status).toBe(404)
  })
})
