import { Switch } from '@mantine/core'
import type { ServiceRow } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { usePublishing } from './use-publishing.tsx'

/** Publishes a service, and takes it back after asking. */
export function PublishSwitch({ service }: { service: ServiceRow }) {
  const { publish, unpublish, busy } = usePublishing(service)
  const published = service.status === 'published'
  return (
    <Switch
      size="sm"
      checked={published}
      disabled={busy}
      aria-label={t.publishSwitch(service.title)}
      onChange={() => (published ? unpublish() : publish())}
    />
  )
}
