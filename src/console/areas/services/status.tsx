import { Badge } from '@mantine/core'
import type { ServiceRow } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'

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
