import { expect, test } from 'bun:test'
import type { World } from './world.ts'

const ROWS = [
  [5.1, 3.5, 1.4, 0.2],
  [6.3, 3.3, 6, 2.5],
]
const NAMES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']
const OBJECTS = ROWS.map(row => Object.fromEntries(row.map((value, i) => [NAMES[i]!, value])))

export function kserveV1(world: World): void {
  const predict = (model: string, body: unknown) => world.post(`/v1/models/${model}:predict`, body)

  test('a model says that it is ready', async () => {
    expect((await world.call('/v1/models/iris')).json).toEqual({ name: 'iris', ready: true })
    expect((await world.call('/v1/models/nope')).status).toBe(404)
    expect((await world.call('/v1/models')).json.models).toContain('iris')
  })

  test.each(['instances', 'inputs'])('%s may be lists or named features, and give the label', async member => {
    for (const rows of [ROWS, OBJECTS]) {
      const { status, headers, json } = await predict('iris', { [member]: rows, key2: 'ignored' })
      expect([status, headers.get('content-type'), json]).toEqual([200, 'application/json', { predictions: [0, 2] }])
    }
  })

  test('the colon may be percent-encoded', async () => {
    expect((await world.post('/v1/models/iris%3Apredict', { instances: ROWS })).json).toEqual({ predictions: [0, 2] })
    expect((await world.post('/v1/models/iris%3apredict', { instances: ROWS })).status).toBe(200)
  })

  test('a list holds the row of a single tensor, or the inputs in their order', async () => {
    expect((await predict('plus', { instances: ROWS.map(row => row.slice(0, 2)) })).status).toBe(200)
    expect(
      (
        await predict('plus', {
          instances: [
            [1, 2],
            [3, 4],
          ],
        })
      ).json.predictions,
    ).toEqual([
      [3, 4],
      [5, 6],
    ])
    expect(
      (
        await predict('difference', {
          instances: [
            [5, 3],
            [1, 4],
          ],
        })
      ).json.predictions,
    ).toEqual([2, -3])
    expect((await predict('difference', { instances: [{ b: 1, a: 2 }, [1, 4]] })).json.predictions).toEqual([1, -3])
    expect((await predict('int64', { instances: [[4], 5, { x: 6 }] })).json.predictions).toEqual([-4, -5, -6])
    expect((await predict('text', { instances: ['a', ['b']] })).json.predictions).toEqual(['a', 'b'])
    expect(
      (
        await predict('joined', {
          instances: [
            [[1], [2, 3]],
            [[4, 5], []],
          ],
        })
      ).json.predictions,
    ).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
    expect(
      (
        await predict('image', {
          instances: [
            [
              [1, 2],
              [3, 4],
              [5, 6],
            ],
          ],
        })
      ).json.predictions,
    ).toEqual([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ])
  })

  test('integers beyond 2^53 stay what they are', async () => {
    const { bytes } = await world.call('/v1/models/int64:predict', {
      body: '{"instances":[[9007199254740993],[-9223372036854775807]]}',
    })
    expect(bytes.toString()).toBe('{"predictions":[-9007199254740993,9223372036854775807]}')
  })

  test.each([
    '{',
    '[]',
    'null',
    '{}',
    '{"a":1}',
    '{"instances":[]}',
    '{"instances":5}',
    '{"instances":{}}',
    '{"instances":[[1,2,3,4]],"inputs":[[1,2,3,4]]}',
    '{"instances":[[1,2,3]]}',
    '{"instances":[[1,2,3,4,5]]}',
    '{"instances":[[1,2,3,"four"]]}',
    '{"instances":[[1,2,3,4],7]}',
    '{"instances":[null]}',
    '{"instances":["text"]}',
    '{"instances":[{"sepal_length":1}]}',
    '{"instances":[[NaN,2,3,4]]}',
  ])('%s is 400 with an error', async body => {
    const { status, headers, json } = await world.call('/v1/models/iris:predict', { body })
    expect([status, Object.keys(json), headers.get('content-type')]).toEqual([400, ['error'], 'application/json'])
  })

  test('a row schema of the endpoint holds here too, and nothing is echoed', async () => {
    const { status, bytes } = await predict('checked', { instances: [[5, 3, 98765, 0.2]] })
    expect(status).toBe(400)
    expect(bytes.toString()).toContain('petal_length')
    expect(bytes.toString()).not.toContain('98765')
  })

  test('there are no explanations', async () => {
    const { status, json } = await world.post('/v1/models/iris:explain', { instances: ROWS })
    expect([status, typeof json.error]).toEqual([501, 'string'])
  })
}
