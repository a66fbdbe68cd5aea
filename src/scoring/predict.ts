import { Fault, unprocessable } from '../lib/fault.ts'
import { fittingJson } from './answer-size.ts'
import type { Decoded, RowCodec } from './codec.ts'
import { MAX_ERRORS, type RowError } from './encode.ts'
import type { JobOptions, ScoringModel } from './job.ts'
import type { GivenRows } from './rows.ts'
import type { Tensors } from './tensors.ts'

/** As much as is needed of a `Scorer`. */
interface RemoteScorer {
  score(model: ScoringModel, feeds: Tensors, rows: number, options: RemoteOptions): Promise<Tensors>
  scoreEach(model: ScoringModel, runs: readonly Tensors[], options: RemoteOptions): Promise<Tensors[]>
}
type RemoteOptions = JobOptions & { outputs?: readonly string[] }

/**
 * Rows to predictions, scored in the scoring processes.
 * @throws Fault as `RowCodec.encode` and `Scorer.score`
 */
export const predict = async (
  scorer: RemoteScorer,
  model: ScoringModel,
  codec: RowCodec,
  rows: readonly unknown[],
  form: GivenRows['form'],
  { deadline, caller }: JobOptions,
): Promise<Decoded> =>
  predictWith(
    {
      score: (feeds, count, outputs) => scorer.score(model, feeds, count, { deadline, caller, outputs }),
      each: (runs, outputs) => scorer.scoreEach(model, runs, { deadline, caller, outputs }),
    },
    codec,
    { rows, form },
  )

/**
 * Scores tensors, wherever that is.
 * @param rows how many they hold
 * @param outputs which are wanted; all of them where it is absent
 */
export type ScoreTensors = (feeds: Tensors, rows: number, outputs?: readonly string[]) => Promise<Tensors>

/**
 * Scores each of them in a run of its own, for answers in JSON.
 * @throws Fault 422 all of them together are too much for that
 */
export type ScoreEach = (runs: readonly Tensors[], outputs?: readonly string[]) => Promise<Tensors[]>

export interface Scoring {
  score: ScoreTensors
  /** absent: by `score`, all at once */
  each?: ScoreEach
}

/**
 * Rows to predictions, for every kind of model: in one go where rows stack, otherwise a run for each row.
 * @throws Fault as `RowCodec.encode`; 422 `answer_too_large`; what `score` throws
 */
export async function predictWith(
  { score, each }: Scoring,
  codec: RowCodec,
  { rows, form }: GivenRows,
): Promise<Decoded> {
  const { outputs, stacks } = codec
  if (stacks || rows.length === 1)
    return codec.decode(await score(codec.encode(rows, form), rows.length, outputs), rows.length)
  const runs = encodeSingly(codec, rows, form)
  const scored = await (each ? someAtATime(each) : all(score))(runs, outputs)
  return merge(scored.map(one => codec.decode(one, 1)))
}

/** What goes from process to process is read there in one go, and must not hold up everybody. */
const MOST_RUNS = 4096

const someAtATime =
  (each: ScoreEach): ScoreEach =>
  async (runs, outputs) => {
    const fitting = fittingJson()
    const scored: Tensors[] = []
    for (let from = 0; from < runs.length; from += MOST_RUNS)
      for (const one of await each(runs.slice(from, from + MOST_RUNS), outputs)) scored.push(fitting(one))
    return scored
  }

const all =
  (score: ScoreTensors): ScoreEach =>
  (runs, outputs) => {
    const fitting = fittingJson()
    return Promise.all(runs.map(feeds => score(feeds, 1, outputs).then(fitting)))
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
