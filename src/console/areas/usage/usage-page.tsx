import { Badge, Button, Stack } from '@mantine/core'
import { IconChartBar } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { type ProjectRow, useProject } from '../../api/projects.ts'
import { servicesQuery } from '../../api/services.ts'
import type { GroupedUsage } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { fieldErrors } from '../../ui/field-errors.ts'
import { ButtonLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { deploymentsQuery } from '../deployments/api.ts'
import { isFiltered, isLive, usageQuery } from './api.ts'
import { CallsSection } from './calls-section.tsx'
import { ExportCsv } from './export-csv.tsx'
import { Figures } from './figures.tsx'
import { Filters } from './filters.tsx'
import { LatencySection } from './latency-section.tsx'
import { RangePicker } from './range-picker.tsx'
import type { UsageSearch } from './search.ts'
import { Slow, Throttled } from './top-tables.tsx'
import { Uncalled } from './uncalled.tsx'
import { WhoCalls } from './who-calls.tsx'

/** What a project's callers did: everything on it is of the time and the filters that the URL names. */
export function UsagePage() {
  const project = useProject()
  return <UsageOf key={project.project_id} project={project} />
}

function UsageOf({ project }: { project: ProjectRow }) {
  const search = useSearch({ from: '/shell/projects/$project/usage' })
  const navigate = useNavigate()
  const { data, error, isPlaceholderData } = useQuery({
    ...usageQuery(project.project_id, search),
    placeholderData: keepPreviousData,
  })
  const go = useCallback(
    (next: UsageSearch) =>
      void navigate({
        to: '/projects/$project/usage',
        params: { project: project.slug },
        search: next,
        resetScroll: false,
      }),
    [navigate, project.slug],
  )
  const { data: services } = useQuery(servicesQuery(project.project_id))
  const { data: deployments } = useQuery({ ...deploymentsQuery(project.project_id), refetchInterval: false })
  const isUnpublished =
    deployments?.items.length === 0 && services?.every(({ status }) => status !== 'published') === true
  const ends = fieldErrors(error, ['from', 'to'])
  return (
    <Page
      title={t.title}
      about={t.about}
      badge={
        isLive(search) && (
          <Badge color="teal" title={t.liveText}>
            {t.live}
          </Badge>
        )
      }
      actions={data && data.totals.calls > 0 && <ExportCsv report={data} search={search} />}
    >
      <Stack gap="sm">
        <RangePicker search={search} report={data} refused={ends} onChange={go} />
        <Filters search={search} onChange={go} />
      </Stack>
      {Object.keys(ends).length === 0 && <ProblemAlert error={error} />}
      {!(error && !data) && (
        <Stack gap="xl" style={{ opacity: isPlaceholderData ? 0.6 : 1 }} aria-busy={isPlaceholderData || undefined}>
          {data?.totals.calls === 0 ? (
            <Nothing search={search} isUnpublished={isUnpublished} onChange={go} />
          ) : (
            <Called report={data} search={search} onChange={go} />
          )}
          {!isUnpublished && search.key === undefined && search.status === undefined && <Uncalled search={search} />}
        </Stack>
      )}
    </Page>
  )
}

interface CalledProps {
  report: GroupedUsage | undefined
  search: UsageSearch
  onChange: (next: UsageSearch) => void
}

const Called = ({ report, search, onChange }: CalledProps) => (
  <>
    <Figures totals={report?.totals} />
    <CallsSection report={report} />
    <LatencySection report={report} />
    <div className="two-columns">
      <Throttled search={search} onChange={onChange} />
      <Slow search={search} onChange={onChange} />
    </div>
    <WhoCalls report={report} search={search} onChange={onChange} />
  </>
)

interface NothingProps {
  search: UsageSearch
  isUnpublished: boolean
  onChange: (next: UsageSearch) => void
}

function Nothing({ search, isUnpublished, onChange }: NothingProps) {
  const project = useProject()
  const filtered = isFiltered(search)
  const unpublished = !filtered && isUnpublished
  const { from: _from, to: _to, ...filters } = search
  return (
    <EmptyState
      icon={IconChartBar}
      title={filtered ? t.emptyFiltered : t.emptyTitle}
      text={unpublished ? t.emptyUnpublished : filtered ? t.emptyFilteredText : t.emptyText}
      action={
        unpublished ? (
          <ButtonLink to="/projects/$project/services" params={{ project: project.slug }} variant="default">
            {t.toServices}
          </ButtonLink>
        ) : (
          search.range !== 'month' && (
            <Button variant="default" onClick={() => onChange({ ...filters, range: 'month' })}>
              {t.longer}
            </Button>
          )
        )
      }
    />
  )
}
