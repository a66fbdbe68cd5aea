import { Button, Group, SegmentedControl, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { UsageReport } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { RANGES, type Range, type UsageSearch } from './search.ts'

interface RangePickerProps {
  search: UsageSearch
  report: UsageReport | undefined
  /** what the server has against one of the ends */
  refused: Record<string, string>
  onChange: (next: UsageSearch) => void
}

const CHOICES = [
  ...(Object.keys(RANGES) as Range[]).map(range => ({ value: range as string, label: t.ranges[range] as string })),
  { value: 'own', label: t.own },
]

/** The last hour, day, week or month, or two ends of one's own. */
export function RangePicker({ search, report, refused, onChange }: RangePickerProps) {
  const [opened, setOpened] = useState(false)
  const isOwn = search.from !== undefined
  const choose = (value: string) => {
    setOpened(value === 'own')
    if (value === 'own') return
    const { from: _from, to: _to, range: _range, ...filters } = search
    onChange({ ...filters, range: value as Range })
  }
  const given = isOwn ? search : report
  return (
    <Stack gap="xs">
      <div className="scrolls-sideways">
        <SegmentedControl
          size="xs"
          aria-label={t.range}
          data={CHOICES}
          value={opened || isOwn ? 'own' : (search.range ?? 'day')}
          onChange={choose}
        />
      </div>
      {(opened || isOwn) && (
        <Ends
          key={isOwn ? `${given?.from} ${given?.to}` : 'new'}
          from={given?.from}
          to={given?.to}
          refused={refused}
          onShow={ends => {
            const { range: _range, ...filters } = search
            setOpened(false)
            onChange({ ...filters, ...ends })
          }}
        />
      )}
    </Stack>
  )
}

interface EndsProps {
  from: string | undefined
  to: string | undefined
  refused: Record<string, string>
  onShow: (ends: { from: string; to: string }) => void
}

function Ends({ from, to, refused, onShow }: EndsProps) {
  const [typed, setTyped] = useState({ from: localTime(from), to: localTime(to) })
  const [wrong, setWrong] = useState<string>()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const [first, last] = [new Date(typed.from), new Date(typed.to)]
    if (Number.isNaN(first.getTime()) || Number.isNaN(last.getTime())) return setWrong(t.endMissing)
    if (first >= last) return setWrong(t.endBefore)
    setWrong(undefined)
    onShow({ from: first.toISOString(), to: last.toISOString() })
  }
  return (
    <form onSubmit={submit} noValidate>
      <Group gap="xs" align="flex-start">
        <TextInput
          type="datetime-local"
          label={t.from}
          value={typed.from}
          error={refused.from}
          onChange={event => setTyped({ ...typed, from: event.currentTarget.value })}
        />
        <TextInput
          type="datetime-local"
          label={t.to}
          value={typed.to}
          error={wrong ?? refused.to}
          onChange={event => setTyped({ ...typed, to: event.currentTarget.value })}
        />
        <Button type="submit" variant="default" mt={24}>
          {t.show}
        </Button>
      </Group>
    </form>
  )
}

/** As a `datetime-local` has it, in the browser's time zone; empty where it is no time. */
function localTime(at: string | undefined): string {
  const time = new Date(at ?? Number.NaN)
  if (Number.isNaN(time.getTime())) return ''
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
