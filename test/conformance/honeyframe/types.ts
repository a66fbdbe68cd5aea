import { expect, test } from 'bun:test'
import type { World } from './world.ts'

export function types(world: World): void {
  const raw = async (id: number) => (await world.serve(`customer?id=${id}`, { key: world.rawKey })).json

  test('every column is announced with its type', async () => {
    const { columns } = await raw(1)
    expect(Object.fromEntries(columns.map((c: { name: string; type: string }) => [c.name, c.type]))).toMatchObject({
      id: 'integer',
      name: 'text',
      born: 'date',
      visits: 'integer',
      balance: 'decimal',
      score: 'float',
      active: 'boolean',
      since: 'timestamp',
    })
  })

  test('integers are numbers up to 2^53 and strings beyond, decimals are strings', async () => {
    expect((await raw(2)).rows[0]).toMatchObject({ visits: 20, balance: '2.50' })
    expect((await raw(3)).rows[0]).toMatchObject({ visits: '9223372036854775807', balance: '1234567890123456.78' })
  })

  test('booleans, dates, times and floats are what JSON and ISO 8601 make of them', async () => {
    expect((await raw(2)).rows[0]).toMatchObject({
      active: true,
      born: '1971-03-02',
      since: '2024-01-02T08:30:00',
      score: 0.5,
    })
  })

  test('NULL is null, and an empty text is a text', async () => {
    expect((await raw(7)).rows[0]).toMatchObject({ plan: null, score: null, email: null })
    expect((await raw(8)).rows[0].plan).toBe('')
  })

  test('text keeps its characters', async () => {
    expect((await raw(4)).rows[0].name).toBe('Zoë Ångström')
  })
}
