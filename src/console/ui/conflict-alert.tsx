import { Alert, Button, Group, Stack } from '@mantine/core'
import { IconGitMerge } from '@tabler/icons-react'
import type { ReactNode } from 'react'

interface ConflictAlertProps {
  title: string
  /** what differs */
  children: ReactNode
  saveMine: string
  onSave: () => void
  takeTheirs: string
  /** undefined: there is nothing of theirs to take */
  onTake: (() => void) | undefined
}

/** Somebody saved another version of what is edited here: what they changed, and what can be done. */
export const ConflictAlert = ({ title, children, saveMine, onSave, takeTheirs, onTake }: ConflictAlertProps) => (
  <Alert color="yellow" role="alert" icon={<IconGitMerge size={18} />} title={title}>
    <Stack gap="sm">
      {children}
      <Group gap="xs">
        <Button size="xs" onClick={onSave}>
          {saveMine}
        </Button>
        {onTake && (
          <Button size="xs" variant="default" onClick={onTake}>
            {takeTheirs}
          </Button>
        )}
      </Group>
    </Stack>
  </Alert>
)
