import { Stack, Text } from '@mantine/core'
import { keys as t } from '../../texts/keys.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone } from '../../ui/notify.ts'
import type { KeyOwner, KeyRow } from './api.ts'
import { shownKey } from './key-values.ts'
import { RecentCalls } from './recent-calls.tsx'

/** Says who would be refused, and asks. */
export const askToRevoke = (key: KeyRow, owner: KeyOwner, revoke: () => Promise<unknown>): void =>
  confirmDestructive({
    title: t.revokeTitle(key.name),
    confirm: t.revoke,
    children: (
      <Stack gap="xs">
        <Text size="sm">{t.revokeText(shownKey(key))}</Text>
        <RecentCalls of={key} owner={owner} />
      </Stack>
    ),
    onConfirm: async () => {
      await revoke()
      showDone(t.revoked(key.name))
    },
  })
