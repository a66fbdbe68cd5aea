import { Badge } from '@mantine/core'
import { Link, type LinkProps } from '@tanstack/react-router'

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
  return (
    <nav aria-label={label} className="tab-links">
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
