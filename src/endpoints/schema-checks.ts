import type { JsonSchema } from '../catalog/service-config.ts'
import { notJson } from '../lib/body.ts'
import { steadyOf } from '../lib/deadline.ts'
import { deadlinePassed, type Fault, unavailable } from '../lib/fault.ts'
import { isLonger, stringifyLossless } from '../lib/json.ts'
import { cpuTimeOf } from '../lib/machine.ts'
import { Turns } from '../lib/turns.ts'
import { Child, lostAs } from '../workers/child.ts'
import { headOf, readHead } from '../workers/heads.ts'
import { OnDemand } from '../workers/on-demand.ts'
import { REST_MS, tooSlow } from './bounded-schema.ts'
import type { ServedVersion } from './endpoint.ts'
import { compileRowSchema, compileSchema, withinSchema } from './row-schema.ts'
import { longestText } from './schema-risk.ts'

/** A schema that the other process checks by, in the way of a `kind` (`protocols/schema-child.ts`). */
export interface SentSchema {
  id: number
  /** a function's body or answer; rows of a model; a request at porter's door */
  kind: 'body' | 'rows' | 'porter'
  text: Uint8Array
}

export interface CheckHead extends Pick<SentSchema, 'id' | 'kind'> {
  lengths: [schema: number, json: number]
}

/** Reading more takes longer than others should wait: some 10 ms. */
export const MOST_READ_HERE = 256 * 1024
/** Characters or bytes of all that wait. */
const MOST_WAITING = 256 * 1024 * 1024
/** One check has this long, and a millisecond more for each 1000 bytes; of CPU, where the machine gives less of it than there is time. */
const CHECK_MS = 1000
const MIN_LOOK_MS = 10
const encoder = new TextEncoder()
let ids = 0
const sentOf = (kind: SentSchema['kind'], given: unknown): SentSchema => ({
  id: ids++,
  kind,
  text: encoder.encode(JSON.stringify(given)),
})
const lost = lostAs('The process that checks bodies ended.')
const ANYTHING = sentOf('body', { schema: true, name: 'body' })

/** Checks JSON against authors' schemas in a process of its own (`worker schema`), one after the other: one without an end is ended. */
export class SchemaChecks {
  readonly #turns = new Turns(1)
  readonly #process = new OnDemand(() => Child.start('schema', undefined))
  #waiting = 0

  /**
   * @param schema absent: whether it is JSON at all
   * @param deadline milliseconds since the epoch
   * @returns what is wrong with a function's body, as `compileSchema` says it.
   * @throws Fault 422 what is wrong with others; 400 no JSON; 500 `schema_too_slow`; 503; 504
   */
  async check(json: string | Uint8Array, deadline: number, schema = ANYTHING): Promise<string | undefined> {
    if (this.#waiting > 0 && this.#waiting + json.length > MOST_WAITING)
      throw unavailable('Too many large bodies wait; try again shortly.')
    this.#waiting += json.length
    const until = steadyOf(deadline)
    try {
      return await this.#turns.run(async () => {
        if (performance.now() >= until) throw deadlinePassed()
        return this.#process.use(child => exchange(child, json, until, schema))
      })
    } catch (error) {
      return lost(error)
    } finally {
      this.#waiting -= json.length
    }
  }

  close(): void {
    void this.#process.close()
  }
}

/** @param until as performance.now() */
async function exchange(child: Child, json: string | Uint8Array, until: number, { id, kind, text }: SentSchema) {
  const bytes = typeof json === 'string' ? encoder.encode(json) : json
  const head: CheckHead = { id, kind, lengths: [text.length, bytes.length] }
  const most = CHECK_MS + bytes.length / 1000
  const before = cpuTimeOf(child.pid) ?? Number.NEGATIVE_INFINITY
  let ended: Fault | undefined
  const look = () => {
    const rest = most - ((cpuTimeOf(child.pid) ?? Number.POSITIVE_INFINITY) - before)
    const left = until - performance.now()
    if (rest > 0 && left > 0) timer = setTimeout(look, Math.max(MIN_LOOK_MS, Math.min(rest, left)))
    else {
      ended = rest > 0 ? deadlinePassed() : tooSlow()
      child.kill()
    }
  }
  let timer = setTimeout(look, most)
  try {
    return readHead<{ wrong?: string }>(await child.exchange([...headOf(head), text, bytes])).head.wrong
  } catch (error) {
    throw ended ?? error
  } finally {
    clearTimeout(timer)
  }
}

/** @returns what is wrong with a body, at once where that is quickly said; absent: there is nothing to check */
type BodyCheck = (json: string | undefined, deadline: number) => string | undefined | Promise<string | undefined>

/** @throws Fault 422 a schema that is none */
export function compileBodyCheck(
  schema: JsonSchema | undefined,
  name: string,
  checks: () => SchemaChecks,
): BodyCheck | undefined {
  const check = compileSchema(schema, name)
  if (!check) return undefined
  const there = checkedElsewhere('body', { schema, name }, checks)
  const longest = longestHere(schema)
  return (json, deadline) =>
    json === undefined || json.length <= longest ? check(parsed(json)) : there(json, deadline)
}

/** Rows against a model's schema: many, or such as take long, in the other process. @throws Fault as `compileRowSchema`'s */
export function compileRowCheck(schema: JsonSchema | undefined, checks: () => SchemaChecks): ServedVersion['check'] {
  const here = compileRowSchema(schema)
  if (schema === undefined) return here
  const there = checkedElsewhere('rows', schema, checks)
  const longest = longestHere(schema)
  return (rows, form, deadline = Number.POSITIVE_INFINITY) => {
    if (!isLonger(rows, longest)) return here(rows, form)
    const json = withinSchema(() => stringifyLossless(form === 'rows' ? { rows } : { features: rows[0] }))
    return there(json, deadline).then(() => {})
  }
}

/** Up to how many bytes JSON is held against a schema in this process. */
export const longestHere = (schema: unknown): number => Math.min(MOST_READ_HERE, longestText(schema))

/** A schema in the other process. @param given what the kind of check is made of */
export function checkedElsewhere(kind: SentSchema['kind'], given: unknown, checks: () => SchemaChecks) {
  const sent = sentOf(kind, given)
  const resting = rest()
  return (json: string | Uint8Array, deadline: number) => resting(() => checks().check(json, deadline, sent))
}

/** Where one check took too long the next are not made for a while: each would keep everybody else's waiting. */
function rest() {
  let until = 0
  return <T>(check: () => Promise<T>): Promise<T> => {
    if (performance.now() < until) throw tooSlow()
    return check().catch(error => {
      if (error.code === 'schema_too_slow') until = performance.now() + REST_MS
      throw error
    })
  }
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json)
  } catch {
    throw notJson(json)
  }
}
