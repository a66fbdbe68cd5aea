import { Badge } from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { type Caller, callersQuery } from '../../api/callers.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { keys as k } from '../../texts/keys.ts'
import { LastHour } from '../../ui/callers.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ButtonLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type KeyRow, keysQuery, ownerOf } from '../keys/api.ts'
import { stateOf } from '../keys/key-values.ts'
import { useDeployment } from './api.ts'

interface Row {
  id: string | number
  name: string
  /** undefined: it is not known, or reaches it no more */
  key?: KeyRow
  caller?: Caller
}

/** Which keys may call it, and which did. Keys themselves are for editors to see. */
export function CallersPage() {
  const session = useSession()
  const project = useProject()
  const { deployment } = useDeployment()
  const edits = may(session, 'editor', project.slug)
  const keys = useQuery({ ...keysQuery(ownerOf(project)), enabled: edits })
  const callers = useQuery({
    ...callersQuery({ project: project.project_id, deployment: deployment.name }),
    refetchInterval: 30_000,
  })
  const error = keys.error ?? callers.error
  const rows = useMemo(() => {
    if (!callers.data || (edits && !keys.data)) return undefined
    return rowsOf(keys.data ?? [], callers.data, deployment.name)
  }, [keys.data, callers.data, edits, deployment.name])
  const columns = useMemo(() => columnsFor(deployment.name, edits), [deployment.name, edits])
  if (rows?.length === 0)
    return (
      <EmptyState
        icon={IconKey}
        title={edits ? t.noKeysTitle : t.noCallersTitle}
        text={edits ? t.noKeysText : t.noCallersText}
        action={
          edits && (
            <ButtonLink to="/projects/$project/keys" params={{ project: project.slug }}>
              {t.keysOfProject}
            </ButtonLink>
          )
        }
      />
    )
  return (
    <Section title={t.mayCall} about={t.mayCallAbout}>
      <ProblemAlert error={error} />
      <DataTable
        label={t.callers}
        columns={columns}
        rows={rows}
        error={error}
        rowKey={row => row.id}
        search={row => row.name}
      />
    </Section>
  )
}

const reaches = (key: KeyRow, name: string): boolean =>
  isForAll(key) || (key.allowed_deployments?.includes(name) ?? false)

/** Without any list a key reaches all of the project. */
const isForAll = ({ allowed_services, allowed_endpoints, allowed_deployments }: KeyRow): boolean =>
  !(allowed_services?.length || allowed_endpoints?.length || allowed_deployments?.length)

function rowsOf(keys: KeyRow[], callers: Caller[], name: string): Row[] {
  const working = keys.filter(key => reaches(key, name) && ['active', 'ending'].includes(stateOf(key)))
  const ofKey = (id: number) => callers.find(({ key_id }) => key_id === id)
  const may = working.map((key): Row => ({ id: key.id, name: key.name, key, caller: ofKey(key.id) }))
  const others = callers.filter(({ key_id }) => !working.some(({ id }) => id === key_id))
  return [
    ...may,
    ...others.map(
      (caller): Row => ({
        id: caller.key_id ?? `${caller.key}`,
        name: caller.key ?? t.keyGone,
        caller,
      }),
    ),
  ]
}

const reachOf = ({ key }: Row, name: string): string => {
  if (!key) return t.reachNone
  if (isForAll(key)) return t.reachAll
  const lists = [key.allowed_services, key.allowed_endpoints, key.allowed_deployments]
  return lists.flatMap(list => list ?? []).every(listed => listed === name) ? t.reachOnly : t.reachSome
}

const columnsFor = (name: string, edits: boolean): Column<Row>[] => [
  { key: 'key', header: t.key, sort: row => row.name, cell: row => row.name },
  ...(edits
    ? [
        {
          key: 'reach',
          header: t.reach,
          sort: (row: Row) => reachOf(row, name),
          cell: (row: Row) => (
            <>
              {reachOf(row, name)}{' '}
              {row.key && stateOf(row.key) === 'ending' && <Badge color="yellow">{k.states.ending}</Badge>}
            </>
          ),
        },
      ]
    : []),
  {
    key: 'calls',
    header: t.calls,
    align: 'end',
    sort: ({ caller }) => caller?.calls ?? 0,
    cell: ({ caller }) => <span className="tabular">{(caller?.calls ?? 0).toLocaleString('en')}</span>,
  },
  {
    key: 'last',
    header: t.lastCall,
    sort: ({ caller }) => caller?.last_hour,
    cell: ({ caller }) => (caller ? <LastHour at={caller.last_hour} /> : <RelativeTime at={null} />),
  },
]
