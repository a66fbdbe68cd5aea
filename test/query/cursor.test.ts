import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Grant } from '../../src/catalog/grant.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { Cursors } from '../../src/query/cursor.ts'
import type { PreparedQuery } from '../../src/query/prepared.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import type { StoredValue } from '../../src/query/values.ts'
import { ask, grantWith, makeDataset, prepare, refusal, SECRET } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-cursor-'))
const runner = new QueryRunner(1)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const WORDS = ['Secret-A', 'Secret-B', null]
const rows = Array.from({ length: 50 }, (_, i): StoredValue[] => [
  i % 5,
  `k${Math.floor(i / 5)}`,
  WORDS[i % 3]!,
  i % 4 === 0 ? Number.POSITIVE_INFINITY : i % 7 === 0 ? null : i / 8,
  BigInt(i % 2) * 2n ** 60n + BigInt(i % 3),
])
const columns = [
  { name: 'a', type: 'integer', nullable: false },
  { name: 'b', type: 'text', nullable: false },
  { name: 'word', type: 'text', sensitivity: 'high' },
  { name: 'size', type: 'float' },
  { name: 'big', type: 'integer', wide: true, nullable: false },
] as const
const table = makeDataset(dir, { name: 'm.t', columns: [...columns], rows, primaryKey: ['a', 'b'] })
const large = { ...table, name: 'm.large', rowCount: 1_000_000 }
const keyless = makeDataset(dir, { name: 'm.keyless', columns: [...columns], rows })
const source = { schema: 'm', table: 't' }
const made = (definition: Partial<QueryDefinition>) =>
  prepare({ source, ...definition }, [table, large, keyless], runner)

/** All rows by following `next`. */
async function walk(prepared: PreparedQuery, params: string, grant?: Grant): Promise<Record<string, unknown>[]> {
  const seen: Record<string, unknown>[] = []
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page = await ask(prepared, `${params}${next && `&cursor=${next}`}`, grant)
    expect(page.next !== undefined).toBe(page.has_more)
    seen.push(...page.rows)
    next = page.next
  }
  return seen
}

describe('a walk by cursor is every row once, in order', () => {
  const orders: [string, Partial<QueryDefinition>][] = [
    ['the key of two columns', {}],
    ['ties and NULLs, ascending', { order_by: [{ column: 'word' }] }],
    ['ties and NULLs, descending', { order_by: [{ column: 'word', direction: 'desc' }, { column: 'size' }] }],
    ['infinities', { order_by: [{ column: 'size', direction: 'desc' }], columns: ['a', 'b'] }],
    [
      'integers beyond 2^53',
      {
        order_by: [
          { column: 'big', direction: 'desc' },
          { column: 'a', direction: 'desc' },
        ],
      },
    ],
    [
      'a joined table of which a row finds several',
      {
        columns: ['a', 'b', { column: 'o.b', as: 'other' }],
        joins: [{ ...source, as: 'o', type: 'left', on: [{ left: 'a', right: 'a' }] }],
        filters: [{ column: 'o.word', op: 'is_null', value: true }],
      },
    ],
    [
      'groups by an aggregate',
      {
        columns: ['word', 'a', { fn: 'sum', column: 'a', as: 's' }],
        group_by: ['a', 'word'],
        order_by: [{ column: 's', direction: 'desc' }],
      },
    ],
    ['groups by a column', { columns: [{ fn: 'max', column: 'b', as: 'm' }], group_by: ['word', 'a'] }],
    ['distinct rows', { distinct: true, columns: ['word', 'a'] }],
  ]
  for (const [what, definition] of orders)
    for (const name of ['t', 'large'])
      test(`${what}${name === 'large' ? ', in a worker' : ''}`, async () => {
        const prepared = made({ ...definition, source: { schema: 'm', table: name, as: 't' } })
        const { rows } = await ask(prepared, 'limit=1000')
        expect(rows.length).toBeGreaterThan(10)
        for (const limit of [1, 4, 50]) expect(await walk(prepared, `limit=${limit}`)).toEqual(rows)
      })
})

test('values that are too long for a URL hold up no walk: after such a row it goes on by how many there were', async () => {
  // first, last, one behind the other, and a NULL
  const texts = ['long', 'a', 'b', 'long', 'long', 'c', null, 'd', 'long']
  const wide = makeDataset(dir, {
    name: 'm.wide',
    columns: [
      { name: 'id', type: 'integer', nullable: false },
      { name: 'word', type: 'text', sensitivity: 'high' },
    ],
    rows: texts.map((text, i): StoredValue[] => [i, text === 'long' ? `${'ac'[i % 2]}${'é'.repeat(3000)}${i}` : text]),
    primaryKey: ['id'],
  })
  for (const dataset of [wide, { ...wide, rowCount: 1_000_000 }])
    for (const direction of ['asc', 'desc'] as const) {
      const order_by = [{ column: 'word', direction }]
      const prepared = prepare({ source: { schema: 'm', table: 'wide' }, columns: ['id'], order_by }, [dataset], runner)
      const { rows } = await ask(prepared, 'limit=100')
      expect(rows).toHaveLength(texts.length)
      for (const limit of [1, 2, 4]) expect(await walk(prepared, `limit=${limit}`)).toEqual(rows)
      expect(await walk(prepared, 'limit=1', grantWith({ masked: true }))).toEqual(rows)
    }
})

test('a cursor goes on from where an offset ended, with another limit and other filters', async () => {
  const prepared = made({ columns: ['a', 'b'], filters: [{ column: 'a', param: 'a' }] })
  const { rows } = await ask(prepared, 'limit=100')
  const { next } = await ask(prepared, 'limit=5&offset=10')
  const page = await ask(prepared, `limit=7&cursor=${next}`)
  expect([page.rows, page.offset]).toEqual([rows.slice(15, 22), 0])
  const filtered = await ask(prepared, `a=4&cursor=${next}`)
  expect(filtered.rows).toEqual(rows.slice(15).filter(row => row.a === 4))
})

describe('a cursor is opaque, and nobody but who got it can use it', () => {
  const definition: Partial<QueryDefinition> = {
    columns: ['a', 'word'],
    order_by: [{ column: 'word' }, { param: 'sort', allow: ['a', 'b'] }],
  }
  const prepared = made(definition)
  const masked = grantWith({ masked: true })
  const use = (cursor: string, more = '', of = prepared, grant = masked) =>
    refusal(() => ask(of, `cursor=${encodeURIComponent(cursor)}${more}`, grant))

  test("it does not say the values of the author's order, nor how long they are", async () => {
    const lengths = new Set<number>()
    for (let offset = 0; offset < 40; offset += 9) {
      const { next } = await ask(prepared, `limit=1&offset=${offset}`, masked)
      const bytes = Buffer.from(next!, 'base64url')
      expect(bytes.toString('latin1')).not.toMatch(/Secret|word|"k\d"/) // (two sealed bytes alone may well be k4)
      lengths.add(bytes.length)
    }
    expect(lengths.size).toBe(1)
    expect((await walk(prepared, 'limit=7', masked)).length).toBe(50)
  })
  test('the same page gives the same one', async () => {
    expect((await ask(prepared, 'limit=3', masked)).next).toBe((await ask(made(definition), 'limit=3', masked)).next)
  })
  test('every changed byte, cut or addition makes it 422', async () => {
    const next = (await ask(prepared, 'limit=3', masked)).next!
    const bytes = Buffer.from(next, 'base64url')
    for (let i = 0; i < bytes.length; i += 5) {
      const changed = Buffer.from(bytes)
      changed[i]! ^= 1
      expect((await use(changed.toString('base64url'))).status).toBe(422)
    }
    for (const bad of [next.slice(0, -1), `${next}A`, `${next}=`, ` ${next}`, '', 'x', "' OR 1=1 --", 'A'.repeat(400)])
      expect((await use(bad)).status).toBe(422)
    expect((await use(next, `&cursor=${next}`)).status).toBe(422)
    expect((await use(next, '&offset=0')).message).toBe('cursor and offset do not go together.')
    expect((await ask(prepared, `cursor=${next}`, masked)).count).toBeGreaterThan(0)
  })
  test('one of another policy, row scope, endpoint, definition or order is 422', async () => {
    const next = (await ask(prepared, 'limit=3', masked)).next!
    for (const grant of [grantWith(), grantWith({ masked: true, rowScope: [['a', [1]]] })])
      expect((await use(next, '', prepared, grant)).status).toBe(422)
    expect((await use(next, '', made({ ...definition, columns: ['a'] }))).status).toBe(422)
    expect((await use(next, '&sort=a')).status).toBe(422)
    const descending = (await ask(prepared, 'limit=3&sort=-a', masked)).next!
    expect((await use(descending, '&sort=a')).status).toBe(422)
    expect((await ask(prepared, `sort=-a&cursor=${descending}`, masked)).count).toBe(47)
    const message = (await use(next, '', prepared, grantWith())).message
    expect(message).not.toContain(next)
  })
  test('one of data that was written otherwise, or had another key, before other data took over is 422', async () => {
    const prices = (price: { type: 'decimal' | 'integer' | 'text'; precision?: number; scale?: number }, more = {}) => {
      const columns = [
        { name: 'id', type: 'integer', nullable: false },
        { name: 'code', type: 'integer', nullable: false },
        { name: 'price', nullable: false, ...price },
      ] as const
      const rows = Array.from({ length: 10 }, (_, i): StoredValue[] => [i, 10 - i, price.type === 'text' ? `${i}` : i])
      const dataset = makeDataset(dir, { name: 'm.prices', columns: [...columns], rows, primaryKey: ['id'], ...more })
      return prepare({ source: { schema: 'm', table: 'prices' }, order_by: [{ column: 'price' }] }, [dataset], runner)
    }
    const next = (await ask(prices({ type: 'decimal', precision: 9, scale: 2 }), 'limit=5')).next!
    const again = await ask(prices({ type: 'decimal', precision: 12, scale: 2 }), `cursor=${next}`)
    expect(again.rows.map(row => row.id)).toEqual([5, 6, 7, 8, 9])
    for (const other of [
      prices({ type: 'decimal', precision: 9, scale: 3 }),
      prices({ type: 'integer' }),
      prices({ type: 'text' }),
      prices({ type: 'decimal', precision: 9, scale: 2 }, { primaryKey: ['code'] }),
    ])
      expect((await use(next, '', other, grantWith())).status).toBe(422)
  })
  test('one of another installation is nothing', () => {
    const ours = new Cursors(SECRET, 'x', true)
    const theirs = new Cursors(new Uint8Array(32).fill(8), 'x', true)
    const values = [1, 'a', null, 2n ** 60n, Number.NEGATIVE_INFINITY, new Uint8Array([1, 2])]
    const cursor = ours.next(values, '', { skip: 0 }, 5)
    expect(ours.open(cursor, '')).toEqual({ after: values, skip: 0 })
    expect([theirs.open(cursor, ''), ours.open(cursor, 'y'), new Cursors(SECRET, 'y', true).open(cursor, '')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    const long = ours.next(['x'.repeat(1_000_000)], '', { after: values, skip: 2 }, 5)
    expect([long.length < 1000, ours.open(long, ''), theirs.open(long, '')]).toEqual([
      true,
      { after: values, skip: 7 },
      undefined,
    ])
  })
})

test('where no key ends the order there is no cursor, and one that is sent is 422', async () => {
  const prepared = made({ source: { schema: 'm', table: 'keyless' } })
  const page = await ask(prepared, 'limit=5')
  expect([page.has_more, page.next]).toEqual([true, undefined])
  expect((await refusal(() => ask(prepared, 'cursor=abc'))).message).toBe(
    'cursor: this endpoint pages with limit and offset.',
  )
})
