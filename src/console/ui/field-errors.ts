import { Problem } from '../api/http.ts'

/**
 * What a refusal says of a form's fields, for `form.setErrors`: by its `errors`, or where its sentence begins with a field's
 * name. Empty where it says nothing of them: then it is for `ProblemAlert`.
 */
export function fieldErrors(error: unknown, fields: readonly string[]): Record<string, string> {
  if (!(error instanceof Problem)) return {}
  const found: Record<string, string> = {}
  for (const { field, message } of error.errors) if (field && fields.includes(field)) found[field] = message
  const named = fields.find(field => error.message.startsWith(`${field} `) || error.message.startsWith(`${field}:`))
  if (named) found[named] ??= error.message
  return found
}
