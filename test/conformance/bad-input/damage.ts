import { expect, test } from 'bun:test'
import type { Answer } from '../../harness.ts'
import { filter, MODEL_ROW, source, type World } from '../honeyframe/world.ts'
import { mutate, pick, random } from '../mutate.ts'
import { expectRefusal, JSON_TYPE } from './refusal.ts'

export function randomDamage(world: World): void {
  const config = {
    endpoints: [
      {
        id: 'q',
        kind: 'sql',
        query: {
          source: { ...source, as: 'c' },
          columns: ['id', { column: 'p.label', as: 'label' }],
          joins: [{ schema: 'marts', table: 'plans', as: 'p', type: 'left', on: [{ left: 'plan', right: 'plan' }] }],
          filters: [
            filter('region', 'eq', 'region', { required: true }),
            filter('id', 'between', ['from', 'to'], { default: [1, 20] }),
            { column: 'plan', op: 'in', value: ['free', 'basic'] },
            { column: 'score', op: 'is_null', value: false },
          ],
          order_by: [{ column: 'label', direction: 'desc' }],
          pagination: { default_limit: 5, max_limit: 10 },
        },
      },
      {
        id: 'l',
        kind: 'lookup',
        dataset: 'marts.customers',
        key_column: 'id',
        key_param: 'id',
        columns: ['id', 'plan'],
        max_results: 5,
      },
      { id: 'm', kind: 'model', model: 'churn_risk', version: 1, outputs: 'all', strict: true },
      { id: 'f', kind: 'function', handler: 'export default () => 1', methods: ['POST'], limits: { cpu_ms: 5 } },
    ],
    notes: { any: ['thing', 1] },
  }
  const SEED = 20_131_101

  test(`1500 damaged service configs: none is a 500, whether saved, published, dry-run or called (seed ${SEED})`, async () => {
    const next = random(SEED)
    const id = await world.publish('damaged', [])
    const { key } = await world.mint({}, id)
    const asset = `/api/publish/assets/${id}`
    let saved = 0
    let published = 0
    const check = (answer: Answer, what: string) => {
      if (answer.status >= 300 && answer.status !== 501) expectRefusal(answer, what)
    }
    for (let round = 0; round < 1500; round++) {
      const text = mutate(config, next)
      const save = await world.admin('PUT', asset, `{"config":${text}}`, JSON_TYPE)
      check(save, text)
      if (save.status !== 200) continue
      saved++
      const publish = await world.admin('POST', `${asset}/publish`, {})
      check(publish, text)
      if (publish.status === 200) published++
      const endpoint = pick(next, save.json.config.endpoints ?? [{ id: 'none' }]) as { id: string }
      const path = encodeURIComponent(endpoint?.id?.toWellFormed() ?? 'none')
      const body = { region: 'north', id: 1, features: MODEL_ROW }
      check(await world.admin('POST', `/api/api-services/${id}/endpoints/${path}/test`, body), text)
      check(await world.call(`/api/service/damaged/${path}?region=north`, { key }), text)
    }
    // the damage is of both kinds: what is refused, and what is still a config
    expect(saved).toBeWithin(50, 1450)
    expect(published).toBeGreaterThan(20)
  }, 180_000)

  test(`300 damaged model bodies are scored or refused (seed ${SEED})`, async () => {
    const next = random(SEED)
    let refused = 0
    for (let round = 0; round < 300; round++) {
      const text = mutate({ rows: [MODEL_ROW, { ...MODEL_ROW, tenure: 3 }] }, next)
      const answer = await world.score(text, JSON_TYPE)
      if (answer.status === 200) continue
      refused++
      expectRefusal(answer, text, [400, 422])
    }
    expect(refused).toBeGreaterThan(100)
  })
}
