import { compileRowSchema, compileSchema } from '../endpoints/row-schema.ts'
import type { CheckHead, SentSchema } from '../endpoints/schema-checks.ts'
import { parseJson } from '../lib/body.ts'
import { parseLossless } from '../lib/json.ts'
import { rowsOf } from '../scoring/rows.ts'
import { cut, headOf, readHead } from '../workers/heads.ts'
import { serveParent } from '../workers/serve.ts'
import { parsePorter } from './porter/json.ts'
import { compilePorterSchema } from './porter/row-check.ts'

const MAX_SCHEMAS = 1000

/** @returns what is wrong with a body. @throws Fault 400 it is no JSON; what the check of that kind throws */
type Check = (json: Uint8Array) => string | undefined

const KINDS: Record<SentSchema['kind'], (given: never) => Check> = {
  body({ schema, name }: { schema: Record<string, unknown> | boolean; name: string }) {
    const check = compileSchema(schema, name)!
    return json => check(parseJson(json, JSON.parse))
  },
  rows(schema: Record<string, unknown> | boolean) {
    const check = compileRowSchema(schema)
    return json => {
      const { rows, form } = rowsOf(parseJson(json, parseLossless))
      check(rows, form)
      return undefined
    }
  },
  porter(given: Parameters<typeof compilePorterSchema>[0]) {
    const check = compilePorterSchema(given)
    const rowCheck = compileRowSchema(given.rowSchema)
    return json => {
      check(parsePorter(json).value, rows => rowCheck(rows, 'rows'))
      return undefined
    }
  },
}

/** The child's side of endpoints/schema-checks.ts. */
serveParent(() => {
  const known = new Map<number, Check>()
  return {
    exchange(payload: Uint8Array<ArrayBuffer>) {
      const { head, at } = readHead<CheckHead>(payload)
      const [schema, json] = cut(payload, at, head.lengths)
      let check = known.get(head.id)
      if (!check) {
        check = KINDS[head.kind](parseJson(schema!, JSON.parse) as never)
        if (known.size >= MAX_SCHEMAS) known.clear()
        known.set(head.id, check)
      }
      return headOf({ wrong: check(json!) })
    },
  }
})
