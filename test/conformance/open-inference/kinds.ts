import { expect, test } from 'bun:test'
import { bytesElements, f32, type World } from './world.ts'

export function kinds(world: World): void {
  const data = async (model: string, inputs: object[]) => {
    const { status, json } = await world.infer(model, { inputs: inputs as never })
    if (status !== 200) throw new Error(`${status} ${json?.error}`)
    return json.outputs[0].data
  }

  test('a classifier gives its label and probabilities under their names', async () => {
    const rows = [
      [5.1, 3.5, 1.4, 0.2],
      [6.3, 3.3, 6, 2.5],
    ]
    const { json } = await world.infer('bench.checked', {
      inputs: [{ name: 'X', datatype: 'FP32', shape: [2, 4], data: rows }],
    })
    expect(json.outputs[0]).toMatchObject({ name: 'output_label', datatype: 'INT64', shape: [2], data: [0, 2] })
    expect(json.outputs[1].shape).toEqual([2, 3])
    expect(json.outputs[1].data.slice(0, 3).reduce((a: number, b: number) => a + b)).toBeCloseTo(1, 5)
  })

  test('a pipeline with text and numbers takes several inputs, of BYTES and FP32', async () => {
    const { json: metadata } = await world.call('/v2/models/churn')
    const inputs = metadata.inputs.map(({ name, datatype }: { name: string; datatype: string }) => ({
      name,
      datatype,
      shape: [2, 1],
      data: datatype === 'BYTES' ? ['free', 'premium'] : [3, 40],
    }))
    const { status, json } = await world.infer('churn', { inputs })
    expect(status).toBe(200)
    expect(json.outputs.find((o: { name: string }) => /prob/.test(o.name)).shape).toEqual([2, 2])
    const own = await world.post('/v1/models/churn:predict', {
      instances: [0, 1].map(r =>
        Object.fromEntries(inputs.map((i: { name: string; data: unknown[] }) => [i.name, i.data[r]])),
      ),
    })
    expect(json.outputs[0].data).toEqual(own.json.predictions)
  })

  test('bytes of an image stay bytes', async () => {
    const pixels = Array.from({ length: 12 }, (_, i) => i * 20)
    const { json, raw } = await world.infer('image', {
      inputs: [{ name: 'x', datatype: 'UINT8', shape: [2, 3, 2], raw: Uint8Array.from(pixels) }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    })
    expect(json.outputs[0].shape).toEqual([2, 3, 2])
    expect([...raw.y!]).toEqual(pixels)
  })

  test('text comes and goes as BYTES', async () => {
    const { raw } = await world.infer('text', {
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [3], raw: bytesElements('a', '', 'ß漢') }],
      parameters: { binary_data_output: true },
    })
    expect(raw.y).toEqual(bytesElements('a', '', 'ß漢'))
  })

  test('a scalar has an empty shape and one element', async () => {
    const { json } = await world.infer('scalar', { inputs: [{ name: 'x', datatype: 'FP64', shape: [], data: [2.5] }] })
    expect(json.outputs[0]).toMatchObject({ shape: [], data: [-2.5] })
  })

  test('a fixed batch takes exactly its size', async () => {
    const x = (rows: number) => ({ name: 'x', datatype: 'FP32', shape: [rows, 2], data: Array(rows * 2).fill(1) })
    expect(await data('fixed', [x(3)])).toEqual([-1, -1, -1, -1, -1, -1])
    for (const rows of [1, 2, 4]) expect((await world.infer('fixed', { inputs: [x(rows)] })).status).toBe(400)
  })

  test('lists without a row dimension may differ in length, and be empty', async () => {
    const list = (name: string, values: number[]) => ({ name, datatype: 'FP64', shape: [values.length], data: values })
    expect(await data('joined', [list('a', [1, 2, 3]), list('b', [4])])).toEqual([1, 2, 3, 4])
    expect(await data('joined', [list('b', [9]), list('a', [])])).toEqual([9])
  })

  test('rows that influence each other are scored with those of their own call only', async () => {
    const one = (values: number[]) => [{ name: 'x', datatype: 'FP32', shape: [values.length, 1], data: values }]
    const calls = Array.from({ length: 24 }, (_, i) => [i, i + 2, i + 4])
    const answers = await Promise.all(calls.map(values => data('centred', one(values))))
    for (const answer of answers) expect(answer).toEqual([-2, 0, 2])
  })

  test('the state of a recurrent model goes round through its caller, each with its own', async () => {
    const step = (x: number[], state: Uint8Array) =>
      world.infer('recurrent', {
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [1, 2], raw: f32(...x) },
          { name: 'state', datatype: 'FP32', shape: [1, 2], raw: state },
        ],
        parameters: { binary_data_output: true },
      })
    const sums = await Promise.all(
      Array.from({ length: 8 }, async (_, caller) => {
        let state: Uint8Array = f32(caller, 0)
        let y = 0
        for (let i = 1; i <= 5; i++) {
          const { raw } = await step([1, i], state)
          state = raw.next_state!
          y = raw.y!.readFloatLE(0)
        }
        return y
      }),
    )
    expect(sums).toEqual(Array.from({ length: 8 }, (_, caller) => caller + 5 + 15))
  })

  test('every one of many callers at once gets its own rows', async () => {
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        data('int64', [
          { name: 'x', datatype: 'INT64', shape: [1 + (i % 3), 1], data: Array(1 + (i % 3)).fill(i + 1) },
        ]),
      ),
    )
    for (const [i, answer] of answers.entries()) expect(answer).toEqual(Array(1 + (i % 3)).fill(-(i + 1)))
  })

  test('a row schema of the endpoint holds for tensors too', async () => {
    const row = (length: number) => ({
      inputs: [{ name: 'X', datatype: 'FP32', shape: [2, 4], data: [5, 3, 1, 0.2, 5, 3, length, 0.2] }],
    })
    expect((await world.infer('checked', row(9))).status).toBe(200)
    const refused = await world.infer('checked', row(11))
    expect([refused.status, refused.json.error]).toEqual([400, expect.stringContaining('row 1, petal_length')])
  })
}
