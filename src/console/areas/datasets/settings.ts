/** A dataset's settings as a form has them, and what of them is to be changed. */
import type { DatasetPatchInput } from '../../../management/datasets.ts'
import { datasets as t } from '../../texts/datasets.ts'
import type { DatasetRow } from './api.ts'

export interface SettingsDraft {
  description: string
  writable: boolean
  /** `never`, `change` or `every` */
  refresh: string
  /** a time such as 15m, of `every` */
  every: string
}

export const settingsOf = ({ description, writable, refresh }: DatasetRow): SettingsDraft => ({
  description,
  writable,
  refresh: !refresh ? 'never' : 'every' in refresh ? 'every' : 'change',
  every: refresh && 'every' in refresh ? refresh.every : '1h',
})

export function patchOf(
  dataset: DatasetRow,
  { description, writable, refresh, every }: SettingsDraft,
): DatasetPatchInput {
  const before = settingsOf(dataset)
  const isOther = refresh !== before.refresh || (refresh === 'every' && every !== before.every)
  return {
    ...(description === before.description ? {} : { description }),
    ...(writable === before.writable ? {} : { writable }),
    ...(isOther
      ? { refresh: refresh === 'every' ? { every: every.trim() } : refresh === 'change' ? { on_change: true } : null }
      : {}),
  }
}

export function ruleOf({ refresh }: DatasetRow): string {
  if (!refresh) return t.refreshNever
  return 'every' in refresh ? `${t.every} ${refresh.every}` : t.refreshOnChange
}
