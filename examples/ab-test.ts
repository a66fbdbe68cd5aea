// An A/B choice between two models: a fifth of the callers get the new one, always the same callers, by a hash of who they are.
import type { Handler, Row } from 'callgate'

const NEW_SHARE = 0.2

const choose: Handler<{ user: string; features: Row }> = async ({ body }, host) => {
  const variant = share(body.user) < NEW_SHARE ? 'new' : 'current'
  const { predictions } = await host.call<{ predictions: number[] }>(variant, { features: body.features })
  return host.reply({ variant, prediction: predictions[0] }, { headers: { 'x-variant': variant } })
}

/** FNV-1a of a text, from 0 to 1. */
function share(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) / 2 ** 32
}

export default choose
