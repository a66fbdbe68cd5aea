import { Badge, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import { useMemo, useState } from 'react'
import { pretty } from '../../api/exact-json.ts'
import { Problem } from '../../api/http.ts'
import { testPane as t } from '../../texts/test-pane.ts'
import { CopyIcon } from '../../ui/copy.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { valueColumn } from '../../ui/value-column.tsx'
import type { TestResult } from './api.ts'
import { parsed } from './test-input.ts'

/** Characters that are shown: a browser draws no more in good time. */
const MOST_SHOWN = 200_000

interface RowsAnswer {
  columns: { name: string; type: string }[]
  rows: Record<string, unknown>[]
  count: number
  has_more?: boolean
}

/** A refusal as one; undefined: it is none. */
export function problemIn({ status, text }: TestResult): Problem | undefined {
  if (status < 400) return undefined
  const body = parsed(text)
  return new Problem(status, typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {})
}

export function TestAnswer({ result }: { result: TestResult }) {
  const { status, milliseconds, type, text, log } = result
  const [view, setView] = useState<'table' | 'json'>('table')
  const rows = useMemo(() => rowsIn(result), [result])
  const problem = problemIn(result)
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <Group gap="xs">
          <Badge color={status < 400 ? 'green' : status < 500 ? 'orange' : 'red'} data-status={status}>
            {status}
          </Badge>
          <Text size="xs" c="dimmed" className="tabular" title={t.withNetwork}>
            {t.took(milliseconds)}
          </Text>
          {rows && (
            <Text size="xs" c="dimmed" className="tabular">
              {t.rows(rows.count, rows.has_more ?? false)}
            </Text>
          )}
        </Group>
        {rows && (
          <SegmentedControl
            size="xs"
            aria-label={t.result}
            data={[
              { value: 'table', label: t.table },
              { value: 'json', label: t.json },
            ]}
            value={view}
            onChange={value => setView(value as 'table' | 'json')}
          />
        )}
      </Group>
      {problem && <ProblemAlert error={problem} />}
      {rows && view === 'table' ? <RowsTable answer={rows} /> : <Body type={type} text={text} />}
      {log.length > 0 && (
        <Stack gap={4}>
          <Text size="sm" fw={500}>
            {t.log}
          </Text>
          <Block label={t.log} text={log.join('\n')} />
        </Stack>
      )}
    </Stack>
  )
}

function rowsIn({ status, text }: TestResult): RowsAnswer | undefined {
  if (status !== 200) return undefined
  const value = parsed(text) as Partial<RowsAnswer> | null | undefined
  return Array.isArray(value?.columns) && Array.isArray(value.rows) && typeof value.count === 'number'
    ? (value as RowsAnswer)
    : undefined
}

function RowsTable({ answer }: { answer: RowsAnswer }) {
  const columns = useMemo(
    () =>
      answer.columns.map(column => ({
        ...valueColumn(column),
        sort: (row: Record<string, unknown>) => row[column.name] as string | number | boolean | null,
      })),
    [answer],
  )
  if (answer.rows.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t.noRows}
      </Text>
    )
  return <DataTable label={t.result} columns={columns} rows={answer.rows} rowKey={(_, i) => i} maxHeight={420} />
}

function Body({ type, text }: { type: string; text: string }) {
  const shown = useMemo(() => (/\bjson\b/.test(type) ? pretty(text) : text), [type, text])
  if (text === '')
    return (
      <Text size="sm" c="dimmed">
        {t.nothing}
      </Text>
    )
  return <Block label={t.result} text={shown} />
}

function Block({ label, text }: { label: string; text: string }) {
  return (
    <Stack gap={4}>
      <div className="code-with-copy">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        {/* biome-ignore lint/a11y/useSemanticElements: no landmark, as the part of the page around it has the same name */}
        <div className="code-block tall" tabIndex={0} role="group" aria-label={label}>
          <pre>
            <code>{text.slice(0, MOST_SHOWN)}</code>
          </pre>
        </div>
        <div className="copy">
          <CopyIcon value={text} what={label} />
        </div>
      </div>
      {text.length > MOST_SHOWN && (
        <Text size="xs" c="dimmed">
          {t.cut(MOST_SHOWN, text.length)}
        </Text>
      )}
    </Stack>
  )
}
