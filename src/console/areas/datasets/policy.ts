/** Column policy as somebody edits it: only what differs from what is saved. */
import type { Mask, Sensitivity } from '../../../catalog/column.ts'
import { datasets as t } from '../../texts/datasets.ts'
import type { ColumnRow } from './api.ts'

export interface Policy {
  sensitivity: Sensitivity
  mask: Mask | null
}

/** by the column's name */
export type PolicyDraft = Record<string, Policy>

export const policyOf = ({ sensitivity, mask }: ColumnRow): Policy => ({ sensitivity, mask })

/** How viewers, and keys as they are minted, see a column: masked, and up to medium. */
export function treatmentOf({ sensitivity }: Pick<Policy, 'sensitivity'>): 'raw' | 'masked' | 'blocked' {
  if (sensitivity === 'low') return 'raw'
  return sensitivity === 'medium' ? 'masked' : 'blocked'
}

export function shownAs(policy: Policy): string {
  const treatment = treatmentOf(policy)
  if (treatment === 'raw') return t.asItIs
  return treatment === 'blocked' ? t.blockedValue : t.maskExamples[policy.mask ?? 'redact']
}

/** The draft with one column edited. What is saved already is no change, but of a proposal: that is decided by it. */
export function withChange(draft: PolicyDraft, column: ColumnRow, policy: Policy): PolicyDraft {
  const { [column.name]: _, ...others } = draft
  const isSaved = column.sensitivity === policy.sensitivity && column.mask === policy.mask && column.proposal === null
  return isSaved ? others : { ...others, [column.name]: policy }
}
