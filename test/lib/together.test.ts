import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { together } from '../../src/lib/together.ts'

test('work of one turn is done when the turn ends, in its order, before any of its askers goes on', async () => {
  const seen: string[] = []
  const asked = ['a', 'b', 'c'].map(async name => {
    await Promise.resolve()
    const done = await together(() => {
      seen.push(`does ${name}`)
      return name
    })
    seen.push(`has ${done}`)
  })
  await Promise.resolve()
  expect(seen).toEqual([])
  await Promise.all(asked)
  expect(seen).toEqual(['does a', 'does b', 'does c', 'has a', 'has b', 'has c'])
})

test('what one piece throws is for whoever asked for it, and for nobody else', async () => {
  const asked = [1, 2, 3].map(number =>
    together(() => {
      if (number === 2) throw new Error('two')
      return number
    }),
  )
  const settled = await Promise.allSettled(asked)
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  await expect(asked[1]!).rejects.toThrow('two')
})

test('work that is asked for by work comes in the next turn', async () => {
  const inner = await together(() => together(() => 'later'))
  expect(inner).toBe('later')
})

test('what is thrown by work that nobody waits for does not keep the rest from being done', async () => {
  const file = join(import.meta.dir, '../../src/lib/together.ts')
  const script = `import { atOnce } from ${JSON.stringify(file)}
process.on('uncaughtException', error => console.log('thrown', error.message))
for (const n of [1, 2, 3]) atOnce(() => { if (n === 2) throw new Error('two'); console.log('did', n) })`
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
  expect((await new Response(child.stdout).text()).trim().split('\n')).toEqual(['did 1', 'thrown two', 'did 3'])
})
