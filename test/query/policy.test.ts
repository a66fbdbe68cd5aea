import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Grant } from '../../src/catalog/grant.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { ask, grantWith, makeDataset, prepare, refusal } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-policy-'))
const runner = new QueryRunner(1)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const people = makeDataset(dir, {
  name: 'hr.people',
  primaryKey: ['id'],
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'region', type: 'text' },
    { name: 'boss', type: 'integer' },
    { name: 'email', type: 'text', sensitivity: 'medium', mask: 'email' },
    { name: 'salary', type: 'integer', sensitivity: 'high' },
    { name: 'iban', type: 'text', sensitivity: 'critical', mask: 'last4' },
    { name: 'notes', type: 'json' },
  ],
  rows: [
    [1, 'eu', null, 'ada@x.org', 100, 'DE0001', null],
    [2, 'eu', 1, null, null, null, null],
    [3, 'us', 1, 'bob@x.org', 300, 'US0003', '{"a":1}'],
    [4, null, 3, 'cy@x.org', 400, 'XX0004', null],
  ],
})
const regions = makeDataset(dir, {
  name: 'hr.regions',
  columns: [
    { name: 'region', type: 'text' },
    { name: 'budget', type: 'integer', sensitivity: 'high', mask: 'hash' },
  ],
  rows: [
    ['eu', 7],
    ['us', 8],
  ],
})
const source = { schema: 'hr', table: 'people' }
const run = (definition: Partial<QueryDefinition>, grant: Partial<Grant>, params = '') =>
  ask(prepare({ source, ...definition }, [people, regions], runner), params, grantWith(grant))
const ids = async (...args: Parameters<typeof run>) => (await run(...args)).rows.map(row => row.id)

test('above its tier a column is blocked in every row, for unmasked keys too; from medium up a masked key sees masks', async () => {
  const columns = ['email', 'salary', 'iban']
  const masked = await run({ columns }, { masked: true, sensitivityMax: 'high' })
  expect(masked.rows).toEqual([
    { email: 'a***@x.org', salary: '***', iban: '[BLOCKED]' },
    { email: null, salary: null, iban: '[BLOCKED]' },
    { email: 'b***@x.org', salary: '***', iban: '[BLOCKED]' },
    { email: 'c***@x.org', salary: '***', iban: '[BLOCKED]' },
  ])
  expect(masked.columns.map(c => c.type)).toEqual(['text', 'text', 'text'])
  const unmasked = await run({ columns }, { masked: false, sensitivityMax: 'medium' })
  expect(unmasked.rows[0]).toEqual({ email: 'ada@x.org', salary: '[BLOCKED]', iban: '[BLOCKED]' })
  expect(unmasked.rows[1]).toEqual({ email: null, salary: '[BLOCKED]', iban: '[BLOCKED]' })
})

test('an alias does not bring a column past its mask or past allowed_columns', async () => {
  const columns = ['id', { column: 'iban', as: 'region' }, { column: 'people.salary', as: 'x' }]
  const grant = { masked: true, allowedColumns: new Set(['id', 'region', 'x', 'people.iban']) }
  expect((await run({ columns }, grant)).rows[0]).toEqual({ id: 1, region: '***0001' })
})

describe('row scope', () => {
  test('rows outside of it are neither shown nor counted, whatever the request asks', async () => {
    const reply = await run({ columns: ['id'] }, { rowScope: [['region', ['eu']]] }, 'limit=1')
    expect(reply).toMatchObject({ rows: [{ id: 1 }], has_more: true })
    expect(await run({ columns: ['id'] }, { rowScope: [['region', ['eu']]] }, 'limit=2')).toMatchObject({
      count: 2,
      has_more: false,
    })
    expect(
      await ids({ filters: [{ column: 'region', param: 'r' }] }, { rowScope: [['region', ['eu']]] }, 'r=us'),
    ).toEqual([])
  })
  test('null in it means NULL; an empty list means nothing; several columns all hold', async () => {
    expect(await ids({}, { rowScope: [['region', [null]]] })).toEqual([4])
    expect(await ids({}, { rowScope: [['region', ['us', null]]] })).toEqual([3, 4])
    expect(await ids({}, { rowScope: [['region', []]] })).toEqual([])
    expect(
      await ids(
        {},
        {
          rowScope: [
            ['region', ['eu']],
            ['boss', [1]],
          ],
        },
      ),
    ).toEqual([2])
  })
  test('a value that is not of the column type matches no row', async () => {
    for (const value of ['1 OR 1=1', 1.5, true, '9'.repeat(30), {} as never])
      expect(await ids({}, { rowScope: [['boss', [value]]] })).toEqual([])
  })
  test('a column that the source lacks or cannot compare is 403, which does not tell the values', async () => {
    for (const name of ['budget', 'nowhere', '__proto__', 'notes']) {
      const fault = await refusal(() => run({}, { rowScope: [[name, ['SECRET-VALUE']]] }))
      expect(fault.status).toBe(403)
      expect(fault.message).toBe(`This key's row scope is on ${name}, which this endpoint's data does not have.`)
    }
  })
  test('it holds for joined tables that have the column: inner joins lose the row, left joins keep it without its match', async () => {
    const on = [{ left: 'boss', right: 'id' }]
    const columns = ['id', 'b.id', 'b.region']
    const joined = (type: 'inner' | 'left') => ({ joins: [{ ...source, as: 'b', type, on }], columns })
    const scope = { rowScope: [['region', ['us', null]]] } as Partial<Grant>
    expect((await run(joined('left'), scope)).rows).toEqual([
      { id: 3, 'b.id': null, 'b.region': null },
      { id: 4, 'b.id': 3, 'b.region': 'us' },
    ])
    expect((await run(joined('inner'), scope)).rows).toEqual([{ id: 4, 'b.id': 3, 'b.region': 'us' }])
  })
  test('it may be on a column that the key does not see', async () => {
    expect(
      await ids({ columns: ['id', 'salary'] }, { masked: true, sensitivityMax: 'low', rowScope: [['salary', [300]]] }),
    ).toEqual([3])
  })
})

describe('probing', () => {
  const byIban: Partial<QueryDefinition> = { columns: ['id'], filters: [{ column: 'iban', param: 'iban' }] }
  test('a filter of the request on what the key does not see raw is 403, and tells nothing of the data', async () => {
    for (const grant of [{ masked: true }, { sensitivityMax: 'high' as const }, { allowedColumns: new Set(['id']) }]) {
      const hit = await refusal(() => run(byIban, grant, 'iban=DE0001'))
      const miss = await refusal(() => run(byIban, grant, 'iban=DE9999'))
      expect([hit.status, hit.message, hit.members]).toEqual([miss.status, miss.message, miss.members])
      expect([hit.status, hit.message]).toEqual([403, 'This key may not filter by iban.'])
    }
    expect(await ids(byIban, { masked: false }, 'iban=DE0001')).toEqual([1])
  })
  test('even is_null, even a bad value', async () => {
    const nulls: Partial<QueryDefinition> = { filters: [{ column: 'salary', op: 'is_null', param: 'none' }] }
    for (const params of ['none=true', 'none=maybe'])
      expect((await refusal(() => run(nulls, { masked: true }, params))).status).toBe(403)
  })
  test("the author's fixed filters, defaults, joins and order stand", async () => {
    const definition: Partial<QueryDefinition> = {
      columns: ['id', 'salary'],
      filters: [
        { column: 'salary', op: 'gt', value: 200 },
        { column: 'salary', op: 'lt', param: 'below', default: 350 },
      ],
      order_by: [{ column: 'salary', direction: 'desc' }],
    }
    expect((await run(definition, { masked: true })).rows).toEqual([{ id: 3, salary: '***' }])
    expect((await refusal(() => run(definition, { masked: true }, 'below=9'))).status).toBe(403)
  })
  test('a joined column is under the policy of its own table', async () => {
    const definition: Partial<QueryDefinition> = {
      joins: [{ schema: 'hr', table: 'regions', on: [{ left: 'region', right: 'region' }] }],
      columns: ['id', { column: 'regions.budget', as: 'b' }],
      filters: [{ column: 'regions.budget', param: 'b' }],
    }
    const { rows } = await run(definition, { masked: true })
    expect(rows.map(row => row.b)).toEqual([
      expect.stringMatching(/^[0-9a-f]{16}$/),
      rows[0]!.b,
      expect.stringMatching(/^[0-9a-f]{16}$/),
    ])
    expect(rows[2]!.b).not.toBe(rows[0]!.b)
    expect((await run(definition, { allowedColumns: new Set(['id', 'budget']) })).rows[0]).toEqual({ id: 1 })
    expect((await run(definition, { allowedColumns: new Set(['regions.budget']) })).rows[0]).toEqual({ b: 7 })
    expect((await refusal(() => run(definition, { masked: true }, 'b=7'))).status).toBe(403)
  })
})
