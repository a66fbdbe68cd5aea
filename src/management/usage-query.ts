/** What may be asked of usage, as a query string says it. */
import { STEPS, type Step } from '../catalog/usage.ts'
import { DIMENSIONS, type Dimension, type Period, type UsageFilter } from '../catalog/usage-report.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { OTHERS, PUBLIC, UNKNOWN } from '../telemetry/usage.ts'
import { type ManagementContext, projectsInScope, type SignedIn, scopeOf } from './context.ts'
import { isoTime } from './keys.ts'

const DAY = 86_400
/** Without `step`: minutes of up to 3 hours, hours of up to 8 days, days of what is longer. */
const FINEST: [Step, number][] = [
  ['minute', 3 * 3600],
  ['hour', 8 * DAY],
  ['day', Number.POSITIVE_INFINITY],
]
const KEPT: Record<Step, string> = { minute: '2 days', hour: '90 days', day: '5 years' }
export const KEY_WORDS: Record<string, number> = { public: PUBLIC, unknown: UNKNOWN, others: OTHERS }

/** @throws Fault 422 a parameter that is not one of these, or is there twice */
export function parametersOf(request: Request, names: readonly string[]): URLSearchParams {
  const params = new URL(request.url).searchParams
  const seen = new Set<string>()
  for (const name of params.keys()) {
    if (name !== 'project_id' && !names.includes(name))
      throw unprocessable(`${shown(name)} is not a parameter here: ${names.join(', ')} are.`)
    if (seen.has(name)) throw unprocessable(`${name} is there twice; write several values as a list with commas.`)
    seen.add(name)
  }
  return params
}

/** The projects in scope, of those that the user sees. undefined: all, and what is nobody's. @throws Fault 404, 422 */
export function projectIdsInScope(context: ManagementContext, request: Request, who: SignedIn): number[] | undefined {
  if (who.user.isAdmin && scopeOf(request) === undefined) return undefined
  return projectsInScope(context, who, request).map(({ id }) => id)
}

/** `service`, `endpoint`, `deployment`, `key`, `status`. @throws Fault 422 */
export function filterOf(params: URLSearchParams): UsageFilter {
  const named = (name: string) => {
    const value = params.get(name) ?? undefined
    if (value === '' || (value !== undefined && value.length > 200)) throw unprocessable(`${name} must be a name.`)
    return value
  }
  const key = params.get('key')
  if (key !== null && !/^[1-9]\d{0,14}$/.test(key) && !Object.hasOwn(KEY_WORDS, key))
    throw unprocessable(`key must be a key's id, or ${Object.keys(KEY_WORDS).join(', ')}.`)
  return {
    service: named('service'),
    endpoint: named('endpoint'),
    deployment: named('deployment'),
    keyId: key === null ? undefined : (KEY_WORDS[key] ?? Number(key)),
    statuses: params.get('status')?.split(',').map(statusRange),
  }
}

/** `429`, or `4xx`. Of 1xx, 2xx and 3xx (but 304) codes are not told apart. */
function statusRange(text: string): readonly [number, number] {
  if (/^[1-5]xx$/.test(text)) return [Number(text[0]) * 100, Number(text[0]) * 100 + 99]
  if (!/^(304|[45]\d\d)$/.test(text))
    throw unprocessable('status must be a list of 1xx, 2xx, 3xx, 4xx, 5xx, 304, and codes from 400 to 599.')
  return [Number(text), Number(text)]
}

/** `group_by`: a list of dimensions. @throws Fault 422 */
export function groupingOf(params: URLSearchParams): Dimension[] {
  const names = params.get('group_by')?.split(',') ?? []
  if (!names.every(name => (DIMENSIONS as readonly string[]).includes(name)))
    throw unprocessable(`group_by must be a list of ${DIMENSIONS.join(', ')}.`)
  return names as Dimension[]
}

/** `from` (default: a day before `to`), `to` (default: now, with this second) and `step` (default: `auto`). @throws Fault 422 */
export function periodOf(params: URLSearchParams): Period {
  const now = Math.floor(Date.now() / 1000)
  const until = timeOf(params, 'to')
  const to = until ?? now + 1
  const from = timeOf(params, 'from') ?? to - DAY
  if (from >= to) throw unprocessable('from must be before to.')
  if (from < now - STEPS.day.kept - DAY) throw unprocessable(`Usage is kept for ${KEPT.day}: ask for a later from.`)
  if (to > now + 2 * DAY) throw unprocessable('to must not be in the future.')
  const asked = params.get('step') ?? 'auto'
  if (asked !== 'auto' && !Object.hasOwn(STEPS, asked)) throw unprocessable('step must be minute, hour, day or auto.')
  const keeps = (step: Step) => from >= now - STEPS[step].kept - STEPS[step].seconds
  // the last 3 hours are 3 hours and a moment when they are asked for
  const moment = (step: Step) => (until === undefined ? STEPS[step].seconds : 0)
  const fits = ([step, longest]: [Step, number]) => to - from <= longest + moment(step) && keeps(step)
  const step = asked === 'auto' ? FINEST.find(fits)![0] : (asked as Step)
  if (!keeps(step))
    throw unprocessable(`By the ${step} usage is kept for ${KEPT[step]}: ask for a later from, or a larger step.`)
  const { seconds } = STEPS[step]
  return { step, from: from - (from % seconds), to: Math.ceil(to / seconds) * seconds }
}

/** Whole seconds since the epoch. */
function timeOf(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name)
  if (text === null) return undefined
  // a plus that was not escaped is a space in a query string
  const time = isoTime(text.replace(' ', '+'))
  if (time === undefined) throw unprocessable(`${name} must be an ISO 8601 time such as 2030-01-31T12:00Z.`)
  return Math.floor(Date.parse(time) / 1000)
}

export const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
