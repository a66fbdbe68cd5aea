/** Endpoints of kind table: rows as resources, from source and as the executable. */
import { afterAll, beforeAll, describe, setDefaultTimeout } from 'bun:test'
import { cleanUp, TARGETS } from '../harness.ts'
import { verbs } from './honeyframe/table-verbs.ts'
import { TableWorld } from './honeyframe/table-world.ts'

setDefaultTimeout(30_000)

describe.each(TARGETS)('Tables, %s:', target => {
  const world = new TableWorld(target)
  beforeAll(() => world.start(), 60_000)
  afterAll(cleanUp)

  describe('the verbs', () => verbs(world))
})
