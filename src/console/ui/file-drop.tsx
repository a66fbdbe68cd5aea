import { Group, Stack, Text } from '@mantine/core'
import { Dropzone } from '@mantine/dropzone'
import { IconCloudUpload, IconFileX } from '@tabler/icons-react'

interface FileDropProps {
  /** what a screen reader calls the place */
  label: string
  text: string
  hint: string
  several?: boolean
  onFiles: (files: File[]) => void
}

/** Where files are dropped, or chosen by a click or the keyboard. */
export function FileDrop({ label, text, hint, several = true, onFiles }: FileDropProps) {
  return (
    <Dropzone
      onDrop={onFiles}
      multiple={several}
      inputProps={{ 'aria-label': label }}
      aria-label={label}
      className="file-drop"
    >
      <Group justify="center" gap="md" mih={96} style={{ pointerEvents: 'none' }}>
        <Dropzone.Reject>
          <IconFileX size={32} stroke={1.4} aria-hidden />
        </Dropzone.Reject>
        <IconCloudUpload size={32} stroke={1.4} aria-hidden />
        <Stack gap={2} maw={520}>
          <Text fw={500}>{text}</Text>
          <Text size="sm" c="dimmed">
            {hint}
          </Text>
        </Stack>
      </Group>
    </Dropzone>
  )
}
