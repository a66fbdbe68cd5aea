import type { InferenceSession } from 'onnxruntime-node'
import type { TensorSpec } from '../catalog/tensor.ts'
import { type Runtime, run } from './session.ts'
import { allocate, concatRows, type Tensor, type Tensors, volume } from './tensors.ts'

export interface Probe {
  /** Whether axis 0 of every input and output is one open batch dimension. */
  batched: boolean
  /** Whether rows scored together and alone gave the same answers. */
  independentRows: boolean
  /** Dimensions of outputs of which the file does not say any, or other ones than they have. */
  dims: Record<string, (number | null)[]>
}

export interface ProbeSubject {
  inputs: TensorSpec[]
  outputs: TensorSpec[]
  /** Outputs whose number of dimensions the file states; the session gives [] for the others. */
  ranked: Set<string>
  /** For each input, the names of its open dimensions ('' where closed or unnamed): equal names mean equal lengths. */
  symbols: Record<string, string[]>
  operators: Set<string>
}

/**
 * Rows are drawn from different ranges, so that one which is held against its batch mates (their mean, their largest value)
 * shows it: floats at different scales, integers and texts from a part of what is guessed.
 */
const RANGES = [
  { scale: 1, from: 0, to: 1 },
  { scale: 30, from: 0, to: 0.5 },
  { scale: 0.1, from: 0.5, to: 1 },
  { scale: 1000, from: 0, to: 1 },
  { scale: 3, from: 0, to: 1 },
]
type Range = (typeof RANGES)[number]
/** What a model may ask of its values is not written in the file: try the likely ones in turn. */
const GUESSES = [
  { length: 2, integers: 4, texts: ['a', 'b', 'c'] },
  { length: 2, integers: 2, texts: ['1', '2', '3'] },
  { length: 8, integers: 2, texts: ['1', '2', '3'] },
  { length: 1, integers: 1, texts: ['0'] },
]
type Guess = (typeof GUESSES)[number]
/** A model this slow is not worth holding up its upload for. */
const SLOW_MS = 2500
/** Scales, sizes of what comes out, or decisions, that are those of all rows in a run: made-up values may not show it. */
const TOGETHER = /^(DynamicQuantize|(StringSplit|Tokenizer|NonZero|Unique|Compress|NonMaxSuppression|If|Loop)$)/
const ROUNDS = [
  { seed: 1, gaps: false },
  { seed: 2, gaps: false },
]
/** Where numbers are missing, a model may put in what the rows beside have: no operator says so, `x == x` finds them too. */
const WITH_GAPS = { seed: 3, gaps: true }
/** Of a model that fails at some, it is not known what it does with others. */
const LOOKS_FOR_GAPS = 'IsNaN'

/** torch.onnx.export makes it up, another one for each input, where `dynamic_axes` lists axes without names. */
const MADE_UP = /_dynamic_axes_\d+$/

/** Whether all inputs have one open first dimension. @param named whether a name that was made up says that it is another one */
function takesRows({ inputs, symbols }: ProbeSubject, named = true): boolean {
  const names = inputs.map(input => symbols[input.name]?.[0])
  const batch = new Set(names.filter(name => name && (named || !MADE_UP.test(name))))
  return batch.size <= 1 && inputs.every(input => input.dims[0] === null)
}

/** Whether the declared shapes say that rows stack. */
export function stacks(subject: ProbeSubject): boolean {
  const { outputs, ranked } = subject
  return (
    takesRows(subject) &&
    outputs.every(output =>
      ranked.has(output.name) ? output.dims[0] === null : output.dims.length === 0 || output.dims[0] === null,
    )
  )
}

/**
 * Scores made-up rows alone and together. What cannot be proven counts as not so: at worst a model goes without batching
 * across callers. What the file says of its outputs is not believed: nothing holds a model to it. LightGBM's converter
 * declares the labels of any number of rows as [1], and skl2onnx several targets of a forest as one.
 */
export async function probeRows(runtime: Runtime, session: InferenceSession, subject: ProbeSubject): Promise<Probe> {
  const unproven: Probe = { batched: stacks(subject), independentRows: false, dims: {} }
  if (!takesRows(subject, false)) return unproven
  const deadline = performance.now() + SLOW_MS
  for (const guess of GUESSES) {
    if (performance.now() > deadline) break
    try {
      const probe = await compare(subject, guess, deadline, feeds => run(runtime, session, feeds))
      // without proof, axes with names of their own may have lengths of their own, as queries and documents have
      return probe && (probe.independentRows || takesRows(subject)) ? probe : unproven
    } catch {} // the model does not take such values
  }
  return unproven
}

type Score = (feeds: Tensors) => Promise<Tensors>

/** @returns undefined: there was no time for it */
async function compare(
  subject: ProbeSubject,
  guess: Guess,
  deadline: number,
  score: Score,
): Promise<Probe | undefined> {
  const dims: Probe['dims'] = {}
  let agree = ![...subject.operators].some(operator => TOGETHER.test(operator))
  let varied = false
  // what cannot be proven is not tried: a loop may never end at a missing number
  for (const { seed, gaps } of agree && subject.inputs.some(isFloat) ? [...ROUNDS, WITH_GAPS] : ROUNDS) {
    const random = generator(seed)
    const rows = RANGES.map(range => makeRow(subject, guess, range, random, gaps))
    const alone: Tensors[] = []
    for (const row of rows) {
      const one = await score(row).catch(error => {
        if (!gaps) throw error
      })
      // it takes numbers only, and they have been tried
      if (!one)
        return { batched: true, independentRows: agree && varied && !subject.operators.has(LOOKS_FOR_GAPS), dims }
      alone.push(one)
      if (performance.now() > deadline) return seed === 1 ? undefined : { batched: true, independentRows: false, dims }
    }
    for (const order of [rows.map((_, i) => i), rows.map((_, i) => rows.length - 1 - i)]) {
      // it took each row alone: if it fails now, rows do not stack
      const together = await score(stack(order.map(i => rows[i]!))).catch(() => undefined)
      if (!together || !isBatch(together, rows.length) || !alone.every(one => isRow(one, together, rows.length)))
        return gaps
          ? { batched: true, independentRows: false, dims }
          : { batched: false, independentRows: false, dims: {} }
      agree &&= order.every((row, place) => sameRow(together, place, alone[row]!))
      noteDims(dims, subject, together)
    }
    varied ||= !gaps && alone.some(one => !sameRow(one, 0, alone[0]!))
  }
  return { batched: true, independentRows: agree && varied, dims }
}

const isFloat = ({ type }: TensorSpec) => type.startsWith('float')

const isBatch = (tensors: Tensors, rows: number) => Object.values(tensors).every(tensor => tensor.dims[0] === rows)

/** A single row's answer may leave out its batch of one: torch's `squeeze()` takes every dimension of one away. */
const isRow = (one: Tensors, together: Tensors, rows: number) =>
  Object.entries(together).every(([name, { dims, data }]) => {
    const own = one[name]!
    return own.dims.length < dims.length ? own.data.length * rows === data.length : own.dims[0] === 1
  })

function noteDims(dims: Probe['dims'], { inputs, outputs, ranked }: ProbeSubject, scored: Tensors): void {
  const open = inputs.some(input => input.dims.slice(1).includes(null))
  for (const { name, dims: declared } of outputs) {
    const row = scored[name]!.dims.slice(1)
    const said = ranked.has(name) ? declared.slice(1) : undefined
    const fits = said?.length === row.length && said.every((dim, i) => dim === null || dim === row[i])
    dims[name] = [null, ...(fits ? said : row.map(dim => (open ? null : dim)))]
  }
}

function stack(rows: Tensors[]): Tensors {
  const stacked: Tensors = {}
  for (const name in rows[0]) stacked[name] = concatRows(rows.map(row => row[name]!))
  return stacked
}

/** @param gaps whether about half of the floats are missing */
function makeRow(
  { inputs, symbols }: ProbeSubject,
  guess: Guess,
  { scale, from, to }: Range,
  random: () => number,
  gaps: boolean,
): Tensors {
  const row: Tensors = {}
  const float = () => (gaps && random() < 0.5 ? Number.NaN : (random() * 2 - 1) * scale)
  const below = (count: number) => Math.floor((from + random() * (to - from)) * count)
  for (const { name, type, dims } of inputs) {
    const shape = [1, ...dims.slice(1).map((dim, i) => dim ?? lengthOf(symbols[name]?.[i + 1] ?? '', guess))]
    const data = allocate(type, volume(shape))
    for (let i = 0; i < data.length; i++) {
      if (Array.isArray(data)) data[i] = guess.texts[below(guess.texts.length)]!
      else if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(below(guess.integers))
      else if (type === 'float16') data[i] = new Uint16Array(new Float16Array([float()]).buffer)[0]!
      else if (type === 'float32' || type === 'float64') data[i] = float()
      else data[i] = below(type === 'bool' ? 2 : guess.integers)
    }
    row[name] = { type, dims: shape, data }
  }
  return row
}

/** Open dimensions that hold what was gone before (a cache of past steps) may be empty; any other has the guessed length. */
const lengthOf = (symbol: string, guess: Guess) => (/past/i.test(symbol) ? 1 : guess.length)

function sameRow(batch: Tensors, place: number, single: Tensors): boolean {
  for (const name in single) {
    const one = single[name]!
    const many = batch[name]
    if (!many || many.dims.length !== one.dims.length || many.dims.some((dim, i) => i > 0 && dim !== one.dims[i]))
      return false
    const from = place * one.data.length
    const [a, b] = [numbers(one), numbers(many)]
    for (let i = 0; i < one.data.length; i++) if (!close(a[i]!, b[from + i]!, one.type)) return false
  }
  return true
}

const numbers = ({ type, data }: Tensor): ArrayLike<number | bigint | string> =>
  type === 'float16'
    ? new Float16Array((data as Uint16Array).buffer, (data as Uint16Array).byteOffset, data.length)
    : data

function close(a: number | bigint | string, b: number | bigint | string, type: Tensor['type']): boolean {
  if (Object.is(a, b) || a === b) return true
  if (typeof a !== 'number' || typeof b !== 'number' || !type.startsWith('float')) return false
  const tolerance = type === 'float16' ? 1e-2 : 1e-4
  return Math.abs(a - b) <= tolerance * Math.max(0.1, Math.abs(a), Math.abs(b))
}

/** mulberry32: the same numbers at every run, so that adding a model twice says the same of it. */
function generator(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
