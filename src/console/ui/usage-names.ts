import type { UsageGroup } from '../api/usage.ts'
import { traffic as t } from '../texts/traffic.ts'

/** Where a call went. */
export type Place = Pick<UsageGroup, 'service' | 'endpoint' | 'deployment'>

export const placeName = ({ service, endpoint, deployment }: Place): string =>
  deployment ?? [service, endpoint].filter(Boolean).join('/')

export const keyName = ({ key_id, key }: Pick<UsageGroup, 'key_id' | 'key'>): string => {
  if (key_id !== null) return key ?? t.keyGone
  return key === 'public' || key === 'unknown' || key === 'others' ? t[key] : t.keyGone
}
