import { expect, test } from 'bun:test'
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
