/** What the routes of v1 and v2 have in common. */
import type { LimitHeaders } from '../../gate/limits.ts'
import { methodNotAllowed, notFound } from '../../lib/fault.ts'
import { decodedPart } from '../../lib/path.ts'
import { json, type Reply } from './reply.ts'

/** A model's name from a path. @throws Fault 404 escapes that are none */
export function nameOf(part: string): string {
  const name = decodedPart(part)
  if (name === undefined) throw notFound('There is no such model.', 'model_unknown')
  return name
}

/** @throws Fault 405 */
export function need(request: Request, method: 'GET' | 'POST'): void {
  const asked = request.method === 'HEAD' ? 'GET' : request.method
  if (asked !== method) throw methodNotAllowed([method])
}

export const unloaded = () => notFound('This model is unloaded.', 'model_unloaded')

/** To whoever asks whether an unloaded model is ready: both what it says and its status say no. */
export const unloadedReply = (name: string, headers: LimitHeaders | undefined): Reply =>
  json({ name, ready: false, error: unloaded().message }, headers, 404)
