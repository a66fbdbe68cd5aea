/** Live tables that are held while they are replaced. */
import { expect, test } from 'bun:test'
import type { Dataset } from '../../src/catalog/datasets.ts'
import type { ManagementContext } from '../../src/management/context.ts'
import { holding } from '../../src/management/live-tables.ts'

test('where one of several tables cannot be held, those that are go on', async () => {
  const held = new Set<string>()
  const writer = {
    async hold(file: string) {
      if (file.endsWith('locked.live.sqlite')) throw new Error('database is locked')
      held.add(file)
      return () => held.delete(file)
    },
  }
  const context = {
    publisher: { registry: { runtime: { warehouseDir: '/w', writer } } },
  } as unknown as ManagementContext
  const datasets = ['a', 'locked', 'b'].map(name => ({ file: `${name}.live.sqlite` }) as Dataset)
  const work = () => 'done'
  await expect(holding(context, datasets, work)).rejects.toThrow('database is locked')
  expect([...held]).toEqual([])
  const [a, , b] = datasets
  const during = await holding(context, [a, undefined, b], () => [...held])
  expect([during, [...held]]).toEqual([['/w/a.live.sqlite', '/w/b.live.sqlite'], []])
})
