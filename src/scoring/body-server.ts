import { cut, headOf, readHead } from '../workers/heads.ts'
import { serveParent } from '../workers/serve.ts'
import type { AskHead, BeginHead, Form, FormModel } from './bodies.ts'
import { inParts } from './parts.ts'
import type { ScoreTensors } from './predict.ts'
import type { Tensors } from './tensors.ts'
import { packed, unpackTensors } from './wire.ts'

const MAX_MODELS = 1000
const encoder = new TextEncoder()

/**
 * The child's side of bodies.ts.
 * @param modelOf makes what a form needs to know of a recipe's text
 */
export function serveBodies(forms: readonly Form<never>[], modelOf: (recipe: Uint8Array) => FormModel): void {
  serveParent((_init: undefined, ask) => {
    const models = new Map<number, FormModel>()
    return {
      exchange: async (payload: Uint8Array<ArrayBuffer>) => {
        const { head, at } = readHead<BeginHead>(payload)
        const { job, size } = head
        const [text, body] = cut(payload, at, head.lengths)
        const model = models.get(head.recipe) ?? modelOf(text!)
        if (models.size >= MAX_MODELS) models.clear()
        models.set(head.recipe, model)
        const scored = async (sets: readonly Tensors[], about: Pick<AskHead, 'rows' | 'runs' | 'outputs'>) => {
          const { specs, parts } = packed(sets)
          const asked = { job, ...about, feeds: specs } satisfies AskHead
          return unpackTensors(await ask([...headOf(asked), ...parts]), sets.length)
        }
        const score: ScoreTensors = async (tensors, rows, outputs) => (await scored([tensors], { rows, outputs }))[0]!
        const form = forms.find(({ formName }) => formName === head.form)!
        const answered = await form.answer({
          body: body!,
          given: head.given as never,
          model,
          score: (tensors, rows, outputs) =>
            rows <= size || !model.metadata.independentRows
              ? score(tensors, rows, outputs)
              : inParts(rows, size, tensors, undefined, (part, count) => score(part, count, outputs)),
          each: (runs, outputs) => scored(runs, { rows: runs.length, runs: runs.length, outputs }),
          room() {},
        })
        const bytes = typeof answered.body === 'string' ? encoder.encode(answered.body) : answered.body
        return [...headOf(answered.head), bytes]
      },
    }
  })
}
