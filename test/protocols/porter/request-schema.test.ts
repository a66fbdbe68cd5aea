/** Requests that it takes long to hold against a route's schema: that is done in a process of its own, and says the same. */
import { afterEach, describe, expect, test } from 'bun:test'
import type { Endpoint, ServedRoute } from '../../../src/endpoints/endpoint.ts'
import { compileRowSchema } from '../../../src/endpoints/row-schema.ts'
import { SchemaChecks } from '../../../src/endpoints/schema-checks.ts'
import { requestCheck } from '../../../src/protocols/porter/request-schema.ts'
import { workersOf } from '../../life/processes.ts'

let checks = new SchemaChecks()
afterEach(() => {
  checks.close()
  checks = new SchemaChecks()
})

const names = Array.from({ length: 2000 }, (_, i) => `n${i}`)
const SCHEMAS: Record<string, Record<string, unknown>> = {
  "porter's check knows": { properties: { x: { enum: names } } },
  "porter's check does not know": { properties: { x: { enum: names }, y: { prefixItems: [{ type: 'integer' }] } } },
}

describe.each(Object.keys(SCHEMAS))('by a schema that %s', kind => {
  const rowSchema = SCHEMAS[kind]!
  const own = compileRowSchema(rowSchema)
  const endpoint = { model: { active: { check: own } } } as unknown as Endpoint

  async function held(rows: object[]): Promise<unknown> {
    const route = { batch: true, validate: true, rowSchema } as ServedRoute
    const body = new TextEncoder().encode(JSON.stringify(rows))
    try {
      await requestCheck(route, checks)(rows, body, { endpoint, deadline: Date.now() + 20_000 })
    } catch (error) {
      const { status, message } = error as { status: number; message: string }
      return { status, message }
    }
    return 'good'
  }
  const processes = () => workersOf(process.pid, 'schema').length
  const good = { id: 1, x: 'n1999', y: [1] }
  const long = names.map(() => good)

  test('a short request is held here, a long one elsewhere', async () => {
    expect(await held([good])).toBe('good')
    expect(processes()).toBe(0)
    expect(await held(long)).toBe('good')
    expect(processes()).toBe(1)
  })

  test.each([{ id: 1.5 }, { id: 1, x: 'n2000' }, { id: 1, y: ['x'] }, { x: 'n1' }])(
    '%j is refused alike',
    async wrong => {
      const here = await held([good, wrong])
      expect(await held([good, wrong, ...long])).toEqual(here)
    },
  )
})
