import { Badge, Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { account as t } from '../../texts/account.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type SessionRow, sessionsQuery, useEndOtherSessions, useEndSession } from './api.ts'
import { browserName } from './browser-name.ts'

export function Sessions() {
  const { data, error } = useQuery(sessionsQuery)
  const endOthers = useEndOtherSessions()
  const columns = useColumns()
  const askToEndOthers = () =>
    confirmDestructive({
      title: t.endOthersTitle,
      children: <Text size="sm">{t.endOthersText}</Text>,
      confirm: t.endOthers,
      onConfirm: () => endOthers.mutateAsync(),
    })
  return (
    <Section
      title={t.sessionsTitle}
      about={t.sessionsAbout}
      actions={
        data &&
        data.length > 1 && (
          <Button variant="default" size="xs" onClick={askToEndOthers}>
            {t.endOthers}
          </Button>
        )
      }
    >
      <ProblemAlert error={error} />
      <DataTable label={t.sessionsTitle} columns={columns} rows={data} error={error} rowKey={rowKey} />
    </Section>
  )
}

const rowKey = (session: SessionRow) => session.id

function useColumns(): Column<SessionRow>[] {
  const end = useEndSession()
  return [
    {
      key: 'browser',
      header: t.browser,
      cell: session => (
        <Group gap="xs" wrap="nowrap" title={session.user_agent}>
          {browserName(session.user_agent)}
          {session.current && <Badge>{t.thisOne}</Badge>}
        </Group>
      ),
    },
    { key: 'address', header: t.address, cell: session => session.address },
    { key: 'started', header: t.started, cell: session => <RelativeTime at={session.created_at} /> },
    { key: 'used', header: t.lastUsed, cell: session => <RelativeTime at={session.last_used_at} /> },
    { key: 'ends', header: t.ends, cell: session => <RelativeTime at={session.expires_at} /> },
    {
      key: 'end',
      header: '',
      align: 'end',
      cell: session =>
        !session.current && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t.endOne(browserName(session.user_agent))}
            onClick={() => end.mutate(session.id, { onSuccess: () => showDone(t.endedDone), onError: showProblem })}
          >
            {t.end}
          </Button>
        ),
    },
  ]
}
