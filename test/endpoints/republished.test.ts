/** What is published anew: by an author, or because the data of it was read again. */
import { expect, test } from 'bun:test'
import { createAsset, markPublished } from '../../src/catalog/assets.ts'
import { Registry } from '../../src/endpoints/registry.ts'
import type { EndpointRuntime } from '../../src/endpoints/runtime.ts'
import { ACTOR, openCatalog } from '../catalog/catalog-fixture.ts'
import { waitFor } from '../harness.ts'

const TIMES = 50

test('what was served before is kept by nothing of what is served now', async () => {
  const { db, project } = openCatalog()
  const handler = 'export default () => 1'
  const asset = createAsset(db, ACTOR, {
    projectId: project.id,
    assetType: 'api_service',
    assetKey: 'one',
    config: { endpoints: [{ id: 'f', kind: 'function', handler }] },
  })
  markPublished(db, ACTOR, asset)
  const functions = { handlers: { known: () => ({ code: handler }) } }
  const registry = new Registry({ functions } as unknown as EndpointRuntime)
  const before: WeakRef<object>[] = []
  for (let i = 0; i < TIMES; i++) {
    registry.apply(registry.stage(db, [asset.id]))
    before.push(new WeakRef(registry.get('one')!.endpoints.get('f')!))
  }
  // the stack may seem to hold some of them a little longer
  await waitFor(() => {
    Bun.gc(true)
    return before.filter(ref => ref.deref()).length < TIMES / 2 || undefined
  })
  expect(registry.get('one')!.endpoints.get('f')!.broken).toBeUndefined()
})
