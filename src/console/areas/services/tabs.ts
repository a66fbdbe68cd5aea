/** The tabs of a service: one line each. */
import { keys } from '../../texts/keys.ts'
import { services as t } from '../../texts/services.ts'
import { testPane } from '../../texts/test-pane.ts'
import type { TabLink } from '../../ui/tab-links.tsx'

interface ServiceTab extends Omit<TabLink, 'count'> {
  /** what is counted beside the label */
  counts?: 'endpoints' | 'keys'
}

export const SERVICE_TABS: ServiceTab[] = [
  { label: t.endpoints, to: '/projects/$project/services/$service', exact: true, counts: 'endpoints' },
  { label: keys.title, to: '/projects/$project/services/$service/keys', counts: 'keys' },
  { label: testPane.title, to: '/projects/$project/services/$service/test' },
  { label: t.versions, to: '/projects/$project/services/$service/versions' },
  { label: t.settings, to: '/projects/$project/services/$service/settings' },
]
