import { ActionIcon, Alert, Button, Code, CopyButton, Group, Text, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy, IconKey } from '@tabler/icons-react'
import { common } from '../texts/common.ts'

/** A small button that copies a text. `what` is what a screen reader calls it. */
export function CopyIcon({ value, what }: { value: string; what: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? common.copied : common.copy}>
          <ActionIcon onClick={copy} aria-label={`${copied ? common.copied : common.copy}: ${what}`} size="md">
            {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

/** A secret that is shown this once, with a button to copy it. */
export function CopyOnce({ label, secret }: { label: string; secret: string }) {
  return (
    <Alert color="teal" icon={<IconKey size={18} />} title={label} role="status">
      <Text size="sm" mb="xs">
        {common.shownOnce}
      </Text>
      <Group gap="xs" wrap="nowrap">
        <Code block={false} p="xs" style={{ flex: 1, overflowWrap: 'anywhere' }} data-secret>
          {secret}
        </Code>
        <CopyButton value={secret} timeout={2000}>
          {({ copied, copy }) => (
            <Button onClick={copy} leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}>
              {copied ? common.copied : common.copy}
            </Button>
          )}
        </CopyButton>
      </Group>
    </Alert>
  )
}
