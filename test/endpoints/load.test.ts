/** A start with many services: what was checked when it was published is not checked again. */
import { expect, test } from 'bun:test'
import { createAsset, markPublished } from '../../src/catalog/assets.ts'
import { putGeneration } from '../../src/catalog/datasets.ts'
import { Registry } from '../../src/endpoints/registry.ts'
import type { EndpointRuntime } from '../../src/endpoints/runtime.ts'
import { ACTOR, openCatalog } from '../catalog/catalog-fixture.ts'

test('opens no data file, and asks the engine nothing, before the first call', () => {
  const { db, project } = openCatalog()
  putGeneration(db, ACTOR, project.id, 'a.t', {
    file: 'nowhere.sqlite',
    columns: [{ name: 'id', type: 'integer', nullable: false }] as never,
    primaryKey: ['id'],
    indexes: [],
    rowCount: 1,
    source: null,
    sourceHash: null,
  })
  for (const assetKey of ['one', 'two'])
    markPublished(
      db,
      ACTOR,
      createAsset(db, ACTOR, {
        projectId: project.id,
        assetType: 'api_service',
        assetKey,
        config: { endpoints: [{ id: 'row', kind: 'lookup', dataset: 'a.t', key_column: 'id' }] },
      }),
    )
  let asked = 0
  const engine = new Proxy({}, { get: () => () => void asked++ })
  const queries = { engineOf: () => engine }
  const registry = new Registry({ queries, warehouseDir: '/nowhere' } as unknown as EndpointRuntime)
  registry.load(db)
  expect([...registry.all()].map(({ key, endpoints }) => [key, endpoints.get('row')?.broken])).toEqual([
    ['one', undefined],
    ['two', undefined],
  ])
  expect(asked).toBe(0)
  expect([...registry.missing()]).toEqual(
    ['one', 'two'].map(service => ({ service, endpoint: 'row', file: '/nowhere/nowhere.sqlite' })),
  )
})
