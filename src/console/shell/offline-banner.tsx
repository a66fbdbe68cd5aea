import { Alert } from '@mantine/core'
import { IconPlugConnectedX } from '@tabler/icons-react'
import { useConnectionLost } from '../api/connection.ts'
import { shell as t } from '../texts/shell.ts'

/** Shown while the server is not reached; goes by itself. */
export function OfflineBanner() {
  if (!useConnectionLost()) return null
  return <Alert color="yellow" mb="md" py="xs" role="alert" icon={<IconPlugConnectedX size={18} />} title={t.lost} />
}
