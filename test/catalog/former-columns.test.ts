import { expect, test } from 'bun:test'
import type { Column } from '../../src/catalog/column.ts'
import { getDataset, putGeneration, setColumnPolicy } from '../../src/catalog/datasets.ts'
import { SYSTEM } from '../../src/catalog/store.ts'
import { openCatalog } from './catalog-fixture.ts'

const generation = (...names: string[]) => ({
  file: `${crypto.randomUUID()}.sqlite`,
  columns: names.map(name => ({ name, type: 'text' as const, nullable: true })),
  primaryKey: null,
  indexes: [],
  rowCount: 1,
  source: null,
  sourceHash: null,
})

test('a column that goes and comes back, in whatever case, has the policy that it had', () => {
  const catalog = openCatalog()
  const { db, project } = catalog
  const put = (...names: string[]) => putGeneration(db, SYSTEM, project.id, 'a.b', generation(...names)).dataset
  setColumnPolicy(db, SYSTEM, put('id', 'ssn'), { ssn: { sensitivity: 'critical', mask: 'last4' } })
  const policyOf = (name: string): Column | undefined =>
    getDataset(db, project.id, 'a.b').columns.find(column => column.name === name)
  put('id', 'x')
  expect(policyOf('ssn')).toBeUndefined()
  put('id', 'other')
  put('id', 'SSN')
  expect(policyOf('SSN')).toMatchObject({ sensitivity: 'critical', mask: 'last4' })
  put('id', 'ssn')
  expect(policyOf('ssn')).toMatchObject({ sensitivity: 'critical', mask: 'last4' })
  expect(policyOf('id')).toMatchObject({ sensitivity: 'low' })
  catalog.close()
})

test('a column whose accents are written otherwise in new data has the policy that it had', () => {
  const { db, project, close } = openCatalog()
  const [composed, decomposed] = ['NFC', 'NFD'].map(form => 'prénom'.normalize(form)) as [string, string]
  const { id } = project
  const put = (name: string) => putGeneration(db, SYSTEM, id, 'a.b', generation(name)).dataset
  setColumnPolicy(db, SYSTEM, put(composed), { [composed]: { sensitivity: 'critical' } })
  expect(put(decomposed).columns).toMatchObject([{ name: decomposed, sensitivity: 'critical' }])
  expect(put(composed).formerColumns).toEqual([])
  // each of two that are told apart keeps its own
  const both = () => putGeneration(db, SYSTEM, id, 'a.b', generation(composed, decomposed)).dataset
  setColumnPolicy(db, SYSTEM, both(), { [decomposed]: { sensitivity: 'low' } })
  expect(both().columns.map(({ sensitivity }) => sensitivity)).toEqual(['critical', 'low'])
  put(decomposed) // also where one goes and comes back while the other stays
  expect(put(decomposed).columns).toMatchObject([{ name: decomposed, sensitivity: 'low' }])
  expect(both().columns.map(({ sensitivity }) => sensitivity)).toEqual(['critical', 'low'])
  close()
})

test('what is decided of a column that is to come is refused, or waits for it and changes nothing twice', () => {
  const catalog = openCatalog()
  const { db, project } = catalog
  const put = (...names: string[]) => putGeneration(db, SYSTEM, project.id, 'a.b', generation(...names)).dataset
  put('id')
  const decide = (toCome?: boolean) =>
    setColumnPolicy(db, SYSTEM, getDataset(db, project.id, 'a.b'), { ssn: { sensitivity: 'high' }, x: {} }, toCome)
  expect(() => decide()).toThrow('has no column ssn')
  expect([decide(true), decide(true)]).toEqual([true, false])
  expect(put('id', 'ssn', 'x').columns.map(c => [c.name, c.sensitivity, c.decided])).toEqual([
    ['id', 'low', undefined],
    ['ssn', 'high', true],
    ['x', 'low', undefined],
  ])
  catalog.close()
})
