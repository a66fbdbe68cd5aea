import type { LimitHeaders } from '../../gate/limits.ts'

/** An answer of this door, before the request's own headers are added. */
export interface Reply {
  status: number
  body: string | Uint8Array
  headers: Record<string, string>
}

/** The content type is exactly this: kserve's client reads no other. */
export const JSON_TYPE = { 'content-type': 'application/json' }

export const json = (value: unknown, headers?: LimitHeaders, status = 200): Reply => ({
  status,
  body: JSON.stringify(value),
  headers: { ...headers, ...JSON_TYPE },
})
