import { Text, Breadcrumbs as Trail } from '@mantine/core'
import { useMatches } from '@tanstack/react-router'
import { useEffect } from 'react'
import { shell as t } from '../texts/shell.ts'
import { TextLink } from '../ui/link.tsx'
import { useCalled } from './called.ts'

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
            <TextLink
              key={crumb.path}
              to={crumb.path as '/'}
              // only the last is where one is
              activeOptions={{ exact: true }}
              c="dimmed"
              truncate
              visibleFrom="xs"
              title={crumb.title}
            >
              {crumb.title}
            </TextLink>
          ),
        )}
      </Trail>
    </nav>
  )
}
