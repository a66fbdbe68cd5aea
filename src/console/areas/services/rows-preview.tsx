import { Alert, Box, Group, List, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconAlertTriangle } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { type EndpointConfig, useService } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { valueColumn } from '../../ui/value-column.tsx'
import { tryEndpoint } from './api.ts'

interface Param {
  name: string
  required: boolean
  /** it may be repeated: commas part its values */
  several: boolean
  usual: string | undefined
}

interface Rows {
  columns: { name: string; type: string }[]
  rows: Record<string, unknown>[]
  count: number
  has_more: boolean
}

interface RowsPreviewProps {
  endpoint: EndpointConfig
  params: Param[]
  /** rows that are shown at most */
  limit: number
  /** whether enough is filled in to be tried */
  complete: boolean
}

const PAUSE_MS = 350

/** The first rows of a query, its statement, and what it costs: asked for again as the query is changed. */
export function RowsPreview({ endpoint, params, limit, complete }: RowsPreviewProps) {
  const { service } = useService()
  const [given, setGiven] = useState<Record<string, string>>({})
  const wanted = JSON.stringify({
    endpoint: { ...endpoint, id: endpoint.id || 'preview' },
    input: inputOf(params, given, limit),
  })
  const [asked] = useDebouncedValue(wanted, PAUSE_MS)
  const missing = params.filter(({ name, required }) => required && !given[name])
  const { data, error, isFetching } = useQuery({
    queryKey: ['try', service.id, asked],
    queryFn: ({ signal }) => {
      const { endpoint, input } = JSON.parse(asked) as { endpoint: EndpointConfig; input: unknown }
      return tryEndpoint(service.id, endpoint, JSON.stringify(input), signal)
    },
    enabled: complete && missing.length === 0,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 30_000,
    gcTime: 60_000,
  })
  const rows = data?.body as Rows | undefined
  const columns = useMemo(() => (rows?.columns ?? []).map(valueColumn), [rows])
  return (
    <Stack gap="sm">
      {params.length > 0 && (
        <Group gap="xs" align="flex-end" role="group" aria-label={t.parameters}>
          {params.map(({ name, required, usual }) => (
            <TextInput
              key={name}
              label={name}
              required={required}
              placeholder={usual}
              value={given[name] ?? ''}
              onChange={event => {
                const { value } = event.currentTarget
                setGiven(before => ({ ...before, [name]: value }))
              }}
              flex="1 1 120px"
              autoComplete="off"
              spellCheck={false}
            />
          ))}
        </Group>
      )}
      {!complete && <Hint>{t.fillIn}</Hint>}
      {complete && missing.length > 0 && <Hint>{t.giveParams(missing.map(({ name }) => name).join(', '))}</Hint>}
      {complete && missing.length === 0 && (
        <>
          {error && <ProblemAlert error={error} />}
          {!rows && !error && <Box aria-busy={isFetching} mih={120} />}
          {rows && !error && (
            <Stack gap="sm" aria-live="polite">
              <DataTable label={t.rowsLabel} columns={columns} rows={rows.rows} rowKey={(_, i) => i} maxHeight={380} />
              <Text size="xs" c="dimmed">
                {t.firstRows(rows.count, rows.has_more)}
              </Text>
            </Stack>
          )}
          {data && !error && data.warnings.length > 0 && (
            <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title={t.indexAdvice}>
              <List size="sm">
                {data.warnings.map(warning => (
                  <List.Item key={warning}>{warning}</List.Item>
                ))}
              </List>
            </Alert>
          )}
          {data?.sql && !error && (
            <div>
              <Text size="sm" fw={500} mb={4}>
                {t.compiledSql}
              </Text>
              <CodeSample label={t.compiledSql} samples={[{ language: 'SQL', code: inLines(data.sql) }]} />
            </div>
          )}
        </>
      )}
    </Stack>
  )
}

const Hint = ({ children }: { children: string }) => (
  <Text size="sm" c="dimmed">
    {children}
  </Text>
)

function inputOf(params: Param[], given: Record<string, string>, limit: number): Record<string, string | string[]> {
  const values = params.flatMap(({ name, several }): [string, string | string[]][] => {
    const text = given[name]
    if (!text) return []
    return [[name, several ? text.split(/,\s?/) : text]]
  })
  return { ...Object.fromEntries(values), limit: String(limit) }
}

/** A statement with a line for each of its clauses. */
const inLines = (sql: string) =>
  sql.replace(/ (?=(FROM|(LEFT |INNER )JOIN|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT) )|(?<!LEFT|INNER) (?=JOIN )/g, '\n')
