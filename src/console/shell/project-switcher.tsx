import { Select } from '@mantine/core'
import { IconFolder } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useRouterState } from '@tanstack/react-router'
import { useEffect } from 'react'
import { type ProjectRow, projectsQuery } from '../api/projects.ts'
import type { SessionState } from '../api/session.ts'
import { shell as t } from '../texts/shell.ts'

const REMEMBERED = 'callgate-project'

/** The project that the URL names; on pages without one, the one that was chosen last, or the first. */
export function useChosenProject(): ProjectRow | undefined {
  const { project: slug } = useParams({ strict: false })
  const { data = [] } = useQuery(projectsQuery)
  useEffect(() => {
    if (slug) localStorage.setItem(REMEMBERED, slug)
  }, [slug])
  const wanted = slug ?? localStorage.getItem(REMEMBERED)
  return data.find(project => project.slug === wanted) ?? (slug ? undefined : data[0])
}

/** Goes to the same section of another project. */
export function ProjectSwitcher({ session }: { session: SessionState }) {
  const navigate = useNavigate()
  const chosen = useChosenProject()
  const { data = [] } = useQuery(projectsQuery)
  const section = useRouterState({
    select: state => /\/projects\/[^/]+(\/[^/]+)?/.exec(state.location.pathname)?.[1] ?? '',
  })
  return (
    <section aria-label={t.chosen}>
      <Select
        key={session.user_id}
        aria-label={t.project}
        placeholder={t.noProject}
        leftSection={<IconFolder size={16} />}
        data={data.map(project => ({ value: project.slug, label: project.name }))}
        value={chosen?.slug ?? null}
        onChange={slug => slug && void navigate({ to: `/projects/${slug}${section}` as never })}
        searchable={data.length > 6}
        nothingFoundMessage={t.noProject}
        disabled={data.length === 0}
        comboboxProps={{ shadow: 'md' }}
      />
    </section>
  )
}
