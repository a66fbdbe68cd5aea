/** The tabs of a service: one line each. */
import { services as t } from '../../texts/services.ts'
import type { TabLink } from '../../ui/tab-links.tsx'

interface ServiceTab extends Omit<TabLink, 'count'> {
  /** what is counted beside the label */
  counts?: 'endpoints' | 'keys'
}

export const SERVICE_TABS: ServiceTab[] = [
  { label: t.endpoints, to: '/projects/$project/services/$service', exact: true, counts: 'endpoints' },
  { label: t.versions, to: '/projects/$project/services/$service/versions' },
  { label: t.settings, to: '/projects/$project/services/$service/settings' },
]
