/** The author's code around a model: `check` may refuse rows, `before` makes the model's rows, `after` makes the answers. */
import { HOOKS } from '../catalog/handler.ts'
import type { ModelEndpoint } from '../catalog/service-config.ts'
import { holdsInfinity, isObject, stringifyLossless } from '../lib/json.ts'
import { shown } from '../lib/text.ts'
import { overLimit } from '../sandbox/job.ts'
import { RowErrors } from '../scoring/encode.ts'
import type { Feature } from '../scoring/features.ts'
import type { GivenRows } from '../scoring/rows.ts'
import type { HandlerCall, ModelHooks, Surroundings } from './endpoint.ts'
import { checkDepth, compileHandler, HandlerFault, hookValue, limitsOf, readAnswer, withinDepth } from './handler.ts'
import type { EndpointRuntime } from './runtime.ts'

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
      const request = withinDepth(() => stringifyLossless(input))
      checkDepth(request)
      const ran = await run(request, call)
      call.log?.push(...ran.log)
      return readAnswer(ran, hookValue)
    }
  })

  const limits = HOOKS.flatMap(hook => (endpoint[hook] ? [limitsOf(endpoint[hook].limits ?? {})] : []))
  const tightest = limits.reduce((least, other) => (other.memoryBytes < least.memoryBytes ? other : least))

  async function prepared(
    rows: readonly unknown[],
    call: HandlerCall,
    form: GivenRows['form'] = 'rows',
  ): Promise<readonly unknown[]> {
    withinDepth(() => refuseInfinities(rows, form))
    await check?.({ rows }, call)
    if (!before) return rows
    const made = await before({ rows }, call)
    if (!Array.isArray(made) || made.length !== rows.length || !made.every(isObject))
      throw new HandlerFault({ name: 'Error', message: '`before` returns a list of rows, one for each that it got' })
    return made
  }

  return {
    after: after !== undefined,
    checkRoom(rows, features) {
      const row = features.reduce((sum, feature) => sum + leastBytes(feature), OBJECT_BYTES)
      if (rows * row > tightest.memoryBytes) throw overLimit('memory', tightest)
    },
    prepared,
    async predict(rows, score, call, form) {
      const made = await prepared(rows, call, form)
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

/** The code would be given null for a number beyond a double, and the model a NaN. @throws Fault 422, as of the model itself */
function refuseInfinities(rows: readonly unknown[], form: GivenRows['form']): void {
  const errors = new RowErrors(form === 'features')
  for (const [r, row] of rows.entries())
    if (isObject(row) && holdsInfinity(row))
      for (const [name, value] of Object.entries(row))
        if (holdsInfinity(value)) errors.add(r, shown(name), 'The number is too large.')
  errors.throwIfAny()
}

/** What an object or a list takes in the engine, and an element of one there and in its JSON: less than they ever do. */
const OBJECT_BYTES = 48
const ELEMENT_BYTES = 8 + 2
/** The quotes of a name in JSON, the colon, a value, and what parts it from the next. */
const AROUND_A_NAME = 5

const leastBytes = ({ name, shape }: Feature): number =>
  name.length +
  AROUND_A_NAME +
  (shape.length > 0 ? OBJECT_BYTES + ELEMENT_BYTES * shape.reduce<number>((size, dim) => size * (dim ?? 0), 1) : 0)
