import { ActionIcon, Alert, Button, Code, Group, Text, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy, IconKey } from '@tabler/icons-react'
import { common } from '../texts/common.ts'
import { useCopy } from './use-copy.ts'

/** A small button that copies a text. `what` is what a screen reader calls it. */
export function CopyIcon({ value, what }: { value: string; what: string }) {
  const { copied, copy } = useCopy(value)
  return (
    <Tooltip label={copied ? common.copied : common.copy}>
      <ActionIcon onClick={copy} aria-label={`${copied ? common.copied : common.copy}: ${what}`} size="md">
        {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
      </ActionIcon>
    </Tooltip>
  )
}

/** A secret that is shown this once, with a button to copy it. */
export function CopyOnce({ label, secret }: { label: string; secret: string }) {
  const { copied, copy } = useCopy(secret)
  return (
    <Alert color="teal" icon={<IconKey size={18} />} title={label} role="status">
      <Text size="sm" mb="xs">
        {common.shownOnce}
      </Text>
      <Group gap="xs" wrap="nowrap">
        <Code block={false} p="xs" style={{ flex: 1, overflowWrap: 'anywhere' }} data-secret>
          {secret}
        </Code>
        <Button onClick={copy} leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}>
          {copied ? common.copied : common.copy}
        </Button>
      </Group>
    </Alert>
  )
}
