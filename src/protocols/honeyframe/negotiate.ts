/** Which format a call of a query wants: `?format=`, or else `Accept` (RFC 9110, 12.5.1). */
import { badRequest, Fault } from '../../lib/fault.ts'
import type { Params } from '../../lib/params.ts'
import { FORMATS, type Format } from '../../query/formats.ts'

/** In the order of preference where a caller likes several as much. */
export const MEDIA_TYPES: Record<Format, string> = {
  json: 'application/json',
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson',
}
const BARE = Object.entries(MEDIA_TYPES).map(([format, type]) => [format as Format, type.replace(/;.*/, '')] as const)

/**
 * `?format=` wins over `Accept`; without either, JSON.
 * @throws Fault 400 an unknown `format`; 406 nothing that is acceptable is served here
 */
export function formatOf(params: Params, accept: string | null): Format {
  const asked = params.get('format')
  if (asked) {
    const [format, ...more] = asked
    if (more.length > 0 || !FORMATS.includes(format as Format))
      throw badRequest(`format must be one of ${FORMATS.join(', ')}.`, 'unknown_format')
    return format as Format
  }
  if (accept === null || accept === '*/*' || accept === 'application/json') return 'json'
  return best(accept)
}

function best(accept: string): Format {
  const ranges = accept.split(',').map(rangeOf)
  let found: { format: Format; quality: number } | undefined
  for (const [format, type] of BARE) {
    const quality = qualityOf(type, ranges)
    if (quality > (found?.quality ?? 0)) found = { format, quality }
  }
  if (found) return found.format
  const served = BARE.map(([, type]) => type).join(', ')
  throw new Fault(406, 'not_acceptable', `Accept names nothing that is served here: ${served}.`)
}

interface Range {
  type: string
  quality: number
}

/** With `.2` as well, which no grammar has: Java's own client sends it unless it is told otherwise. */
const WEIGHT = /^(0\.?|0?\.\d{1,3}|1(\.0{0,3})?)$/

function rangeOf(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const weight = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
  return { type, quality: weight === undefined ? 1 : WEIGHT.test(weight) ? Number(weight) : 0 }
}

/** The weight of the most specific range that the type is in. */
function qualityOf(type: string, ranges: Range[]): number {
  for (const candidate of [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*']) {
    const matching = ranges.filter(range => range.type === candidate)
    if (matching.length > 0) return Math.max(...matching.map(range => range.quality))
  }
  return 0
}
