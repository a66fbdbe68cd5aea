/** A key as a form holds it, and what of that is sent. */
import type { KeyPatchInput, KeyRow, NewKeyInput } from '../../../management/keys.ts'

interface ScopeRow {
  id: string
  column: string
  values: string[]
  /** rows where the column is NULL, too */
  orNull: boolean
}

export interface KeyValues {
  name: string
  endpoints: string[]
  services: string[]
  deployments: string[]
  manageModels: boolean
  methods: string[]
  masking: 'masked' | 'unmasked'
  sensitivity: KeyRow['sensitivity_max']
  columns: string[]
  scope: ScopeRow[]
  /** calls a minute; '': no limit */
  rate: number | ''
  /** days from now, or */
  ends: '7' | '30' | '90' | '365' | 'never' | 'day'
  /** `YYYY-MM-DD`, its end in UTC */
  day: string
  /** the instant that it ends at now, for as long as `day` is that of it; '': none */
  endsAt: string
}

/** What the API has for a key that names nothing. */
export const newValues = (): KeyValues => ({
  name: '',
  endpoints: [],
  services: [],
  deployments: [],
  manageModels: false,
  methods: [],
  masking: 'masked',
  sensitivity: 'medium',
  columns: [],
  scope: [],
  rate: 100,
  ends: '90',
  day: '',
  endsAt: '',
})

export const valuesOf = (key: KeyRow): KeyValues => ({
  name: key.name,
  endpoints: key.allowed_endpoints ?? [],
  services: key.allowed_services ?? [],
  deployments: key.allowed_deployments ?? [],
  manageModels: key.manage_models ?? false,
  methods: key.allowed_methods ?? [],
  masking: key.masking_level,
  sensitivity: key.sensitivity_max,
  columns: key.allowed_columns,
  scope: Object.entries(key.row_scope ?? {}).map(([column, values]) => ({
    id: column,
    column,
    values: values.filter(value => value !== null).map(String),
    orNull: values.includes(null),
  })),
  rate: key.rate_limit ?? '',
  ends: key.expires_at === null ? 'never' : 'day',
  day: key.expires_at?.slice(0, 10) ?? '',
  endsAt: key.expires_at ?? '',
})

/** The instant that the day of the form ends a key at: one that it has already keeps its minute. */
export const endOf = ({ day, endsAt }: Pick<KeyValues, 'day' | 'endsAt'>): string =>
  day === endsAt.slice(0, 10) ? endsAt : `${day}T23:59:59Z`

const DAY_MS = 86_400_000

/** In the API's spelling. `project`: with what only a project's key has. */
export function wireOf(values: KeyValues, project: boolean, now = Date.now()) {
  const { scope, rate, ends } = values
  const listOrNull = <T extends string>(list: T[]) => (list.length > 0 ? list : null)
  return {
    name: values.name.trim(),
    allowed_endpoints: listOrNull(values.endpoints),
    ...(project
      ? {
          allowed_services: listOrNull(values.services),
          allowed_deployments: listOrNull(values.deployments),
          manage_models: values.manageModels,
        }
      : {}),
    allowed_methods: listOrNull(values.methods) as KeyRow['allowed_methods'],
    masking_level: values.masking,
    sensitivity_max: values.sensitivity,
    allowed_columns: values.columns,
    row_scope: scope.length > 0 ? Object.fromEntries(scope.map(row => [row.column.trim(), scopeValues(row)])) : null,
    rate_limit: rate === '' ? null : rate,
    expires_at:
      ends === 'never' ? null : ends === 'day' ? endOf(values) : new Date(now + Number(ends) * DAY_MS).toISOString(),
  } satisfies NewKeyInput
}

/** Any column takes its values as text. */
const scopeValues = ({ values, orNull }: ScopeRow): (string | null)[] => (orNull ? [...values, null] : values)

/** Only what somebody changed in the form: the rest stays as it is on the server. */
export function patchOf(before: KeyValues, after: KeyValues, project: boolean): KeyPatchInput {
  const now = Date.now()
  const [old, changed] = [wireOf(before, project, now), wireOf(after, project, now)] as const
  return Object.fromEntries(
    Object.entries(changed).filter(([field, value]) => {
      const unchanged = JSON.stringify(value) === JSON.stringify(old[field as keyof typeof old])
      return !unchanged
    }),
  )
}

/** The field of the form that a field of the API is in. */
const FORM_FIELD: Record<string, keyof KeyValues> = {
  name: 'name',
  allowed_endpoints: 'endpoints',
  allowed_services: 'services',
  allowed_deployments: 'deployments',
  allowed_methods: 'methods',
  allowed_columns: 'columns',
  row_scope: 'scope',
  rate_limit: 'rate',
  expires_at: 'day',
  expires_days: 'ends',
}

/** The field that a refusal begins with the name of, and so is about. */
export const fieldNamedIn = (message: string): keyof KeyValues | undefined =>
  FORM_FIELD[/^[a-z_]+/.exec(message)?.[0] ?? '']

export type KeyState = 'active' | 'ending' | 'expired' | 'revoked'

export function stateOf(key: KeyRow, now = Date.now()): KeyState {
  if (!key.is_active) return 'revoked'
  if (key.expires_at === null) return 'active'
  const left = Date.parse(key.expires_at) - now
  return left <= 0 ? 'expired' : left < 7 * DAY_MS ? 'ending' : 'active'
}

export const shownKey = ({ prefix, last4 }: Pick<KeyRow, 'prefix' | 'last4'>): string => `${prefix}…${last4}`
