import { notJson } from '../lib/body.ts'
import { deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { Turns } from '../lib/turns.ts'
import { Child, ChildLost } from '../workers/child.ts'
import { headOf, readHead } from '../workers/heads.ts'
import { OnDemand } from '../workers/on-demand.ts'
import { REST_MS, tooSlow } from './bounded-schema.ts'
import { compileSchema } from './row-schema.ts'
import { longestText } from './schema-risk.ts'

/** A schema that the other process checks by. */
export interface SentSchema {
  id: number
  name: string
  text: Uint8Array
  /** whether it is held against each row of a list, and goes on after the first thing that is wrong */
  toTheEnd?: boolean
}

export interface CheckHead {
  toTheEnd?: boolean
  id: number
  name: string
  lengths: [schema: number, json: number]
}

/** Reading more takes longer than others should wait: some 10 ms. */
export const MOST_READ_HERE = 256 * 1024
/** One check has this long, and a millisecond more for each 1000 bytes. */
const CHECK_MS = 1000
const ANYTHING: SentSchema = { id: 0, name: 'body', text: new TextEncoder().encode('true') }
const encoder = new TextEncoder()
let ids = 1

/** Checks JSON against authors' schemas in a process of its own (`worker schema`), one after the other: one without an end is ended. */
export class SchemaChecks {
  readonly #turns = new Turns(1)
  readonly #process = new OnDemand(() => Child.start('schema', undefined))

  /**
   * @param schema absent: whether it is JSON at all
   * @param deadline milliseconds since the epoch
   * @returns what is wrong, as `compileSchema` says it. @throws Fault 400 no JSON; 500 `schema_too_slow`; 503; 504
   */
  async check(json: string, deadline: number, schema = ANYTHING): Promise<string | undefined> {
    try {
      return await this.#turns.run(async () => {
        if (Date.now() >= deadline) throw deadlinePassed()
        return this.#process.use(child => exchange(child, json, schema))
      })
    } catch (error) {
      throw error instanceof ChildLost ? unavailable('The process that checks bodies ended.', 1, error) : error
    }
  }

  close(): void {
    void this.#process.close()
  }
}

async function exchange(child: Child, json: string, { id, name, text, toTheEnd }: SentSchema) {
  const bytes = encoder.encode(json)
  const head: CheckHead = { id, name, toTheEnd, lengths: [text.length, bytes.length] }
  let late = false
  const end = setTimeout(
    () => {
      late = true
      child.kill()
    },
    CHECK_MS + bytes.length / 1000,
  )
  try {
    return readHead<{ wrong?: string }>(await child.exchange([...headOf(head), text, bytes])).head.wrong
  } catch (error) {
    throw late ? tooSlow() : error
  } finally {
    clearTimeout(end)
  }
}

/** @returns what is wrong with a body, at once where that is quickly said; absent: there is nothing to check */
export type BodyCheck = (json: string | undefined, deadline: number) => string | undefined | Promise<string | undefined>

/** @throws Fault 422 a schema that is none */
export function compileBodyCheck(
  schema: Record<string, unknown> | boolean | undefined,
  name: string,
  checks: () => SchemaChecks,
): BodyCheck | undefined {
  const check = compileSchema(schema, name)
  if (!check) return undefined
  const sent: SentSchema = { id: ids++, name, text: encoder.encode(JSON.stringify(schema)) }
  const longest = Math.min(MOST_READ_HERE, longestText(schema))
  const resting = rest()
  return (json, deadline) => {
    if (json === undefined || json.length <= longest) return check(parsed(json))
    return resting(() => checks().check(json, deadline, sent))
  }
}

/**
 * Tries the patterns of a row's schema on a body that they may take long for, before a door does so in its own way.
 * @throws Fault 500 `schema_too_slow`
 */
export function compileTrial(
  schema: Record<string, unknown>,
): (body: Uint8Array, deadline: number, checks: SchemaChecks) => Promise<void> {
  const text = encoder.encode(JSON.stringify(schema))
  const sent: SentSchema = { id: ids++, name: 'schema', text, toTheEnd: true }
  const longest = longestText(schema)
  const resting = rest()
  return async (body, deadline, checks) => {
    if (body.length <= longest) return
    try {
      await resting(() => checks.check(new TextDecoder().decode(body), deadline, sent))
    } catch (error) {
      if (!(error instanceof Fault) || error.status >= 500) throw error
    }
  }
}

/** Where one check took too long the next are not made for a while: each would keep everybody else's waiting. */
function rest() {
  let until = 0
  return <T>(check: () => Promise<T>): Promise<T> => {
    if (Date.now() < until) throw tooSlow()
    return check().catch(error => {
      if (error.code === 'schema_too_slow') until = Date.now() + REST_MS
      throw error
    })
  }
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json)
  } catch {
    throw notJson()
  }
}
