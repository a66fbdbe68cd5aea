import { Stack, Text } from '@mantine/core'
import type { ServiceRow } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { usePublish, useUnpublish } from './api.ts'
import { RecentCallers } from './recent-callers.tsx'

type Published = Pick<ServiceRow, 'id' | 'title'>

/**
 * Publishing of a service, and its end, which asks first and says who calls it.
 * @param onRefused shows a refusal; without it, a notification does
 */
export function usePublishing(
  { id, title }: Published,
  {
    onRefused = showProblem,
    onWarnings,
  }: { onRefused?: (error: Error) => void; onWarnings?: (w: string[]) => void } = {},
) {
  const publishing = usePublish()
  const unpublishing = useUnpublish()
  return {
    busy: publishing.isPending || unpublishing.isPending,
    publish: (ifMatch?: string) =>
      publishing.mutate(
        { id, ifMatch },
        {
          onError: onRefused,
          onSuccess: ({ warnings }) => {
            showDone(t.publishedDone(title))
            onWarnings?.(warnings)
          },
        },
      ),
    unpublish: () =>
      confirmDestructive({
        title: t.unpublishTitle(title),
        children: (
          <Stack gap="sm">
            <Text size="sm">{t.unpublishText}</Text>
            <RecentCallers service={id} />
          </Stack>
        ),
        confirm: t.unpublish,
        onConfirm: async () => {
          await unpublishing.mutateAsync(id)
          showDone(t.unpublishedDone(title))
        },
      }),
  }
}
