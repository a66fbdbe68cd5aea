import { beforeAll, expect, test } from 'bun:test'
import type { Answer } from '../../harness.ts'
import type { TableWorld } from './table-world.ts'

/** Kept answers of tables that endpoints write to. */
export function kept(world: TableWorld): void {
  let key: string
  const ask = (path: string): Promise<Answer> => world.callgate.call(`/api/service/kept/${path}`, { key })
  const wasKept = (answer: Answer) => answer.headers.get('age') !== null
  const send: TableWorld['send'] = (...args) => world.send(...args)

  beforeAll(async () => {
    const cache = { ttl_seconds: 3600 }
    const source = { schema: 't', table: 'named' }
    const join = { ...source, as: 'other', on: [{ left: 'name', right: 'name' }] }
    const count = [{ fn: 'count', as: 'n' }]
    const endpoints = [
      { id: 'one', kind: 'lookup', dataset: 't.named', key_column: 'name', cache },
      { id: 'count', kind: 'sql', query: { source, columns: count, cache } },
      { id: 'joined', kind: 'sql', query: { source, joins: [join], columns: count, cache } },
    ]
    const body = { asset_type: 'api_service', asset_key: 'kept', title: 'Kept', config: { endpoints } }
    const { id } = (await world.admin('POST', '/api/publish/assets', body)).json
    expect((await world.admin('POST', `/api/publish/assets/${id}/publish`, {})).status).toBe(200)
    key = await world.mint({ masking_level: 'unmasked', sensitivity_max: 'critical' }, id)
  })

  test('an answer is kept until something is written, and is never older than a write that was acknowledged', async () => {
    const path = `one?id=kept`
    const counts = async () => (await Promise.all(['count', 'joined'].map(ask))).map(({ json }) => json.rows[0].n)
    const [before] = await counts()
    for (const [method, row, body, n] of [
      ['POST', 'named', { name: 'kept', n: 1 }, 1],
      ['PATCH', 'named/kept', { n: 2 }, 2],
      ['PUT', 'named/kept', { n: 3 }, 3],
      ['DELETE', 'named/kept', undefined, undefined],
    ] as const) {
      await ask(path)
      expect(wasKept(await ask(path))).toBe(true)
      expect((await send(method, row, body)).status).toBeLessThan(300)
      const after = await ask(path)
      expect([method, wasKept(after), after.json.rows[0]?.n]).toEqual([method, false, n])
      const there = before + (n === undefined ? 0 : 1)
      expect(await counts()).toEqual([there, there])
      expect(await counts()).toEqual([there, there])
    }
  })

  test('readers and writers at once: nobody who was told of a write is answered without it', async () => {
    await send('PUT', 'named/raced', { n: 0 })
    let told = 0
    let writing = true
    const readers = Array.from({ length: 4 }, async () => {
      while (writing) {
        const least = told
        const { json } = await ask('one?id=raced')
        expect(json.rows[0].n).toBeGreaterThanOrEqual(least)
      }
    })
    for (let n = 1; n <= 40; n++) {
      expect((await send('PATCH', 'named/raced', { n })).status).toBe(200)
      told = n
    }
    writing = false
    await Promise.all(readers)
    await send('DELETE', 'named/raced')
  })

  test('a refused write leaves what is kept', async () => {
    await ask('count')
    expect((await send('POST', 'named', { nonsense: 1 })).status).toBe(422)
    if (world.engine === 'sqlite') expect(wasKept(await ask('count'))).toBe(true)
    expect((await ask('count')).status).toBe(200)
  })
}
