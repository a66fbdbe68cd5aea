import { Badge } from '@mantine/core'
import type { ServiceRow } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'

/** What it is called: its title may be empty, or blank. */
export const titleOf = ({ title, asset_key }: Pick<ServiceRow, 'title' | 'asset_key'>): string =>
  title.trim() || asset_key

export type Status = 'draft' | 'published' | 'changed'

export const statusOf = (service: Pick<ServiceRow, 'status' | 'unpublished_changes'>): Status => {
  if (service.status !== 'published') return 'draft'
  return service.unpublished_changes ? 'changed' : 'published'
}

const COLOURS: Record<Status, string> = { draft: 'gray', published: 'teal', changed: 'yellow' }

export function StatusBadge({ service }: { service: Pick<ServiceRow, 'status' | 'unpublished_changes'> }) {
  const status = statusOf(service)
  return <Badge color={COLOURS[status]}>{t[status]}</Badge>
}
