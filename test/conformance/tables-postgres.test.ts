/** Endpoints of kind table on tables of a PostgreSQL, which the test starts itself. */
import { afterAll, beforeAll, describe, setDefaultTimeout, test } from 'bun:test'
import { cleanUp } from '../harness.ts'
import { noPostgres } from '../query/postgres-server.ts'
import { badInput } from './honeyframe/table-bad-input.ts'
import { database } from './honeyframe/table-database.ts'
import { kept } from './honeyframe/table-kept.ts'
import { policy } from './honeyframe/table-policy.ts'
import { races } from './honeyframe/table-races.ts'
import { replays } from './honeyframe/table-replays.ts'
import { values } from './honeyframe/table-values.ts'
import { verbs } from './honeyframe/table-verbs.ts'
import { TableWorld } from './honeyframe/table-world.ts'

setDefaultTimeout(180_000)

const missing = noPostgres()
if (missing) test.skip(`tables of PostgreSQL: ${missing}`, () => {})
else
  describe('Tables of PostgreSQL:', () => {
    const world = new TableWorld('source', 'postgres')
    beforeAll(() => world.start(), 180_000)
    afterAll(async () => {
      await cleanUp()
      await world.end()
    })

    describe('the verbs', () => verbs(world))
    describe('values and keys', () => values(world))
    describe('policy', () => policy(world))
    describe('bad input', () => badInput(world))
    describe('writers at the same time', () => races(world))
    describe('requests that are sent again', () => replays(world))
    describe('kept answers', () => kept(world))
    describe("what is the database's own", () => database(world))
  })
