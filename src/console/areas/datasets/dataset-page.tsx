import { Badge, Button, Group } from '@mantine/core'
import { IconRefresh, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Outlet, useParams } from '@tanstack/react-router'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { uploads } from '../../texts/uploads.ts'
import { uses } from '../../texts/uses.ts'
import { ButtonLink } from '../../ui/link.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { Page, UnreadPage } from '../../ui/page.tsx'
import { TabLinks } from '../../ui/tab-links.tsx'
import { type DatasetRow, datasetQuery, useReadAgain } from './api.ts'

const BASE = '/projects/$project/datasets/$dataset'

/** What stands around every part of a dataset: what it is, and what can be done with it. */
export function DatasetPage() {
  const project = useProject()
  const { dataset: name = '' } = useParams({ strict: false })
  const { data, error } = useQuery(datasetQuery(project.project_id, name))
  if (error instanceof Problem && error.status === 404 && !data) throw error
  if (!data) return <UnreadPage title={name} error={error} />
  const dataset = data.value
  const open = dataset.columns.filter(c => c.proposal !== null).length
  return (
    <Page
      title={dataset.name}
      about={<About dataset={dataset} />}
      badge={<Badges dataset={dataset} />}
      actions={<Actions dataset={dataset} />}
    >
      <TabLinks
        label={t.tabs}
        params={{ project: project.slug, dataset: dataset.name }}
        tabs={[
          { label: t.preview, to: BASE, exact: true },
          { label: t.columns, to: `${BASE}/columns`, count: open, open: true },
          { label: t.settings, to: `${BASE}/settings` },
          { label: uses.title, to: `${BASE}/used-by`, count: dataset.used_by.length },
        ]}
      />
      <Outlet />
    </Page>
  )
}

const About = ({ dataset }: { dataset: DatasetRow }) => (
  <>
    {dataset.description && (
      <>
        {dataset.description}
        <br />
      </>
    )}
    {t.facts(dataset.row_count, dataset.columns.length)}
    {dataset.size_bytes !== null && `, ${uploads.size(dataset.size_bytes)}`}
  </>
)

const Badges = ({ dataset }: { dataset: DatasetRow }) => (
  <Group gap={6}>
    <Badge color="gray">{t.engines[dataset.engine]}</Badge>
    {dataset.writable && <Badge color="blue">{t.writable}</Badge>}
  </Group>
)

function Actions({ dataset }: { dataset: DatasetRow }) {
  const session = useSession()
  const project = useProject()
  const again = useReadAgain(project.project_id, dataset.name)
  if (!may(session, 'editor', project.slug)) return null
  const isElsewhere = dataset.origin === 'file' || dataset.origin === 'files' || dataset.origin === 'table'
  const refresh = () =>
    again.mutate(undefined, {
      onSuccess: ({ refreshed }) => showDone(refreshed ? t.refreshDone : t.refreshSame),
      onError: showProblem,
    })
  return isElsewhere ? (
    <Button variant="default" leftSection={<IconRefresh size={16} />} loading={again.isPending} onClick={refresh}>
      {t.refreshNow}
    </Button>
  ) : (
    <ButtonLink
      to="/projects/$project/datasets/upload"
      params={{ project: project.slug }}
      search={{ name: dataset.name }}
      variant="default"
      leftSection={<IconUpload size={16} />}
    >
      {t.replaceRows}
    </ButtonLink>
  )
}
