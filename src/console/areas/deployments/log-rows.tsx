import { Box, Mark, Text } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useLayoutEffect, useRef } from 'react'
import { deployments as t } from '../../texts/deployments.ts'
import { clockOf, type LogLine, type Stream } from './log-lines.ts'

interface LogRowsProps {
  label: string
  lines: readonly LogLine[]
  /** is marked in them, whatever its case */
  word: string
  wraps: boolean
  /** whether the view stays at the end */
  follows: boolean
  /** told false where somebody scrolls up, true where they are at the end again */
  onFollow: (follows: boolean) => void
}

const LINE_HEIGHT = 20
/** px from the end that are the end */
const NEAR = 6

/** The lines that are in view, of however many there are. */
export function LogRows({ label, lines, word, wraps, follows, onFollow }: LogRowsProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const lastTop = useRef(0)
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: index => lines[index]!.id,
    overscan: 20,
  })
  const drawn = virtual.getVirtualItems()
  const height = virtual.getTotalSize()

  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves where lines come, and where they are measured
  useLayoutEffect(() => {
    const { current } = scroller
    if (!current || !follows) return
    current.scrollTop = current.scrollHeight
    lastTop.current = current.scrollTop
  }, [follows, lines, height, wraps])

  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!
    const isAtEnd = scrollHeight - clientHeight - scrollTop < NEAR
    const wentUp = scrollTop < lastTop.current - 1
    lastTop.current = scrollTop
    if (follows ? !isAtEnd && wentUp : isAtEnd && !wentUp) onFollow(!follows)
  }

  return (
    <Box
      ref={scroller}
      role="log"
      aria-label={label}
      aria-live={follows ? 'polite' : 'off'}
      tabIndex={0}
      onScroll={scrolled}
      h="max(320px, calc(100dvh - 360px))"
      ff="monospace"
      fz="xs"
      style={{ overflow: 'auto', overflowAnchor: 'none', outlineOffset: -2 }}
    >
      <div style={{ height }}>
        <div
          style={{
            transform: `translateY(${drawn[0]?.start ?? 0}px)`,
            width: wraps ? undefined : 'max-content',
            minWidth: '100%',
          }}
        >
          {drawn.map(({ index, key }) => (
            <div key={key} ref={virtual.measureElement} data-index={index}>
              <Line line={lines[index]!} word={word} wraps={wraps} />
            </div>
          ))}
        </div>
      </div>
    </Box>
  )
}

const COLOURS: Record<Stream, string | undefined> = {
  out: undefined,
  err: 'var(--mantine-color-error)',
  callgate: 'var(--mantine-color-anchor)',
  gap: 'var(--mantine-color-dimmed)',
}

/** What it comes from stands before it in words: colour alone says nothing. */
function Line({ line: { at, source, stream, text }, word, wraps }: { line: LogLine; word: string; wraps: boolean }) {
  return (
    <Box display="flex" px={12} lh={`${LINE_HEIGHT}px`} mih={LINE_HEIGHT} style={{ gap: 10 }} data-stream={stream}>
      {at && (
        <Text span inherit c="dimmed" flex="none" component="time" dateTime={at} title={at}>
          {clockOf(at)}
        </Text>
      )}
      {source && (
        <Text span inherit c="dimmed" flex="none" visibleFrom="sm">
          {source}
        </Text>
      )}
      <Text span inherit flex="none" w="8ch" c={COLOURS[stream] ?? 'dimmed'}>
        {t.streamMarks[stream]}
      </Text>
      <Text
        span
        inherit
        flex={1}
        miw={0}
        c={COLOURS[stream]}
        style={{ whiteSpace: wraps ? 'pre-wrap' : 'pre', overflowWrap: wraps ? 'anywhere' : undefined }}
      >
        {word ? marked(text, word) : text}
      </Text>
    </Box>
  )
}

function marked(text: string, word: string) {
  const parts: React.ReactNode[] = []
  const lower = text.toLowerCase()
  let from = 0
  for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, from)) {
    parts.push(text.slice(from, at), <Mark key={at}>{text.slice(at, at + word.length)}</Mark>)
    from = at + word.length
  }
  return [...parts, text.slice(from)]
}
