import { Text } from '@mantine/core'
import { structuredPatch } from 'diff'
import { useMemo } from 'react'
import { stringify } from 'yaml'
import { services as t } from '../../texts/services.ts'

/** Lines around a change. */
const CONTEXT = 4

interface DiffViewProps {
  label: string
  left: unknown
  right: unknown
  /** what is said where nothing differs */
  same?: string
}

/** What differs between two values, as the manifest writes them: a line that is gone, a line that is new. */
export default function DiffView({ label, left, right, same = t.same }: DiffViewProps) {
  const hunks = useMemo(
    () => structuredPatch('', '', written(left), written(right), '', '', { context: CONTEXT }).hunks,
    [left, right],
  )
  if (hunks.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {same}
      </Text>
    )
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section className="code-block diff" tabIndex={0} aria-label={label}>
      {hunks.map(({ oldStart, newStart, lines }) => (
        <div key={`${oldStart} ${newStart}`}>
          <span className="diff-place">{`@@ ${oldStart} → ${newStart}`}</span>
          {numbered(lines).map(([key, line]) => (
            <Line key={key} line={line} />
          ))}
        </div>
      ))}
    </section>
  )
}

const written = (value: unknown) => stringify(value, { lineWidth: 0 })

const numbered = (lines: string[]) =>
  lines.filter(line => !line.startsWith('\\')).map((line, i): [number, string] => [i, line])

function Line({ line }: { line: string }) {
  const shown = `${line[0]} ${line.slice(1)}`
  if (line.startsWith('-')) return <del>{shown}</del>
  if (line.startsWith('+')) return <ins>{shown}</ins>
  return <span>{shown}</span>
}
