import { Badge } from '@mantine/core'
import { Link, type LinkProps } from '@tanstack/react-router'

export interface TabLink {
  label: string
  to: LinkProps['to']
  /** beside the label, where it is not 0 */
  count?: number
  /** is marked on this very page only */
  exact?: boolean
}

/** Parts of a thing, each with a URL of its own. `params` are those of the URL that the links are below. */
export function TabLinks({ label, tabs, params }: { label: string; tabs: TabLink[]; params: Record<string, string> }) {
  return (
    <nav aria-label={label} className="tab-links">
      {tabs.map(({ label: name, to, count, exact }) => (
        <Link
          key={String(to)}
          to={to}
          params={params as never}
          activeOptions={{ exact: exact ?? false, includeSearch: false }}
          className="tab-link"
        >
          {name}
          {count ? (
            <Badge size="sm" color="gray">
              {count}
            </Badge>
          ) : null}
        </Link>
      ))}
    </nav>
  )
}
