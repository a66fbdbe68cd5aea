/** The Honeyframe API services contract, and the management routes that its SDK needs, from source and as the executable. */
import { afterAll, beforeAll, describe, setDefaultTimeout } from 'bun:test'
import { cleanUp, TARGETS } from '../harness.ts'
import { access } from './honeyframe/access.ts'
import { caching } from './honeyframe/caching.ts'
import { datasets } from './honeyframe/datasets.ts'
import { formats } from './honeyframe/formats.ts'
import { kinds } from './honeyframe/kinds.ts'
import { lifecycle } from './honeyframe/lifecycle.ts'
import { limits } from './honeyframe/limits.ts'
import { mintedKeys } from './honeyframe/minted-keys.ts'
import { models } from './honeyframe/models.ts'
import { orderOfChecks } from './honeyframe/order.ts'
import { policy } from './honeyframe/policy.ts'
import { queries } from './honeyframe/queries.ts'
import { reach } from './honeyframe/reach.ts'
import { resources } from './honeyframe/resources.ts'
import { restart } from './honeyframe/restart.ts'
import { types } from './honeyframe/types.ts'
import { wire } from './honeyframe/wire.ts'
import { World } from './honeyframe/world.ts'

setDefaultTimeout(180_000)

describe.each(TARGETS)('Honeyframe, %s:', target => {
  const world = new World(target)
  beforeAll(() => world.start(), 180_000)
  afterAll(cleanUp)

  describe('a service lives from draft to deletion', () => lifecycle(world))
  describe('endpoint kinds', () => kinds(world))
  describe('the order of checks', () => orderOfChecks(world))
  describe('what goes over the wire', () => wire(world))
  describe('what a key reaches', () => reach(world))
  describe('minted keys', () => mintedKeys(world))
  describe('limits', () => limits(world))
  describe('policy', () => policy(world))
  describe('queries', () => queries(world))
  describe('types in answers', () => types(world))
  describe('formats', () => formats(world))
  describe('kept answers and validators', () => caching(world))
  describe('models', () => models(world))
  describe('who may manage what', () => access(world))
  describe('management resources', () => resources(world))
  describe('datasets in the management API', () => datasets(world))
  describe('after a restart', () => restart(world))
})
