import { Text, Breadcrumbs as Trail } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMatches, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { projectsQuery } from '../api/projects.ts'
import { servicesQuery } from '../api/services.ts'
import type { Called } from '../app/root.ts'
import { shell as t } from '../texts/shell.ts'
import { TextLink } from '../ui/link.tsx'

/** As the pages say it, which have read the same. */
function useCalled(): Called {
  const { project: slug, service: key } = useParams({ strict: false })
  const { data: projects } = useQuery({ ...projectsQuery, enabled: slug !== undefined })
  const project = projects?.find(known => known.slug === slug)
  const { data: services } = useQuery({
    ...servicesQuery(project?.project_id ?? 0),
    enabled: project !== undefined && key !== undefined,
  })
  return { project: project?.name, service: services?.find(({ asset_key }) => asset_key === key)?.title }
}

/** Where one is, from the titles of the routes; the window's title says the same. */
export function Breadcrumbs() {
  const called = useCalled()
  const crumbs = useMatches().flatMap(({ staticData: { title }, params, pathname }) => {
    if (!title) return []
    return [
      { path: pathname, title: typeof title === 'string' ? title : title(params as Record<string, string>, called) },
    ]
  })
  const windowTitle = [...crumbs.map(crumb => crumb.title).reverse(), t.product].join(' · ')
  useEffect(() => {
    document.title = windowTitle
  }, [windowTitle])
  return (
    <nav aria-label={t.breadcrumbs} style={{ minWidth: 0, overflow: 'hidden' }}>
      <Trail
        className="trail"
        separatorMargin={6}
        styles={{ root: { flexWrap: 'nowrap' }, breadcrumb: { lineHeight: 1.5 } }}
      >
        <TextLink to="/" fw={700} size="md" c="var(--mantine-color-text)" underline="never">
          {t.product}
        </TextLink>
        {crumbs.map((crumb, i) =>
          i === crumbs.length - 1 ? (
            <Text key={crumb.path} size="sm" truncate aria-current="page" title={crumb.title}>
              {crumb.title}
            </Text>
          ) : (
            <TextLink key={crumb.path} to={crumb.path as '/'} c="dimmed" truncate visibleFrom="xs">
              {crumb.title}
            </TextLink>
          ),
        )}
      </Trail>
    </nav>
  )
}
