/** Endpoints of kind table: rows as resources, from source and as the executable. */
import { afterAll, beforeAll, describe, setDefaultTimeout } from 'bun:test'
import { cleanUp, TARGETS } from '../harness.ts'
import { badInput } from './honeyframe/table-bad-input.ts'
import { datasets } from './honeyframe/table-datasets.ts'
import { kept } from './honeyframe/table-kept.ts'
import { policy } from './honeyframe/table-policy.ts'
import { races } from './honeyframe/table-races.ts'
import { replays } from './honeyframe/table-replays.ts'
import { values } from './honeyframe/table-values.ts'
import { verbs } from './honeyframe/table-verbs.ts'
import { TableWorld } from './honeyframe/table-world.ts'

setDefaultTimeout(180_000)

describe.each(TARGETS)('Tables, %s:', target => {
  const world = new TableWorld(target)
  beforeAll(() => world.start(), 180_000)
  afterAll(cleanUp)

  describe('the verbs', () => verbs(world))
  describe('values and keys', () => values(world))
  describe('policy', () => policy(world))
  describe('bad input', () => badInput(world))
  describe('writers at the same time', () => races(world))
  describe('requests that are sent again', () => replays(world))
  describe('kept answers', () => kept(world))
  describe('their datasets', () => datasets(world))
})
