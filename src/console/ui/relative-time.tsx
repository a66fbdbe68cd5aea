import { Text } from '@mantine/core'
import { useMemo, useSyncExternalStore } from 'react'
import { common } from '../texts/common.ts'

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]
const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })

/** "3 minutes ago", with the exact time as its title; it goes on by itself. A long table has one in each row: it is to cost little. */
export function RelativeTime({ at, none = common.never }: { at: string | null | undefined; none?: string }) {
  const tick = useNow()
  // what comes meanwhile happened after the last tick
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is read anew for each of them
  const now = useMemo(() => Date.now(), [at, tick])
  if (!at)
    return (
      <Text span inherit c="dimmed">
        {none}
      </Text>
    )
  return (
    <time dateTime={at} title={exact.format(new Date(at))}>
      {relative(at, now)}
    </time>
  )
}

export function relative(at: string, now: number): string {
  const seconds = Math.round((Date.parse(at) - now) / 1000)
  const span = Math.abs(seconds)
  for (const [i, [unit, size]] of STEPS.entries()) {
    const smaller = STEPS[i + 1]?.[1] ?? 1
    const is = span >= size || Math.round(span / smaller) * smaller >= size // 60 minutes are an hour
    if (is) return words.format(Math.round(seconds / size), unit)
  }
  return seconds > 5 ? 'in under a minute' : 'just now'
}

let now = Date.now()
const useNow = () => useSyncExternalStore(everyHalfMinute, () => now)

function everyHalfMinute(changed: () => void): () => void {
  now = Date.now()
  const timer = setInterval(() => {
    now = Date.now()
    changed()
  }, 30_000)
  return () => clearInterval(timer)
}
