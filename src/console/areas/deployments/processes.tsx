import { Badge } from '@mantine/core'
import { deployments as t } from '../../texts/deployments.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Section } from '../../ui/page.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import type { Replica } from './api.ts'

const COLOURS: Record<Replica['state'], string> = { starting: 'blue', ready: 'teal', stopping: 'yellow', ended: 'red' }

/** A program's processes, those of the revision that comes and of the one that goes among them. */
export const Processes = ({ replicas }: { replicas: Replica[] }) => (
  <Section title={t.processes}>
    {replicas.length === 0 ? (
      <span className="dimmed">{t.noProcesses}</span>
    ) : (
      <DataTable label={t.processes} columns={COLUMNS} rows={replicas} rowKey={keyOf} maxHeight={420} />
    )}
  </Section>
)

const keyOf = ({ part, revision, number, pid }: Replica) => `${part} ${revision} ${number} ${pid}`

const COLUMNS: Column<Replica>[] = [
  {
    key: 'replica',
    header: t.process,
    cell: ({ revision, number, pid }) => (
      <>
        <span className="tabular">{t.replicaOf(revision, number)}</span>{' '}
        <span className="dimmed-code">{pid ?? ''}</span>
      </>
    ),
  },
  {
    key: 'part',
    header: t.part,
    cell: ({ part, state }) => (part === 'current' && state !== 'ready' ? t.partComing : t.parts[part]),
  },
  {
    key: 'state',
    header: t.state,
    cell: ({ state }) => <Badge color={COLOURS[state]}>{t.replicaStates[state]}</Badge>,
  },
  {
    key: 'in-flight',
    header: t.inFlight,
    align: 'end',
    cell: ({ requests_in_flight }) => <span className="tabular">{requests_in_flight}</span>,
  },
  { key: 'started', header: t.started, cell: ({ started_at }) => <RelativeTime at={started_at} /> },
  {
    key: 'restarts',
    header: t.restarts,
    align: 'end',
    cell: ({ restarts }) => <span className="tabular">{restarts}</span>,
  },
  {
    key: 'again',
    header: t.again,
    cell: ({ restarts_in_ms: ms }) => (ms === null ? '–' : <span className="tabular">{t.inMilliseconds(ms)}</span>),
  },
]
