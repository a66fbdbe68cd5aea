import { useCallback } from 'react'
import { useProject } from '../../api/projects.ts'
import type { ServiceRow } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { Consequences } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { usePublish, useUnpublish } from './api.ts'

export type Publishable = Pick<ServiceRow, 'id' | 'title' | 'asset_key'>

interface PublishOptions {
  /** the ETag that the service must still have */
  ifMatch?: string
  /** shows a refusal; without it, a notification does */
  onRefused?: (error: Error) => void
  onWarnings?: (warnings: string[]) => void
}

/** Publishing of services, and its end, which asks first and says who calls them. */
export function usePublishing() {
  const { project_id } = useProject()
  const { mutate: startPublishing, isPending: publishing, variables } = usePublish()
  const { mutateAsync: endPublishing, isPending: unpublishing } = useUnpublish()
  const publish = useCallback(
    ({ id, title }: Publishable, { ifMatch, onRefused = showProblem, onWarnings }: PublishOptions = {}) =>
      startPublishing(
        { id, ifMatch },
        {
          onError: onRefused,
          onSuccess: ({ warnings }) => {
            showDone(t.publishedDone(title))
            onWarnings?.(warnings)
          },
        },
      ),
    [startPublishing],
  )
  const unpublish = useCallback(
    ({ id, title, asset_key }: Publishable) =>
      confirmDestructive({
        title: t.unpublishTitle(title),
        children: <Consequences text={t.unpublishText} called={{ project: project_id, service: asset_key }} />,
        confirm: t.unpublish,
        onConfirm: async () => {
          await endPublishing(id)
          showDone(t.unpublishedDone(title))
        },
      }),
    [endPublishing, project_id],
  )
  /** `underWay`: the id of what is being published */
  return { publish, unpublish, busy: publishing || unpublishing, underWay: publishing ? variables.id : undefined }
}
