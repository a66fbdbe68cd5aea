import type { ModelMetadata } from '../catalog/tensor.ts'
import { unprocessable } from '../lib/fault.ts'
import { isObject } from '../lib/json.ts'
import { checkFitsJson } from './answer-size.ts'
import { labelled, rowValues } from './decode.ts'
import { elementsOf, encodeLists, NO_ROW, type Row, RowErrors, worthReading, writeScalars } from './encode.ts'
import { columnsOf, type Feature, type Layout } from './features.ts'
import { type Scanned, Scanner, shortestRow } from './scan.ts'
import { allocate, elementsIn, type Tensor, type Tensors } from './tensors.ts'

export interface CodecOptions {
  /** Features that the model does not have are 422 instead of ignored. */
  strict?: boolean
  /** `probabilities` or the name of an output: what the prediction is, instead of the label or the first output. */
  output?: string
  /** Whether answers hold every output under its name. */
  allOutputs?: boolean
}

export interface Decoded {
  /** One a row. */
  predictions: unknown[]
  /** One a row, class label to number, where the model gives them. */
  probabilities?: Record<string, number>[]
  /** Every output's values, one a row. */
  outputs?: Record<string, unknown[]>
}

/** Turns request rows into tensors and a model's tensors into answers. Compiled once for an endpoint. */
export interface RowCodec {
  /** What a row holds, for validation, documents and forms. */
  readonly features: readonly Feature[]
  /** Whether rows are scored together; otherwise `encode` and `decode` take one row at a time. */
  readonly stacks: boolean
  /** The outputs that `decode` reads; undefined: all of them. */
  readonly outputs: readonly string[] | undefined
  /**
   * @param form how the caller gave them: `features` is a single row, and errors do not count rows
   * @throws Fault 422 `unacceptable_rows` with `errors: [{row, feature, message}]`
   */
  encode(rows: readonly unknown[], form: 'rows' | 'features'): Tensors
  /** @throws Fault 422 `answer_too_large`, `model_refused` */
  decode(outputs: Tensors, count: number): Decoded
  /**
   * The same as parsing a body and encoding its rows, where that is quickly done: numbers for a model of floats.
   * @returns undefined: not so simple or so short, or wrong; `encode` tells
   */
  scan(body: Uint8Array): { feeds: Tensors; rows: number } | undefined
  /** How many rows a body of this length can hold at most, at least 1; what holds more is refused. */
  mostRows(length: number): number
}

/** @throws Fault 422: features that do not fit the model, or an `output` that it does not have */
export function compileCodec(
  metadata: ModelMetadata,
  features?: readonly string[],
  options: CodecOptions = {},
): RowCodec {
  const layout = columnsOf(metadata, features)
  const chosen = predictionOf(metadata, options.output)
  const classifier = metadata.classifier
  const shares = classifier?.probabilities
  const labels = classifier?.labels ?? []
  const needed = [...new Set([chosen, ...(shares ? [shares] : [])])]
  const ranks = new Map(metadata.outputs.map(({ name, dims }) => [name, dims.length]))
  const values = (name: string, tensor: Tensor, count: number) =>
    rowValues(tensor, count, countsRows(layout.axis, tensor, count, ranks.get(name)))
  const scanner = scannerOf(layout)
  const shortest = shortestRow(layout.features.map(feature => feature.name))
  return {
    features: layout.features,
    stacks: layout.axis === 'rows',
    outputs: options.allOutputs || needed.length === metadata.outputs.length ? undefined : needed,
    scan(body) {
      const scanned = body.length > MOST_BYTES_SCANNED ? undefined : scanner?.scan(body)
      return scanned && { feeds: scannedFeeds(layout, metadata, scanned), rows: scanned.rows }
    },
    mostRows: length => Math.max(1, Math.floor((length - EMPTY_ROWS) / (shortest + 1))),
    encode: (rows, form) => encodeRows(layout, metadata, rows, form, options.strict),
    decode(outputs, count) {
      checkFitsJson(elementsIn(outputs))
      const decoded: Decoded = { predictions: values(chosen, outputs[chosen]!, count) }
      const scores = shares === undefined ? undefined : outputs[shares]
      if (scores && scores.data.length === count * labels.length) {
        const probabilities = new Array<Record<string, number>>(count)
        for (let r = 0; r < count; r++) probabilities[r] = labelled(scores, r, labels)
        decoded.probabilities = probabilities
      }
      if (options.allOutputs)
        decoded.outputs = Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, values(name, t, count)]))
      return decoded
    },
  }
}

/** An output may leave out the dimension of a batch of one. */
function countsRows(axis: Layout['axis'], { dims }: Tensor, count: number, rank = 0): boolean {
  if (axis === 'rows') return count > 1 || dims.length >= rank
  return axis === 'one' && dims[0] === 1
}

/** The output that is answered; undefined: the model has none that is called so. */
function outputCalled({ outputs, classifier }: ModelMetadata, wanted?: string): string | undefined {
  if (wanted === undefined) return classifier?.label ?? outputs[0]!.name
  if (outputs.some(output => output.name === wanted)) return wanted
  return wanted === 'probabilities' ? classifier?.probabilities : undefined
}

/** Whether the model's predictions can be this output. */
export const hasOutput = (metadata: ModelMetadata, wanted?: string): boolean =>
  outputCalled(metadata, wanted) !== undefined

function predictionOf(metadata: ModelMetadata, wanted?: string): string {
  const output = outputCalled(metadata, wanted)
  if (output !== undefined) return output
  const names = metadata.outputs.map(({ name }) => name).join(', ')
  throw unprocessable(`The model has no such output; it has ${names}.`, {}, 'unknown_output')
}

function encodeRows(
  layout: Layout,
  metadata: ModelMetadata,
  given: readonly unknown[],
  form: 'rows' | 'features',
  strict = false,
): Tensors {
  const errors = new RowErrors(form === 'features')
  const { features } = layout
  const rows = worthReading(objects(given, errors), features.length)
  const tensors: Tensors = {}
  if (layout.columns) {
    const input = metadata.inputs[0]!
    const width = features.length
    const data = allocate(input.type, rows.length * width)
    const elements = elementsOf(input.type, data)
    for (let f = 0; f < width; f++) writeScalars(input.type, features[f]!.name, rows, elements, f, width, errors)
    tensors[input.name] = {
      type: input.type,
      dims: input.dims.length === 1 ? [rows.length] : [rows.length, width],
      data,
    }
  } else
    for (let f = 0; f < features.length; f++) {
      const { name, type, shape } = features[f]!
      if (shape.length === 0) {
        const data = allocate(type, rows.length)
        writeScalars(type, name, rows, elementsOf(type, data), 0, 1, errors)
        tensors[name] = { type, dims: scalarDims(metadata.inputs[f]!.dims, rows.length, layout.axis), data }
      } else {
        const { dims, data } = encodeLists(type, name, shape, rows, errors)
        tensors[name] = { type, dims: layout.axis === 'none' ? dims.slice(1) : dims, data }
      }
    }
  if (strict) refuseExtras(rows, features, errors)
  errors.throwIfAny()
  return tensors
}

/** What is longer takes more than the some 10 ms that others should wait for it. */
const MOST_BYTES_SCANNED = 1024 * 1024

/** `{"rows":[]}` without the comma that the last row lacks */
const EMPTY_ROWS = 10

/** Rows that stack, of floats that are no lists: what a scanner reads. */
const scannerOf = ({ axis, features }: Layout): Scanner | undefined =>
  axis === 'rows' && features.every(({ type, shape }) => type === 'float32' && shape.length === 0)
    ? new Scanner(features.map(feature => feature.name))
    : undefined

function scannedFeeds({ columns, features }: Layout, { inputs }: ModelMetadata, { values, rows }: Scanned): Tensors {
  const width = features.length
  const feeds: Tensors = {}
  for (const [f, { name, dims }] of inputs.entries()) {
    const data = columns || width === 1 ? values : columnOf(values, rows, f)
    feeds[name] = { type: 'float32', dims: dims.length === 1 ? [rows] : [rows, columns ? width : 1], data }
  }
  return feeds
}

function columnOf(values: Float32Array, rows: number, column: number): Float32Array {
  const width = values.length / rows
  const own = new Float32Array(rows)
  for (let r = 0; r < rows; r++) own[r] = values[r * width + column]!
  return own
}

/** [N] or [N, 1], as the input is declared; a model without a row dimension has its own [] or [1]. */
function scalarDims(declared: (number | null)[], rows: number, axis: Layout['axis']): number[] {
  if (axis === 'none') return declared.map(() => 1)
  return declared.length === 1 ? [rows] : [rows, 1]
}

function objects(given: readonly unknown[], errors: RowErrors): readonly Row[] {
  let clean = true
  for (let r = 0; r < given.length; r++) {
    const row = given[r]
    if (isObject(row)) continue
    errors.add(r, undefined, 'An object of named features is expected.')
    clean = false
  }
  if (clean) return given as readonly Row[]
  return given.map(row => (isObject(row) ? row : NO_ROW))
}

function refuseExtras(rows: readonly Row[], features: readonly Feature[], errors: RowErrors): void {
  const known = new Set(features.map(feature => feature.name))
  for (let r = 0; r < rows.length; r++)
    for (const name of Object.keys(rows[r]!))
      if (!known.has(name)) errors.add(r, shown(name), 'The model has no such feature.')
}

/** A name from outside, made short and plain. */
const shown = (name: string) => {
  const plain = name.replace(/[^\w .:()/%+-]/g, '?')
  return plain.length > 64 ? `${plain.slice(0, 63)}…` : plain
}
