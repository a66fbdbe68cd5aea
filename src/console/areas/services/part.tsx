import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { ReactNode } from 'react'

/** A part of an endpoint's form under its heading. */
export function Part({ title, about, children }: { title: string; about?: string; children?: ReactNode }) {
  return (
    <Stack gap="xs" component="section" aria-label={title}>
      <div>
        <Title order={3}>{title}</Title>
        {about && (
          <Text size="xs" c="dimmed">
            {about}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  )
}

/** One entry of a part: its fields side by side, as far as they fit. `label` is what a screen reader calls it. */
export const Entry = ({ label, children, end }: { label: string; children: ReactNode; end: ReactNode }) => (
  <Paper p="xs" component="fieldset" aria-label={label} m={0} miw={0}>
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <Group gap="xs" align="flex-end" flex={1} miw={0}>
        {children}
      </Group>
      {end}
    </Group>
  </Paper>
)

export const AddButton = ({
  children,
  onClick,
  disabled,
}: {
  children: string
  onClick: () => void
  disabled?: boolean
}) => (
  <Button
    size="xs"
    variant="default"
    leftSection={<IconPlus size={14} />}
    onClick={onClick}
    disabled={disabled}
    style={{ alignSelf: 'flex-start' }}
  >
    {children}
  </Button>
)
