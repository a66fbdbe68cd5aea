import { Fault, unprocessable } from '../lib/fault.ts'
import type { Decoded, RowCodec } from './codec.ts'
import type { RowError } from './encode.ts'
import type { ScoreOptions, Scorer, ScoringModel } from './scorer.ts'
import type { Tensors } from './tensors.ts'

const MAX_ERRORS = 100

/**
 * Rows to predictions, for every kind of model: in one go where rows stack, otherwise a run for each row.
 * @throws Fault as `RowCodec.encode` and `Scorer.score`
 */
export function predict(
  scorer: Scorer,
  model: ScoringModel,
  codec: RowCodec,
  rows: readonly unknown[],
  form: 'rows' | 'features',
  options: Omit<ScoreOptions, 'outputs'>,
): Promise<Decoded> {
  const scoring: ScoreOptions = { deadline: options.deadline, caller: options.caller, outputs: codec.outputs }
  if (codec.stacks || rows.length === 1)
    return scorer
      .score(model, codec.encode(rows, form), rows.length, scoring)
      .then(outputs => codec.decode(outputs, rows.length))
  const runs = encodeSingly(codec, rows, form)
  return Promise.all(
    runs.map(feeds => scorer.score(model, feeds, 1, scoring).then(outputs => codec.decode(outputs, 1))),
  ).then(merge)
}

/** Every row by itself (their lists may differ in length), with all errors together under their own row numbers. */
function encodeSingly(codec: RowCodec, rows: readonly unknown[], form: 'rows' | 'features'): Tensors[] {
  const errors: RowError[] = []
  const runs: Tensors[] = []
  let refusal: Fault | undefined
  for (let row = 0; row < rows.length && errors.length < MAX_ERRORS; row++)
    try {
      runs.push(codec.encode([rows[row]], form))
    } catch (error) {
      if (!(error instanceof Fault) || !Array.isArray(error.members.errors)) throw error
      refusal ??= row === 0 ? error : unprocessable(error.message.replace('row 0', `row ${row}`), {}, error.code)
      for (const one of error.members.errors as RowError[]) errors.push({ ...one, row })
    }
  if (refusal) throw unprocessable(refusal.message, { errors: errors.slice(0, MAX_ERRORS) }, refusal.code)
  return runs
}

function merge(answers: readonly Decoded[]): Decoded {
  const merged: Decoded = { predictions: answers.map(answer => answer.predictions[0]) }
  if (answers.every(answer => answer.probabilities))
    merged.probabilities = answers.map(answer => answer.probabilities![0]!)
  const names = Object.keys(answers[0]?.outputs ?? {})
  if (names.length)
    merged.outputs = Object.fromEntries(
      names.map(name => [name, answers.map(answer => answer.outputs?.[name]?.[0] ?? null)]),
    )
  return merged
}
