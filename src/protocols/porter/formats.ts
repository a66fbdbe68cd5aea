/** The formats that porter's schemas check; of others, the endpoint's own check says what they are. */
import { fullFormats } from 'ajv-formats/dist/formats.js'
import { boundedFormat } from '../../endpoints/bounded-schema.ts'

/** The day exists in its month, and 29 February only in a leap year. */
const DATE =
  '(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))' +
  '|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)'
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?'
const OFFSET = '(?:[+-](?:[01]\\d|2[0-3]):?[0-5]\\d|[zZ])'

const DATE_TIME = new RegExp(`^${DATE}[tT]${TIME}${OFFSET}$`)
const DATE_ONLY = new RegExp(`^${DATE}$`)

const CHECKED = ['time', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'json-pointer', 'uri-reference'] as const

export const FORMATS: ReadonlyMap<string, (value: string) => boolean> = new Map<string, (value: string) => boolean>([
  ['date-time', value => DATE_TIME.test(value)],
  ['date', value => DATE_ONLY.test(value)],
  ...CHECKED.map(
    name => [name, boundedFormat(name, testOf(fullFormats[name]))] as [string, (value: string) => boolean],
  ),
])

function testOf(format: unknown): (value: string) => boolean {
  if (format instanceof RegExp) return value => format.test(value)
  if (typeof format === 'function') return value => Boolean(format(value))
  return testOf((format as { validate: unknown }).validate)
}
