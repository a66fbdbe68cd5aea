import { describe, expect, test } from 'bun:test'
import { identify, newRequestId } from '../../src/telemetry/identity.ts'

const of = (headers: Record<string, string>) => identify(new Headers(headers))

describe('the request id', () => {
  test("is the caller's when it is short and plain", () => {
    for (const id of ['a', 'req-1.2_3', 'x'.repeat(64), '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'])
      expect(of({ 'x-request-id': id })).toEqual({ requestId: id, headers: { 'x-request-id': id } })
  })
  test('is our own otherwise: nothing odd is repeated', () => {
    for (const id of ['', 'x'.repeat(65), 'a b', 'a;b', '<script>', 'a\tb', '"', 'é', "' OR 1=1"]) {
      const { requestId, headers } = of({ 'x-request-id': id })
      expect(requestId).toMatch(/^[0-9a-f]{32}$/)
      expect(headers).toEqual({ 'x-request-id': requestId })
    }
    expect(of({}).requestId).toMatch(/^[0-9a-f]{32}$/)
  })
  test('of our own is never twice the same, also where the random part is drawn anew', () => {
    const ids = Array.from({ length: 140_000 }, newRequestId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids.map(id => id.slice(0, 24))).size).toBeGreaterThan(1)
  })
})

describe('a trace', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const parent = '00f067aa0ba902b7'
  test('is continued: the same trace and flags, a span of ours', () => {
    const { traceId, headers } = of({ traceparent: `00-${trace}-${parent}-01` })
    expect(traceId).toBe(trace)
    const [version, id, span, flags] = headers.traceparent!.split('-')
    expect([version, id, flags]).toEqual(['00', trace, '01'])
    expect(span).toMatch(/^[0-9a-f]{16}$/)
    expect(span).not.toBe(parent)
    expect(span).not.toBe('0'.repeat(16))
  })
  test('that is not valid is not there', () => {
    const bad = [
      '',
      `00-${trace}-${parent}`,
      `ff-${trace}-${parent}-01`,
      `00-${'0'.repeat(32)}-${parent}-01`,
      `00-${trace}-${'0'.repeat(16)}-01`,
      `00-${trace.toUpperCase()}-${parent}-01`,
      `00-${trace}-${parent}-01-extra`,
      `00-${trace}-${parent}-1`,
    ]
    for (const traceparent of bad) {
      const { traceId, headers } = of({ traceparent })
      expect([traceId, headers.traceparent]).toEqual([undefined, undefined])
    }
  })
})
