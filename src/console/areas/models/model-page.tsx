import { Badge, Group, Select } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Outlet, useMatchRoute, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { models as t } from '../../texts/models.ts'
import { uses } from '../../texts/uses.ts'
import { ButtonLink } from '../../ui/link.tsx'
import { Page, UnreadPage } from '../../ui/page.tsx'
import { TabLinks } from '../../ui/tab-links.tsx'
import { type ModelRow, modelQuery } from './api.ts'

const BASE = '/projects/$project/models/$model'

/** What stands around every part of a model. */
export function ModelPage() {
  const project = useProject()
  const session = useSession()
  const { model: name = '' } = useParams({ strict: false })
  const { data: model, error } = useQuery(modelQuery(project.project_id, name))
  if (error instanceof Problem && error.status === 404 && !model) throw error
  if (!model) return <UnreadPage title={name} error={error} />
  return (
    <Page
      title={model.name}
      badge={<Badge color="gray">{t.tasks[model.task_type] ?? model.task_type}</Badge>}
      actions={
        <>
          <VersionChoice model={model} />
          {may(session, 'editor', project.slug) && (
            <ButtonLink
              to="/projects/$project/upload-model"
              params={{ project: project.slug }}
              search={{ name: model.name }}
              variant="default"
              leftSection={<IconUpload size={16} />}
            >
              {t.uploadVersion}
            </ButtonLink>
          )}
        </>
      }
    >
      <TabLinks
        label={t.tabs}
        params={{ project: project.slug, model: model.name }}
        keepSearch
        tabs={[
          { label: t.overview, to: BASE, exact: true },
          { label: t.tryIt, to: `${BASE}/try` },
          { label: t.versions, to: `${BASE}/versions`, count: model.versions.length },
          { label: uses.title, to: `${BASE}/used-by`, count: model.used_by.length },
        ]}
      />
      <Outlet />
    </Page>
  )
}

/** The parts that are about one version are about this one. */
function VersionChoice({ model }: { model: ModelRow }) {
  const navigate = useNavigate()
  const matches = useMatchRoute()
  const { version } = useSearch({ from: `/shell${BASE}` })
  const shown = model.versions.find(v => v.version === version) ?? model
  const isAboutOne = matches({ to: BASE }) || matches({ to: `${BASE}/try` })
  if (model.versions.length < 2 || !isAboutOne) return null
  return (
    <Group gap="xs">
      <Select
        aria-label={t.shownVersion}
        w={170}
        data={model.versions.map(v => ({
          value: String(v.version),
          label: `${t.version} ${v.version}${v.active ? `, ${t.isActive}` : ''}`,
        }))}
        value={String(shown.version)}
        onChange={value =>
          void navigate({
            to: '.',
            search: Number(value) === model.version ? {} : { version: Number(value) },
          } as never)
        }
      />
    </Group>
  )
}
