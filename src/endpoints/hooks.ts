/** The author's code around a model: `check` may refuse rows, `before` makes the model's rows, `after` makes the answers. */
import { HOOKS } from '../catalog/handler.ts'
import type { ModelEndpoint } from '../catalog/service-config.ts'
import { stringifyLossless } from '../lib/json.ts'
import type { HandlerCall, ModelHooks, Surroundings } from './endpoint.ts'
import { checkDepth, compileHandler, HandlerFault, hookValue, readAnswer } from './handler.ts'
import type { EndpointRuntime } from './runtime.ts'

type Row = Record<string, unknown>

/** @returns undefined: it has none. @throws Fault 422 code that is no handler */
export function compileHooks(
  endpoint: ModelEndpoint,
  surroundings: Surroundings,
  runtime: EndpointRuntime,
  published: boolean,
): ModelHooks | undefined {
  if (HOOKS.every(hook => endpoint[hook] === undefined)) return undefined
  const [check, before, after] = HOOKS.map(hook => {
    const config = endpoint[hook]
    if (!config) return undefined
    const run = compileHandler(config, hook, surroundings, runtime, published)
    return async (input: object, call: HandlerCall) => {
      const request = stringifyLossless(input)
      checkDepth(request)
      const ran = await run(request, call)
      call.log?.push(...ran.log)
      return readAnswer(ran, hookValue)
    }
  })

  async function prepared(rows: readonly unknown[], call: HandlerCall): Promise<readonly unknown[]> {
    await check?.({ rows }, call)
    if (!before) return rows
    const made = await before({ rows }, call)
    if (!Array.isArray(made) || made.length !== rows.length || !made.every(isRow))
      throw new HandlerFault({ name: 'Error', message: '`before` returns a list of rows, one for each that it got' })
    return made
  }

  return {
    after: after !== undefined,
    prepared,
    async predict(rows, score, call) {
      const made = await prepared(rows, call)
      const decoded = await score(made)
      if (!after) return decoded
      const { predictions, probabilities } = decoded
      const answers = await after({ predictions, probabilities, rows: made, input: rows }, call)
      if (!Array.isArray(answers) || answers.length !== rows.length)
        throw new HandlerFault({ name: 'Error', message: '`after` returns a list, with one answer for each row' })
      return { predictions: answers }
    },
  }
}

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)
