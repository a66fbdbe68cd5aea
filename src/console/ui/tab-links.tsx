import { Badge } from '@mantine/core'
import { Link, type LinkProps, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

export interface TabLink {
  label: string
  to: LinkProps['to']
  /** beside the label, where it is not 0 */
  count?: number
  /** that many wait for somebody */
  open?: boolean
  /** is marked on this very page only */
  exact?: boolean
}

interface TabLinksProps {
  label: string
  tabs: TabLink[]
  /** of the URL that the links are below */
  params: Record<string, string>
  /** whether what stands behind the `?` goes along */
  keepSearch?: boolean
}

/** Parts of a thing, each with a URL of its own. */
export function TabLinks({ label, tabs, params, keepSearch = false }: TabLinksProps) {
  const row = useRef<HTMLElement>(null)
  const pathname = useRouterState({ select: state => state.location.pathname })
  // on a small screen, the tab that one is on may be beyond the edge
  // biome-ignore lint/correctness/useExhaustiveDependencies: the page is what changes which one it is
  useEffect(() => {
    const here = row.current?.querySelector<HTMLElement>('[aria-current="page"]')
    if (here && row.current)
      row.current.scrollLeft = here.offsetLeft - row.current.clientWidth / 2 + here.offsetWidth / 2
  }, [pathname])
  return (
    <nav aria-label={label} className="tab-links" ref={row}>
      {tabs.map(({ label: name, to, count, open, exact }) => (
        <Link
          key={String(to)}
          to={to}
          params={params as never}
          search={keepSearch ? true : (undefined as never)}
          activeOptions={{ exact: exact ?? false, includeSearch: false }}
          className="tab-link"
        >
          {name}
          {count ? (
            <Badge size="sm" color={open ? 'yellow' : 'gray'}>
              {count}
            </Badge>
          ) : null}
        </Link>
      ))}
    </nav>
  )
}
