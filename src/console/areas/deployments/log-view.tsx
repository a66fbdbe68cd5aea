import {
  ActionIcon,
  Badge,
  Box,
  Button,
  Group,
  Paper,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  Tooltip,
} from '@mantine/core'
import { IconArrowDown, IconDownload, IconSearch, IconTextWrap } from '@tabler/icons-react'
import { useDeferredValue, useMemo, useState } from 'react'
import { common } from '../../texts/common.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { CopyIcon } from '../../ui/copy.tsx'
import type { LogLine } from './log-lines.ts'
import { LogRows } from './log-rows.tsx'
import type { LogState } from './use-log.ts'

interface LogViewProps {
  label: string
  /** undefined until there is an answer */
  lines: readonly LogLine[] | undefined
  state: LogState
  download: { href: string; name: string }
}

const STREAMS = (['all', 'out', 'err', 'callgate'] as const).map(value => ({ value, label: t.streams[value] }))
const COLOURS: Record<LogState, string> = { connecting: 'gray', live: 'teal', lost: 'red' }
const NONE: readonly LogLine[] = []

/** Lines as they come, at their end; whoever scrolls up is left where they are, until they go on. */
export function LogView({ label, lines, state, download }: LogViewProps) {
  /** what is looked at while it is paused */
  const [paused, setPaused] = useState<readonly LogLine[]>()
  const [stream, setStream] = useState('all')
  const [wanted, setWanted] = useState('')
  const [wraps, setWraps] = useState(false)
  const word = useDeferredValue(wanted.trim().toLowerCase())
  const all = paused ?? lines ?? NONE
  const shown = useMemo(() => {
    if (stream === 'all' && word === '') return all
    return all.filter(
      line => (stream === 'all' || line.stream === stream) && (word === '' || line.text.toLowerCase().includes(word)),
    )
  }, [all, stream, word])
  const newer = paused ? (lines?.at(-1)?.id ?? 0) - (paused.at(-1)?.id ?? 0) : 0
  return (
    <Stack gap="xs">
      <Group gap="xs" justify="space-between">
        <Group gap="xs">
          <TextInput
            type="search"
            aria-label={t.searchLog}
            placeholder={common.search}
            leftSection={<IconSearch size={15} />}
            value={wanted}
            onChange={event => setWanted(event.currentTarget.value)}
            w={200}
          />
          <SegmentedControl size="xs" aria-label={t.stream} data={STREAMS} value={stream} onChange={setStream} />
        </Group>
        <Group gap={4}>
          <Badge color={COLOURS[state]} role="status">
            {paused ? t.paused : state === 'lost' ? t.lost : t[state]}
          </Badge>
          <Text size="xs" c="dimmed" className="tabular">
            {shown === all ? t.lines(all.length) : t.found(shown.length, all.length)}
          </Text>
          <Tooltip label={t.wrap}>
            <ActionIcon
              aria-label={t.wrap}
              aria-pressed={wraps}
              variant={wraps ? 'light' : 'subtle'}
              onClick={() => setWraps(!wraps)}
            >
              <IconTextWrap size={16} />
            </ActionIcon>
          </Tooltip>
          <CopyIcon value={shown.map(({ raw }) => raw).join('\n')} what={t.copyLog} />
          <Tooltip label={t.download}>
            <ActionIcon component="a" href={download.href} download={`${download.name}.log`} aria-label={t.download}>
              <IconDownload size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <Paper p={0} pos="relative" style={{ overflow: 'hidden' }} aria-busy={lines === undefined}>
        <LogRows
          label={label}
          lines={shown}
          word={word}
          wraps={wraps}
          follows={paused === undefined}
          onFollow={follows => setPaused(follows ? undefined : (lines ?? NONE))}
        />
        {shown.length === 0 && lines && (
          <Text size="sm" c="dimmed" p="md" pos="absolute" top={0}>
            {all.length === 0 ? t.waiting : t.nothingFound}
          </Text>
        )}
        {paused && (
          <Box pos="absolute" bottom={12} right={20}>
            <Button size="xs" leftSection={<IconArrowDown size={14} />} onClick={() => setPaused(undefined)}>
              {t.newLines(newer)}
            </Button>
          </Box>
        )}
      </Paper>
    </Stack>
  )
}
