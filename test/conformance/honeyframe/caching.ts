import { beforeAll, expect, test } from 'bun:test'
import type { Answer, CallInit } from '../../harness.ts'
import { filter, type World } from './world.ts'

const DATASET = 'kept.people'
const source = { schema: 'kept', table: 'people' }

export function caching(world: World): void {
  let asset: number
  let masked: string
  let raw: string
  const scope = () => ({ 'x-project-id': String(world.shop) })
  const upload = async (rows: string) => {
    const form = new FormData()
    form.set('file', new File([`id,name,town\n${rows}`], 'people.csv'))
    for (const [field, value] of Object.entries({ name: DATASET, primary_key: 'id', replace: 'true' }))
      form.set(field, value)
    form.set(
      'columns',
      JSON.stringify({ name: { sensitivity: 'medium', mask: 'initials' }, town: { sensitivity: 'low' } }),
    )
    expect((await world.admin('POST', '/api/datasets/file/upload', form, scope())).status).toBe(201)
  }
  const endpoints = (ttl: number) => [
    {
      id: 'people',
      kind: 'sql',
      query: { source, filters: [filter('town', 'in'), filter('id', 'gte', 'from')], cache: { ttl_seconds: ttl } },
    },
    { id: 'person', kind: 'lookup', dataset: DATASET, key_column: 'id', cache: { ttl_seconds: ttl } },
    { id: 'fresh', kind: 'lookup', dataset: DATASET, key_column: 'id' },
  ]
  const ask = (path: string, key = masked, init: CallInit = {}): Promise<Answer> =>
    world.call(`/api/service/answers/${path}`, { key, ...init })
  /** Whether the answer was made before; `Age` is of kept ones only. */
  const wasKept = (answer: Answer) => answer.headers.get('age') !== null
  const save = async (ttl: number) => {
    const config = { endpoints: endpoints(ttl) }
    expect((await world.admin('PUT', `/api/publish/assets/${asset}`, { config })).status).toBe(200)
    expect((await world.admin('POST', `/api/publish/assets/${asset}/publish`, {})).status).toBe(200)
  }

  beforeAll(async () => {
    await upload('1,Ada Lovelace,Ulm\n2,Grace Hopper,Bonn\n3,Alan Turing,Kiel\n')
    asset = await world.publish('answers', endpoints(3600))
    masked = (await world.mint({}, asset)).key
    raw = (await world.mint({ masking_level: 'unmasked', sensitivity_max: 'critical' }, asset)).key
  })

  test('an answer is kept for its time, and given to callers of the same policy only', async () => {
    const first = await ask('people')
    const second = await ask('people')
    expect([wasKept(first), wasKept(second)]).toEqual([false, true])
    expect([second.text, second.headers.get('etag')]).toEqual([first.text, first.headers.get('etag')])
    const alike = (await world.mint({ rate_limit: 1000 }, asset)).key
    const same = await ask('people', alike)
    expect([wasKept(same), same.text, same.headers.get('ratelimit')]).toEqual([true, first.text, expect.any(String)])
    const others = [
      raw,
      (await world.mint({ allowed_columns: ['id', 'name'] }, asset)).key,
      (await world.mint({ row_scope: { town: ['Ulm'] } }, asset)).key,
      (await world.mint({ sensitivity_max: 'low' }, asset)).key,
    ]
    const texts = [first.text]
    for (const key of others) {
      const answer = await ask('people', key)
      expect([answer.status, wasKept(answer), texts.includes(answer.text)]).toEqual([200, false, false])
      texts.push(answer.text)
    }
    expect(texts.filter(text => text.includes('Lovelace'))).toEqual([texts[1]!])
  })

  test('the same question in other words is the same; any other is not, nor is another format', async () => {
    await ask('people?town=Ulm&town=Bonn&from=1')
    expect(wasKept(await ask('people?from=01&town=Bonn&town=Ulm&limit=100&town=Ulm&offset=0'))).toBe(true)
    for (const other of ['town=Ulm&from=1', 'town=Ulm&town=Bonn', 'town=Ulm&town=Bonn&from=1&limit=99'])
      expect([other, wasKept(await ask(`people?${other}`))]).toEqual([other, false])
    expect(wasKept(await ask('people?town=Ulm&town=Bonn&from=1&format=csv'))).toBe(false)
    expect(wasKept(await ask('people?town=Ulm&town=Bonn&from=1&format=csv'))).toBe(true)
    expect(wasKept(await ask('people?town=Ulm&town=Bonn&from=1', masked, { headers: { accept: 'text/csv' } }))).toBe(
      true,
    )
  })

  test('a validator is strong and of the body: equal answers have it, others have not', async () => {
    const etag = async (path: string, key = masked) => (await ask(path, key)).headers.get('etag')
    expect(await etag('person?id=1')).toMatch(/^"[0-9a-f]{1,16}"$/)
    expect(await etag('fresh?id=1')).toBe(await etag('person?id=1'))
    expect(await etag('fresh?id=1', raw)).not.toBe(await etag('fresh?id=1'))
    expect(await etag('fresh?id=2')).not.toBe(await etag('fresh?id=1'))
    expect(await etag('fresh?id=1&format=ndjson')).not.toBe(await etag('fresh?id=1'))
  })

  test('who has the answer already is told 304, with its validator and how long it holds, and no body', async () => {
    for (const [path, control] of [
      ['person?id=1', 'private, max-age=3600'],
      ['fresh?id=1', 'private, no-cache'],
      ['people?format=csv', 'private, max-age=3600'],
    ] as const)
      for (const method of ['GET', 'HEAD']) {
        const etag = (await ask(path)).headers.get('etag')!
        for (const wanted of [etag, `W/${etag}`, `"other", ${etag}`, '*', `W/"x" ,W/${etag} `]) {
          const answer = await ask(path, masked, { method, headers: { 'if-none-match': wanted } })
          expect([path, wanted, answer.status, answer.text]).toEqual([path, wanted, 304, ''])
          expect(Object.fromEntries(answer.headers)).toMatchObject({
            etag,
            'cache-control': control,
            vary: 'X-API-Key, Authorization, Accept',
            'x-request-id': expect.any(String),
          })
          for (const name of ['content-type', 'content-disposition']) expect(answer.headers.get(name)).toBeNull()
        }
        for (const other of ['"other"', 'W/"other"', etag.slice(1, -1), `${etag.slice(0, -1)}x"`, '', '"*"'])
          expect((await ask(path, masked, { method, headers: { 'if-none-match': other } })).status).toBe(200)
      }
  })

  test('a 304 needs a key that may ask, counts against its limit, and tells nothing across policies', async () => {
    const headers = { 'if-none-match': (await ask('person?id=1', raw)).headers.get('etag')! }
    expect((await ask('person?id=1', masked, { headers })).status).toBe(200)
    expect((await ask('person?id=1', `${masked}x`, { headers: { ...headers, ...world.stranger() } })).status).toBe(401)
    const { key } = await world.mint({ rate_limit: 2, masking_level: 'unmasked' }, asset)
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) statuses.push((await ask('person?id=1', key, { headers })).status)
    expect(statuses).toEqual([304, 304, 429])
  })

  test('refusals are neither kept nor given a validator', async () => {
    for (const path of ['person?id=x', 'person', 'person?id=1&format=xml', 'people?nope=1'])
      for (let i = 0; i < 2; i++) {
        const answer = await ask(path)
        expect(answer.status).toBeGreaterThanOrEqual(400)
        for (const name of ['etag', 'age']) expect(answer.headers.get(name)).toBeNull()
      }
  })

  test('new rows, a new policy and a new version are seen at once', async () => {
    const name = async (key = masked) => {
      const answer = await ask('person?id=1', key)
      expect([wasKept(answer), wasKept(await ask('person?id=1', key))]).toEqual([false, true])
      return answer.json.rows[0].name
    }
    await ask('person?id=1')
    await upload('1,Mary Shelley,Ulm\n')
    expect([await name(), await name(raw)]).toEqual(['M. S.', 'Mary Shelley'])
    const policy = { columns: { name: { sensitivity: 'critical' } } }
    expect((await world.admin('PATCH', `/api/datasets/${DATASET}`, policy, scope())).status).toBe(200)
    expect([await name(), await name(raw)]).toEqual(['[BLOCKED]', 'Mary Shelley'])
    await save(1800)
    expect(await name()).toBe('[BLOCKED]')
    expect((await ask('person?id=1')).headers.get('cache-control')).toBe('private, max-age=1800')
    await save(0)
    for (let i = 0; i < 2; i++) {
      const answer = await ask('person?id=1')
      expect([wasKept(answer), answer.headers.get('cache-control')]).toEqual([false, 'private, no-cache'])
    }
  })

  test('an answer ages, and is made anew when its time is over', async () => {
    await save(1)
    const made = performance.now()
    await ask('person?id=1')
    let answer = await ask('person?id=1')
    while (wasKept(answer)) {
      expect(answer.headers.get('age')).toBe('0')
      answer = await ask('person?id=1')
    }
    expect(performance.now() - made).toBeGreaterThan(900)
    await save(3600)
  })

  test('many at once make it once, and each gets it', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask('people?from=2')))
    expect(new Set(answers.map(a => a.text)).size).toBe(1)
    expect(answers.every(a => a.status === 200)).toBe(true)
  })

  test('a revoked key gets nothing that is kept', async () => {
    const { id, key } = await world.mint({}, asset)
    expect((await ask('people', key)).status).toBe(200)
    await world.admin('DELETE', `/api/publish/assets/${asset}/api-keys/${id}`)
    expect((await ask('people', key)).status).toBe(403)
  })

  test('a time that is none is refused when the draft is saved', async () => {
    for (const cache of [{ ttl_seconds: -1 }, { ttl_seconds: 1.5 }, { ttl_seconds: '60' }, { ttl: 60 }, {}, 60]) {
      const config = { endpoints: [{ id: 'p', kind: 'lookup', dataset: DATASET, key_column: 'id', cache }] }
      expect((await world.admin('PUT', `/api/publish/assets/${asset}`, { config })).status).toBe(422)
    }
  })

  test("a parameter's description and example are given back as they were saved", async () => {
    const described = {
      id: 'p',
      kind: 'lookup',
      dataset: DATASET,
      key_column: 'id',
      key_description: 'The number on the card',
      key_example: 1,
    }
    const by = { column: 'town', param: 'town', description: 'Where they live', example: 'Ulm' }
    const sorted = { param: 'sort', allow: ['id'], description: 'The order', example: '-id' }
    const query = { id: 'q', kind: 'sql', query: { source, filters: [by], order_by: [sorted] } }
    const id = await world.publish('described', [described, query])
    const { config } = (await world.admin('GET', `/api/publish/assets/${id}`)).json
    expect(config.endpoints).toEqual([described, query])
  })
}
