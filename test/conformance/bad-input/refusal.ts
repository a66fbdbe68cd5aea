import { expect } from 'bun:test'
import type { Answer } from '../../harness.ts'

/** Stands in values; no answer may hold it. */
export const MARK = 'S3CRETVALUE'
export const JSON_TYPE = { 'content-type': 'application/json' }
export const SERVICE = '/api/service/shop/'
export const nested = (open: string, close: string, depth = 100_000) => open.repeat(depth) + close.repeat(depth)

const STACK_OR_SQL = /\bat \S+ \(|:\d+:\d+|node_modules|\.ts\b|\bSELECT\b|sqlite|\/tmp\//i

/** Expects a 4xx problem document (of these statuses, when given) without stack, SQL or value. */
export function expectRefusal(
  { status, text, json }: { status?: number; text: string; json: Answer['json'] },
  what: string,
  statuses?: number[],
): void {
  expect(status, `${what}: ${text.slice(0, 300)}`).toBeWithin(400, 500)
  if (statuses) expect(statuses, `${what}: ${text.slice(0, 300)}`).toContain(status!)
  expect(json?.status, what).toBe(status)
  expect(json.detail, what).toBeString()
  expect(json.request_id, what).toBeString()
  expect(text, what).not.toContain(MARK)
  expect(text, what).not.toMatch(STACK_OR_SQL)
  expect(text.length, what).toBeLessThan(20_000)
}
