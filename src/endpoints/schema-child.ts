import { parseJson } from '../lib/body.ts'
import { cut, headOf, readHead } from '../workers/heads.ts'
import { serveParent } from '../workers/serve.ts'
import { compiled, compileSchema } from './row-schema.ts'
import type { CheckHead } from './schema-checks.ts'

const MAX_SCHEMAS = 1000

/** The child's side of schema-checks.ts. */
serveParent(() => {
  const known = new Map<number, NonNullable<ReturnType<typeof compileSchema>>>()
  return {
    exchange(payload: Uint8Array<ArrayBuffer>) {
      const { head, at } = readHead<CheckHead>(payload)
      const [schema, json] = cut(payload, at, head.lengths)
      let check = known.get(head.id)
      if (!check) {
        const given = parseJson(schema!, JSON.parse) as Record<string, unknown>
        if (head.toTheEnd) {
          const validate = compiled(given, head.name, true)
          check = value => {
            for (const row of Array.isArray(value) ? value : [value]) validate(row)
            return undefined
          }
        } else check = compileSchema(given, head.name)!
        if (known.size >= MAX_SCHEMAS) known.clear()
        known.set(head.id, check)
      }
      return headOf({ wrong: check(parseJson(json!, JSON.parse)) })
    },
  }
})
