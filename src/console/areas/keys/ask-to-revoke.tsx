import { Stack, Text } from '@mantine/core'
import { keys as t } from '../../texts/keys.ts'
import { CallersList } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone } from '../../ui/notify.ts'
import { RelativeTime } from '../../ui/relative-time.tsx'
import type { KeyOwner, KeyRow } from './api.ts'
import { shownKey } from './key-values.ts'

/** Says who would be refused, and asks. */
export const askToRevoke = (key: KeyRow, owner: KeyOwner, revoke: () => Promise<unknown>): void =>
  confirmDestructive({
    title: t.revokeTitle(key.name),
    confirm: t.revoke,
    children: (
      <Stack gap="xs">
        <Text size="sm">{t.revokeText(shownKey(key))}</Text>
        <CallersList called={{ project: owner.project.project_id, key: key.id }} />
        <Text size="sm">
          {key.last_used_at === null ? (
            t.neverUsed
          ) : (
            <>
              {t.usedLast} <RelativeTime at={key.last_used_at} />.
            </>
          )}
        </Text>
      </Stack>
    ),
    onConfirm: async () => {
      await revoke()
      showDone(t.revoked(key.name))
    },
  })
