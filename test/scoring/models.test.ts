import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../src/lib/fault.ts'
import { compileCodec } from '../../src/scoring/codec.ts'
import { findClassifier } from '../../src/scoring/onnx/labels.ts'
import { readModel } from '../../src/scoring/onnx/read.ts'
import { runnable } from '../../src/scoring/onnx/rewrite.ts'
import { predict } from '../../src/scoring/predict.ts'
import { createScorer, type Scorer } from '../../src/scoring/scorer.ts'
import { cpuOf } from '../harness.ts'
import { addModelBytes, modelBytes, modelsDirectory, soon } from './fixtures.ts'
import { buildModel, type NodeInfo, plusOne, type ValueInfo } from './onnx-builder.ts'

let models: Awaited<ReturnType<typeof modelsDirectory>>
let scorer: Scorer
beforeAll(async () => {
  models = await modelsDirectory()
  scorer = createScorer({ mode: 'worker', workers: 1 })
})
afterAll(async () => {
  await scorer.close()
  await models.remove()
})

async function refused(bytes: Uint8Array, features?: string[]): Promise<string> {
  const before = await readdir(models.path)
  try {
    await addModelBytes(bytes, models.path, features)
  } catch (error) {
    expect(error).toBeInstanceOf(Fault)
    expect((error as Fault).status).toBe(422)
    expect((error as Fault).message).not.toMatch(/\/(tmp|onnxruntime_src|work|home)\b|callgate-models/)
    expect(await readdir(models.path)).toEqual(before) // nothing is left behind
    return (error as Fault).message
  }
  throw new Error('the file was taken')
}

/** The file with one operator's name replaced by another of the same length. */
function withOperator(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const changed = Buffer.from(bytes)
  const field = Buffer.from([0x22, from.length]) // op_type of NodeProto
  changed.write(to, changed.indexOf(Buffer.concat([field, Buffer.from(from)])) + 2)
  return changed
}

const numberOf = { float: 1, double: 11 }
const plain = (name: string, type: ValueInfo['type'] = 'float'): ValueInfo => ({ name, type, dims: ['N', 2] })

const ml = 'ai.onnx.ml'
const features: ValueInfo = { name: 'x', type: 'float', dims: ['', 2] }
/** A linear classifier over two features, whose score for the second class is x0 - x1. */
const linear = (labels: { strings?: string[]; ints?: number[] }): NodeInfo => ({
  op: 'LinearClassifier',
  domain: ml,
  inputs: ['x'],
  outputs: ['raw_label', 'raw_scores'],
  attributes: [
    { name: 'coefficients', floats: [-1, 1, 1, -1] },
    { name: 'intercepts', floats: [0, 0] },
    labels.strings
      ? { name: 'classlabels_strings', strings: labels.strings }
      : { name: 'classlabels_ints', ints: labels.ints! },
    { name: 'multi_class', int: 0 },
  ],
})

describe('files that are not served', () => {
  test('text, nothing at all, and a picture', async () => {
    expect(await refused(new TextEncoder().encode('feature,label\n1,2\n'.repeat(50)))).toContain('not an ONNX model')
    expect(await refused(new Uint8Array())).toContain('empty')
    expect(await refused(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))).toContain(
      'not an ONNX model',
    )
  })

  test('a model cut short, anywhere', async () => {
    const bytes = await modelBytes('late_arrival')
    for (const part of [0.2, 0.5, 0.9, 0.999]) await refused(bytes.slice(0, Math.floor(bytes.length * part)))
  })

  test('random bytes', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      let state = seed
      const bytes = new Uint8Array(300)
      for (let i = 0; i < bytes.length; i++) {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
        bytes[i] = state >> 16
      }
      await refused(bytes)
    }
  })

  test('a thousand damaged copies are read or refused at once, and never anything else', async () => {
    const bytes = await modelBytes('churn_risk')
    let state = 7
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
      return (state >> 8) % below
    }
    const taken = cpuOf(() => {
      for (let copy = 0; copy < 1000; copy++) {
        const damaged = bytes.slice()
        for (let i = 0; i < 3; i++) damaged[random(damaged.length)] = random(256)
        try {
          const model = readModel(damaged)
          findClassifier(model)
          readModel(runnable(damaged, model))
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    })
    expect(taken).toBeLessThan(5000)
  })

  test('an operator that the runtime does not have, with its name', async () => {
    const bytes = withOperator(await modelBytes('tumour_forest'), 'TreeEnsembleClassifier', 'TreeEnsembleClassifieX')
    expect(await refused(bytes)).toContain('TreeEnsembleClassifieX')
  })

  test('an operator set that is too new, with the last that is known, and no words of the runtime about itself', async () => {
    const [input, output] = [plain('x'), plain('y')]
    const nodes = [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }]
    const message = await refused(buildModel({ inputs: [input], outputs: [output], nodes, opset: 99 }))
    expect(message).toMatch(/Opset 99 is under development.*ai\.onnx is till opset \d+/)
    expect(message).not.toMatch(/::|\(/)
  })

  test('an element type that is not served, with its name', async () => {
    const [input, output] = [plain('x', 'bfloat16'), plain('y', 'bfloat16')]
    const nodes = [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }]
    expect(await refused(buildModel({ inputs: [input], outputs: [output], nodes }))).toBe(
      'The model cannot be loaded: an input or output has the element type bfloat16, which is not served',
    )
  })

  test('weights in other files', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [{ name: 'y', type: 'float', dims: ['', 2] }],
      initializers: [{ name: 'w', type: 'float', dims: [1], values: [], external: true }],
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    })
    const message = await refused(bytes)
    expect(message).toContain('other files')
    // PyTorch's exporter writes them by default, and has its own word for it
    expect(message).toContain('external_data=False')
    expect(message).toContain('onnx.save(onnx.load(path)')
  })

  test('values in other files that a function has where nobody gives it any', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [{ name: 'y', type: 'float', dims: ['', 2] }],
      byDefault: { name: 'w', type: 'float', dims: [1], values: [], external: true },
      nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
    })
    expect(await refused(bytes)).toContain('other files')
  })

  test('outputs that are no tensors, with the remedy', async () => {
    const message = await refused(withOperator(await modelBytes('iris'), 'ZipMap', 'ZapMap'))
    expect(message).toContain('sequence')
    expect(message).toContain('zipmap')
    // a MultiOutputClassifier has a sequence of probabilities even then
    expect(message).toContain('select_model_inputs_outputs')
  })

  test('feature names that do not fit', async () => {
    expect(await refused(await modelBytes('iris'), ['a', 'b'])).toContain('takes 4 features')
  })
})

describe('a default scikit-learn export', () => {
  test('is rewritten beside the file as it was given', async () => {
    const bytes = await modelBytes('churn_risk')
    const { model } = await models.add(bytes)
    expect(model.metadata.rewritten).toBe(true)
    expect(model.metadata.classifier).toEqual({
      label: 'output_label',
      probabilities: 'output_probability',
      labels: ['leaves', 'stays'],
    })
    const directory = join(models.path, model.sha256)
    expect(await Bun.file(join(directory, 'model.onnx')).bytes()).toEqual(bytes)
    expect((await stat(join(directory, 'runnable.onnx'))).mode & 0o777).toBe(0o600)
    expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(model.sha256)
  })

  test('texts change their case as everywhere, where the machine lacks the locale that the runtime asks for', async () => {
    const lower = (locale?: string) =>
      buildModel({
        inputs: [{ name: 't', type: 'string', dims: ['N'] }],
        outputs: [{ name: 'y', type: 'string', dims: ['N'] }],
        nodes: [
          {
            op: 'StringNormalizer',
            inputs: ['t'],
            outputs: ['y'],
            attributes: [
              { name: 'case_change_action', string: 'LOWER' },
              ...(locale === undefined ? [] : [{ name: 'locale', string: locale }]),
            ],
          },
        ],
      })
    for (const locale of [undefined, 'en_US', 'en_US.UTF-8']) {
      const { model, codec } = await models.add(lower(locale))
      expect(model.metadata.rewritten).toBe(true)
      const rows = ['ABC', 'ÄÖÜ É', 'ПРИВЕТ', 'ΣΊΣΥΦΟΣ', ''].map(t => ({ t }))
      const { predictions } = await predict(scorer, model, codec, rows, 'rows', soon())
      expect(predictions).toEqual(['abc', 'äöü é', 'привет', 'σίσυφοσ', ''])
    }
    expect(await refused(lower('xx_XX.UTF-8'))).toContain('locale with name:xx_XX.UTF-8')
  })

  test('the same bytes twice are one model', async () => {
    const bytes = await modelBytes('iris')
    const first = await models.add(bytes)
    const { ino } = await stat(first.model.path)
    const again = await Promise.all([models.add(bytes), models.add(bytes)])
    for (const { model } of again) expect(model).toEqual(first.model)
    expect((await stat(first.model.path)).ino).toBe(ino)
  })
})

describe('class labels', () => {
  const outputs: ValueInfo[] = [
    { name: 'label', type: 'string', dims: [''] },
    { name: 'shares', type: 'float', dims: ['', 2] },
  ]
  const pass = (from: string, to: string): NodeInfo => ({ op: 'Identity', inputs: [from], outputs: [to] })

  test('come from the classifier through nodes that only pass values on', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs,
      nodes: [
        linear({ strings: ['no', 'yes'] }),
        pass('raw_label', 'l1'),
        pass('l1', 'label'),
        pass('raw_scores', 'shares'),
      ],
    })
    const { model, codec } = await models.add(bytes, ['a', 'b'])
    expect(model.metadata.classifier).toEqual({ label: 'label', probabilities: 'shares', labels: ['no', 'yes'] })
    const answer = await predict(
      scorer,
      model,
      codec,
      [
        { a: 2, b: 1 },
        { a: 1, b: 5 },
      ],
      'rows',
      soon(),
    )
    expect(answer.predictions).toEqual(['yes', 'no'])
    expect(answer.probabilities).toEqual([
      { no: -1, yes: 1 },
      { no: 4, yes: -4 },
    ])
  })

  test("come from the classifier whose shares are all multiplied by one, as LightGBM's converter does without a ZipMap", async () => {
    const times = (dims: number[], values: number[]) =>
      buildModel({
        inputs: [features],
        outputs,
        initializers: [{ name: 'factor', type: 'float', dims, values }],
        nodes: [
          linear({ strings: ['no', 'yes'] }),
          pass('raw_label', 'label'),
          pass('raw_scores', 's1'),
          { op: 'Mul', inputs: ['s1', 'factor'], outputs: ['shares'] },
        ],
      })
    const { model, codec } = await models.add(times([], [1]), ['a', 'b'])
    expect(model.metadata.classifier).toEqual({ label: 'label', probabilities: 'shares', labels: ['no', 'yes'] })
    const { probabilities } = await predict(scorer, model, codec, [{ a: 2, b: 1 }], 'rows', soon())
    expect(probabilities).toEqual([{ no: -1, yes: 1 }])
    // factors of their own for the columns make other numbers of them
    const own = (await models.add(times([2], [1, 0]))).model.metadata.classifier
    expect(own).toEqual({ label: 'label', labels: ['no', 'yes'] })
  })

  test('come from the table that the largest score is looked up in', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [{ ...outputs[0]!, dims: undefined }, outputs[1]!],
      initializers: [
        { name: 'classes', type: 'string', dims: [2], values: ['left', 'right'] },
        { name: 'flat', type: 'int64', dims: [1], values: [-1] },
      ],
      nodes: [
        { op: 'Softmax', inputs: ['x'], outputs: ['shares'], attributes: [{ name: 'axis', int: 1 }] },
        { op: 'ArgMax', inputs: ['shares'], outputs: ['best'], attributes: [{ name: 'axis', int: 1 }] },
        { op: 'ArrayFeatureExtractor', domain: ml, inputs: ['classes', 'best'], outputs: ['found'] },
        { op: 'Reshape', inputs: ['found', 'flat'], outputs: ['label'] },
      ],
    })
    const { model, codec } = await models.add(bytes, ['a', 'b'])
    expect(model.metadata.classifier?.labels).toEqual(['left', 'right'])
    const { predictions } = await predict(
      scorer,
      model,
      codec,
      [
        { a: 2, b: 1 },
        { a: 1, b: 5 },
      ],
      'rows',
      soon(),
    )
    expect(predictions).toEqual(['left', 'right'])
  })

  const network = (softmax: boolean) =>
    buildModel({
      inputs: [features],
      outputs: [
        { name: 'scores', type: 'float', dims: ['', 2] },
        { name: 'class', type: 'int64', dims: [''] },
      ],
      nodes: [
        { op: softmax ? 'Softmax' : 'Neg', inputs: ['x'], outputs: ['scores'] },
        {
          op: 'ArgMax',
          inputs: ['scores'],
          outputs: ['class'],
          attributes: [
            { name: 'axis', int: 1 },
            { name: 'keepdims', int: 0 },
          ],
        },
      ],
    })

  test('are column numbers where the label is the place of the largest probability', async () => {
    const { model } = await models.add(network(true))
    expect(model.metadata.classifier).toEqual({ label: 'class', probabilities: 'scores', labels: ['0', '1'] })
  })

  test('are those of maps of doubles too, as scikit-learn models that took doubles have them', async () => {
    const bytes = buildModel({
      inputs: [{ name: 'x', type: 'double', dims: ['', 2] }],
      outputs: [
        { name: 'label', type: 'int64', dims: [''] },
        { name: 'probability', type: 'float', dims: ['', 2] },
      ],
      nodes: [
        { op: 'Softmax', inputs: ['x'], outputs: ['shares'] },
        {
          op: 'ArgMax',
          inputs: ['shares'],
          outputs: ['label'],
          attributes: [
            { name: 'axis', int: 1 },
            { name: 'keepdims', int: 0 },
          ],
        },
        {
          op: 'ZipMap',
          domain: ml,
          inputs: ['shares'],
          outputs: ['probability'],
          attributes: [{ name: 'classlabels_int64s', ints: [0, 1] }],
        },
      ],
    })
    const { model, codec } = await models.add(bytes, ['a', 'b'])
    expect(model.metadata.outputs[1]).toEqual({ name: 'probability', type: 'float64', dims: [null, 2] })
    const { predictions, probabilities } = await predict(scorer, model, codec, [{ a: 1, b: 1 }], 'rows', soon())
    expect({ predictions, probabilities }).toEqual({ predictions: [0], probabilities: [{ '0': 0.5, '1': 0.5 }] })
  })

  test('bare scores of a network are not called probabilities', async () => {
    const { model } = await models.add(network(false))
    expect(model.metadata.classifier).toBeUndefined()
  })
})

describe('rows are batched across callers only where that is proven to change nothing', () => {
  test('element-wise models are', async () => {
    expect((await models.add(plusOne())).model.metadata).toMatchObject({ batched: true, independentRows: true })
  })

  test('rows measured against their batch are not, and a request is still scored whole', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [{ name: 'y', type: 'float', dims: ['', 2] }],
      nodes: [
        { op: 'ReduceMean', inputs: ['x'], outputs: ['mean'], attributes: [{ name: 'axes', ints: [0] }] },
        { op: 'Sub', inputs: ['x', 'mean'], outputs: ['y'] },
      ],
    })
    const { model, codec } = await models.add(bytes, ['a', 'b'])
    expect(model.metadata).toMatchObject({ batched: true, independentRows: false })
    const rows = [
      { a: 1, b: 10 },
      { a: 3, b: 30 },
    ]
    const answers = await Promise.all([1, 2, 3].map(() => predict(scorer, model, codec, rows, 'rows', soon())))
    for (const { predictions } of answers)
      expect(predictions).toEqual([
        [-1, -10],
        [1, 10],
      ])
  })

  test.each([
    ['float', 'IsNaN'],
    ['double', 'IsNaN'],
    ['float', 'x == x'],
  ] as const)(
    'rows of %s whose missing numbers, found by %s, are put in from the rows beside are not, though those that lack none are independent',
    async (type, found) => {
      const filling = (from: 'rows' | 'itself') =>
        buildModel({
          inputs: [{ ...features, type }],
          outputs: [{ name: 'y', type, dims: ['', 2] }],
          nodes: [
            ...(found === 'IsNaN'
              ? [
                  { op: 'IsNaN', inputs: ['x'], outputs: ['gaps'] },
                  { op: 'Not', inputs: ['gaps'], outputs: ['given'] },
                ]
              : [
                  { op: 'Equal', inputs: ['x', 'x'], outputs: ['given'] },
                  { op: 'Not', inputs: ['given'], outputs: ['gaps'] },
                ]),
            { op: 'Cast', inputs: ['given'], outputs: ['one'], attributes: [{ name: 'to', int: numberOf[type] }] },
            { op: 'Where', inputs: ['gaps', 'one', 'x'], outputs: ['filled'] },
            {
              op: 'ReduceMax',
              inputs: ['filled'],
              outputs: ['most'],
              attributes: [{ name: 'axes', ints: [from === 'rows' ? 0 : 1] }],
            },
            { op: 'Where', inputs: ['gaps', 'most', 'x'], outputs: ['y'] },
          ],
        })
      const { model, codec } = await models.add(filling('rows'), ['a', 'b'])
      expect(model.metadata).toMatchObject({ batched: true, independentRows: false })
      expect((await models.add(filling('itself'))).model.metadata).toMatchObject({ independentRows: true })
      const rows = Array.from({ length: 40 }, (_, i) => (i % 2 ? { a: null, b: 1 } : { a: i, b: 1 }))
      const answers = await Promise.all(rows.map(row => predict(scorer, model, codec, [row], 'rows', soon())))
      expect(answers.map(answer => answer.predictions[0])).toEqual(rows.map(({ a, b }) => [a ?? 0, b]))
    },
  )

  test('a model that goes on until its numbers are small is not tried with missing ones, at which it never ends', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [plain('y')],
      initializers: [
        { name: 'half', type: 'float', dims: [], values: [0.5] },
        { name: 'small', type: 'float', dims: [], values: [1] },
      ],
      nodes: [
        { op: 'Equal', inputs: ['half', 'half'], outputs: ['yes'] },
        {
          op: 'Loop',
          inputs: ['', 'yes', 'x'],
          outputs: ['y'],
          attributes: [
            {
              name: 'body',
              graph: {
                inputs: [
                  { name: 'i', type: 'int64', dims: [] },
                  { name: 'before', type: 'bool', dims: [] },
                  { name: 'v', type: 'float', dims: ['', 2] },
                ],
                nodes: [
                  { op: 'Mul', inputs: ['v', 'half'], outputs: ['next'] },
                  { op: 'Abs', inputs: ['next'], outputs: ['size'] },
                  { op: 'ReduceMax', inputs: ['size'], outputs: ['most'], attributes: [{ name: 'keepdims', int: 0 }] },
                  { op: 'Less', inputs: ['most', 'small'], outputs: ['done'] },
                  { op: 'Not', inputs: ['done'], outputs: ['again'] },
                ],
                outputs: [
                  { name: 'again', type: 'bool', dims: [] },
                  { name: 'next', type: 'float', dims: ['', 2] },
                ],
              },
            },
          ],
        },
      ],
    })
    expect((await models.add(bytes)).model.metadata).toMatchObject({ batched: true, independentRows: false })
  })

  test('that answers differ where numbers are missing proves nothing of a model whose answers do not with numbers', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [plain('y')],
      initializers: [
        { name: 'nothing', type: 'float', dims: [], values: [0] },
        { name: 'million', type: 'float', dims: [], values: [1e6] },
        { name: 'one', type: 'float', dims: [], values: [1] },
      ],
      nodes: [
        { op: 'Equal', inputs: ['x', 'x'], outputs: ['given'] },
        { op: 'Where', inputs: ['given', 'x', 'nothing'], outputs: ['filled'] },
        { op: 'Sub', inputs: ['filled', 'million'], outputs: ['beyond'] },
        { op: 'Relu', inputs: ['beyond'], outputs: ['excess'] },
        { op: 'ReduceMax', inputs: ['excess'], outputs: ['most'], attributes: [{ name: 'axes', ints: [0] }] },
        { op: 'Where', inputs: ['given', 'most', 'one'], outputs: ['y'] },
      ],
    })
    expect((await models.add(bytes)).model.metadata).toMatchObject({ batched: true, independentRows: false })
  })

  test('axes that torch.onnx.export was given no names for are not another one for each input', async () => {
    const added = (first: string, second: string) =>
      models.add(
        buildModel({
          inputs: [
            { name: 'a', type: 'float', dims: [first, 1] },
            { name: 'b', type: 'float', dims: [second, 1] },
          ],
          outputs: [{ name: 'y', type: 'float', dims: ['y_dynamic_axes_1', 1] }],
          nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
        }),
      )
    const { model, codec } = await added('a_dynamic_axes_1', 'b_dynamic_axes_1')
    expect(model.metadata).toMatchObject({ batched: true, independentRows: true })
    const rows = [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]
    expect((await predict(scorer, model, codec, rows, 'rows', soon())).predictions).toEqual([3, 7])
    // names that somebody chose mean what they say: these may differ in length
    expect((await added('queries', 'documents')).model.metadata.batched).toBe(false)
  })

  test('axes without names that may differ in length, as of queries and documents, are not taken for rows', async () => {
    const bytes = buildModel({
      inputs: [
        { name: 'queries', type: 'float', dims: ['queries_dynamic_axes_1', 2] },
        { name: 'documents', type: 'float', dims: ['documents_dynamic_axes_1', 2] },
      ],
      outputs: [{ name: 'y', type: 'float', dims: ['y_dynamic_axes_1', 'y_dynamic_axes_2'] }],
      nodes: [
        { op: 'Transpose', inputs: ['documents'], outputs: ['turned'] },
        { op: 'MatMul', inputs: ['queries', 'turned'], outputs: ['y'] },
      ],
    })
    expect((await models.add(bytes)).model.metadata).toMatchObject({ batched: false, independentRows: false })
  })

  test('what was found of a model with numbers stays, where it looks for missing ones and fails at some', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [
        { name: 'y', type: 'float', dims: [1, 2] },
        { name: 'gaps', type: 'bool', dims: ['N', 2] },
      ],
      initializers: [
        { name: 'table', type: 'float', dims: [2], values: [3, 4] },
        { name: 'least', type: 'float', dims: [], values: [0] },
        { name: 'most', type: 'float', dims: [], values: [1] },
      ],
      nodes: [
        { op: 'IsNaN', inputs: ['x'], outputs: ['gaps'] },
        { op: 'Clip', inputs: ['x', 'least', 'most'], outputs: ['clipped'] },
        { op: 'Cast', inputs: ['clipped'], outputs: ['place'], attributes: [{ name: 'to', int: 7 }] },
        { op: 'Gather', inputs: ['table', 'place'], outputs: ['y'] },
      ],
    })
    const { metadata } = (await models.add(bytes)).model
    expect(metadata).toMatchObject({ batched: true, independentRows: false })
    expect(metadata.outputs[0]!.dims).toEqual([null, 2])
  })

  test("several targets that are declared as one, as scikit-learn's forests are, are described as they come", async () => {
    const described = async (declared: number | string) => {
      const bytes = buildModel({
        inputs: [features],
        outputs: [{ name: 'y', type: 'float', dims: ['', declared] }],
        nodes: [
          {
            op: 'LinearRegressor',
            domain: ml,
            inputs: ['x'],
            outputs: ['y'],
            attributes: [
              { name: 'coefficients', floats: [1, 0, 0, 1, 1, 1] },
              { name: 'targets', int: 3 },
            ],
          },
        ],
      })
      return (await models.add(bytes)).model.metadata.outputs[0]!.dims
    }
    expect(await described(1)).toEqual([null, 3])
    expect(await described('open')).toEqual([null, null]) // nobody said that it is always so many
  })

  test("labels that are declared as one, as LightGBM's converter does, are one for each row all the same", async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [
        { name: 'raw_label', type: 'string', dims: [1] },
        { name: 'raw_scores', type: 'float', dims: ['', 2] },
      ],
      nodes: [linear({ strings: ['left', 'right'] })],
    })
    const { model, codec } = await models.add(bytes, ['a', 'b'])
    expect(model.metadata).toMatchObject({ batched: true, independentRows: true })
    expect(model.metadata.outputs.map(output => output.dims)).toEqual([[null], [null, 2]])
    const rows = [
      { a: 2, b: 1 },
      { a: 1, b: 5 },
    ]
    const { predictions } = await predict(scorer, model, codec, rows, 'rows', soon())
    expect(predictions).toEqual(['right', 'left'])
  })

  test.each(['uint8', 'int64', 'bool'] as const)(
    'wide rows of %s that are scaled by the extremes of their batch are not, though every row reaches about the same ones',
    async type => {
      const extreme = (op: string, y: string) => ({
        op,
        inputs: ['f'],
        outputs: [y],
        attributes: [{ name: 'keepdims', int: 0 }],
      })
      for (const op of ['ReduceMax', 'ReduceMin']) {
        const bytes = buildModel({
          inputs: [{ name: 'x', type, dims: ['N', 300] }],
          outputs: [{ name: 'y', type: 'float', dims: ['N', 300] }],
          nodes: [
            { op: 'Cast', inputs: ['x'], outputs: ['f'], attributes: [{ name: 'to', int: 1 }] },
            extreme(op, 'of_all'),
            { op: 'Sub', inputs: ['f', 'of_all'], outputs: ['y'] },
          ],
        })
        expect((await models.add(bytes)).model.metadata).toMatchObject({ batched: true, independentRows: false })
      }
      const alone = buildModel({
        inputs: [{ name: 'x', type, dims: ['N', 300] }],
        outputs: [{ name: 'y', type: 'float', dims: ['N', 300] }],
        nodes: [{ op: 'Cast', inputs: ['x'], outputs: ['y'], attributes: [{ name: 'to', int: 1 }] }],
      })
      expect((await models.add(alone)).model.metadata).toMatchObject({ batched: true, independentRows: true })
    },
  )

  test('models that split text are not, though the rows that they were tried with gave no sign of it', async () => {
    const bytes = buildModel({
      opset: 20,
      inputs: [{ name: 'x', type: 'string', dims: ['N'] }],
      outputs: [
        { name: 'words', type: 'string', dims: ['N', 'L'] },
        { name: 'count', type: 'int64', dims: ['N'] },
      ],
      nodes: [{ op: 'StringSplit', inputs: ['x'], outputs: ['words', 'count'] }],
    })
    const { model, codec } = await models.add(bytes)
    expect(model.metadata).toMatchObject({ batched: true, independentRows: false })
    const texts = ['a', 'b c d', 'e f']
    const answers = await Promise.all(texts.map(x => predict(scorer, model, codec, [{ x }], 'rows', soon())))
    expect(answers.map(answer => answer.predictions[0])).toEqual(['a', ['b', 'c', 'd'], ['e', 'f']])
  })

  test('models that decide by all rows what becomes of each are not, though the rows that they were tried with never decided so', async () => {
    const y = (op: string) => ({
      graph: {
        nodes: [{ op, inputs: ['x'], outputs: [op] }],
        outputs: [{ name: op, type: 'float' as const, dims: ['N'] }],
      },
    })
    const bytes = buildModel({
      inputs: [{ name: 'x', type: 'float', dims: ['N'] }],
      outputs: [{ name: 'y', type: 'float', dims: ['N'] }],
      initializers: [{ name: 'most', type: 'float', dims: [], values: [1e6] }],
      nodes: [
        { op: 'ReduceSum', inputs: ['x'], outputs: ['sum'], attributes: [{ name: 'keepdims', int: 0 }] },
        { op: 'Greater', inputs: ['sum', 'most'], outputs: ['many'] },
        {
          op: 'If',
          inputs: ['many'],
          outputs: ['y'],
          attributes: [
            { name: 'then_branch', ...y('Neg') },
            { name: 'else_branch', ...y('Identity') },
          ],
        },
      ],
    })
    const { model, codec } = await models.add(bytes)
    expect(model.metadata).toMatchObject({ batched: true, independentRows: false })
    const rows = Array.from({ length: 40 }, (_, i) => ({ x: i % 2 ? 2e6 : 1 }))
    const answers = await Promise.all(rows.map(row => predict(scorer, model, codec, [row], 'rows', soon())))
    expect(answers.map(answer => answer.predictions[0])).toEqual(rows.map(({ x }) => (x > 1 ? -x : x)))
  })

  test('an output that is one for the whole batch means a run for each row', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [{ name: 'y', type: 'float', dims: ['M'] }],
      nodes: [
        { op: 'ReduceSum', inputs: ['x'], outputs: ['sum'], attributes: [{ name: 'keepdims', int: 0 }] },
        { op: 'Unsqueeze', inputs: ['sum', 'zero'], outputs: ['y'] },
      ],
      initializers: [{ name: 'zero', type: 'int64', dims: [1], values: [0] }],
    })
    const { model, codec } = await models.add(bytes)
    expect(model.metadata.batched).toBe(false)
    const { predictions } = await predict(
      scorer,
      model,
      codec,
      [
        { x: [[1, 2]] },
        {
          x: [
            [3, 4],
            [5, 6],
          ],
        },
      ],
      'rows',
      soon(),
    )
    expect(predictions).toEqual([3, 18])
  })

  test('columns have their names where the shares of several labels come as [labels, rows, 2], as of a forest', async () => {
    const bytes = buildModel({
      inputs: [features],
      outputs: [
        { name: 'labels', type: 'float', dims: ['', 2] },
        { name: 'shares', type: 'float', dims: [2, '', 1] },
      ],
      initializers: [{ name: 'last', type: 'int64', dims: [1], values: [2] }],
      nodes: [
        { op: 'Neg', inputs: ['x'], outputs: ['labels'] },
        { op: 'Transpose', inputs: ['x'], outputs: ['turned'] },
        { op: 'Unsqueeze', inputs: ['turned', 'last'], outputs: ['shares'] },
      ],
    })
    const { model } = await models.add(bytes, ['a', 'b'])
    expect(model.metadata.batched).toBe(false)
    const codec = compileCodec(model.metadata, ['a', 'b'], { allOutputs: true })
    const rows = [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]
    expect(await predict(scorer, model, codec, rows, 'rows', soon())).toEqual({
      predictions: [
        [-1, -2],
        [-3, -4],
      ],
      outputs: {
        labels: [
          [-1, -2],
          [-3, -4],
        ],
        shares: [
          [[[1]], [[2]]],
          [[[3]], [[4]]],
        ],
      },
    })
    // a fixed batch of several rows has no columns
    const fixed = { ...features, dims: [3, 2] }
    expect(
      await refused(
        buildModel({
          inputs: [fixed],
          outputs: [{ ...fixed, name: 'y' }],
          nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
        }),
        ['a', 'b'],
      ),
    ).toContain('[rows, features]')
  })

  test('an output that leaves out its batch of one is a row by itself', async () => {
    for (const dims of [[], undefined]) {
      const bytes = buildModel({
        inputs: [{ name: 'x', type: 'float', dims: [1, 2] }],
        outputs: [{ name: 'y', type: 'float', dims }],
        nodes: [{ op: 'ReduceSum', inputs: ['x'], outputs: ['y'], attributes: [{ name: 'keepdims', int: 0 }] }],
      })
      const { model, codec } = await models.add(bytes, ['a', 'b'])
      const rows = [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ]
      expect((await predict(scorer, model, codec, rows, 'rows', soon())).predictions).toEqual([3, 7])
    }
  })

  test("a single row's answer that leaves out its batch of one, as torch's squeeze() does, is that row's", async () => {
    for (const [row, answer] of [
      [1, 'squeezed'],
      [3, 'list'],
    ] as const) {
      const bytes = buildModel({
        inputs: [{ name: 'x', type: 'float', dims: ['N', row] }],
        outputs: [{ name: 'y', type: 'float', dims: row === 1 ? ['N'] : undefined }],
        nodes: [{ op: 'Squeeze', inputs: ['x'], outputs: ['y'] }],
      })
      const { model, codec } = await models.add(bytes)
      expect(model.metadata).toMatchObject({ batched: true, independentRows: false })
      const x = (n: number) => (answer === 'list' ? [n, n, n] : n)
      const ask = async (...values: number[]) => {
        const rows = values.map(value => ({ x: x(value) }))
        return (await predict(scorer, model, codec, rows, 'rows', soon())).predictions
      }
      expect(await ask(7)).toEqual([x(7)])
      expect(await ask(1, 2, 3)).toEqual([x(1), x(2), x(3)])
      // parts of a large request differ in shape where the last has a single row
      const many = Array.from({ length: 1025 }, (_, i) => i)
      expect(await ask(...many)).toEqual(many.map(x))
      expect(await Promise.all(many.slice(0, 40).map(n => ask(n)))).toEqual(many.slice(0, 40).map(n => [x(n)]))
    }
  })

  test('rows that the model puts together or leaves out are refused, and no error of the server', async () => {
    const bytes = buildModel({
      inputs: [{ name: 'x', type: 'float', dims: ['N'] }],
      outputs: [{ name: 'y', type: 'float', dims: ['K'] }],
      nodes: [{ op: 'Unique', inputs: ['x'], outputs: ['y'] }],
    })
    const { model, codec } = await models.add(bytes)
    const ask = (...values: number[]) =>
      predict(
        scorer,
        model,
        codec,
        values.map(x => ({ x })),
        'rows',
        soon(),
      )
    expect((await ask(1, 2)).predictions).toEqual([1, 2])
    const fault = (await ask(1, 1).catch(error => error)) as Fault
    expect([fault.status, fault.code]).toEqual([422, 'model_refused'])
  })

  test('a fixed batch of one is scored row by row, and errors keep their row numbers', async () => {
    const bytes = buildModel({
      inputs: [{ name: 'x', type: 'double', dims: [1, 2] }],
      outputs: [{ name: 'y', type: 'double', dims: [1, 2] }],
      nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
    })
    const { model, codec } = await models.add(bytes, ['a', 'b'])
    const rows = [
      { a: 1, b: 2 },
      { a: 3, b: null },
      { a: 5, b: 6 },
    ]
    const { predictions } = await predict(scorer, model, codec, rows, 'rows', soon())
    expect(predictions).toEqual([
      [-1, -2],
      [-3, null],
      [-5, -6],
    ])
    const bad = predict(scorer, model, codec, [rows[0], { a: 1 }, {}], 'rows', soon())
    const fault = (await bad.catch(error => error)) as Fault
    expect(fault.members.errors).toMatchObject([
      { row: 1, feature: 'b' },
      { row: 2, feature: 'a' },
      { row: 2, feature: 'b' },
    ])
  })
})

test('every element type goes in and comes out as it was', async () => {
  const types = {
    float: 1.5,
    double: 1e300,
    float16: 0.5,
    int32: -7,
    int64: 2n ** 60n + 1n,
    uint64: 2n ** 63n + 1n,
    uint8: 200,
    bool: true,
    string: 'é',
  }
  const names = Object.keys(types) as (keyof typeof types)[]
  const bytes = buildModel({
    inputs: names.map(type => ({ name: `in_${type}`, type, dims: ['N', 1] })),
    outputs: names.map(type => ({ name: `out_${type}`, type, dims: ['N', 1] })),
    nodes: names.map(type => ({ op: 'Identity', inputs: [`in_${type}`], outputs: [`out_${type}`] })),
  })
  const { model } = await models.add(bytes)
  const codec = compileCodec(model.metadata, undefined, { allOutputs: true })
  const row = Object.fromEntries(names.map(type => [`in_${type}`, types[type]]))
  const { outputs } = await predict(scorer, model, codec, [row, row], 'rows', soon())
  for (const type of names) expect(outputs![`out_${type}`]).toEqual([types[type], types[type]])
})
