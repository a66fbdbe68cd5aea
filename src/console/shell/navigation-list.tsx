import { ScrollArea, Stack, Text } from '@mantine/core'
import { Link, useMatchRoute, useParams } from '@tanstack/react-router'
import type { SessionState } from '../api/session.ts'
import { shell as t } from '../texts/shell.ts'
import { INSTALLATION_ITEMS, type NavigationItem, OWN_ITEMS, PROJECT_ITEMS } from './navigation.ts'
import { useChosenProject } from './project-switcher.tsx'

/** @param onChoose where a page is chosen, that which one is on too */
export function Navigation({ session, onChoose }: { session: SessionState; onChoose: () => void }) {
  const project = useChosenProject()
  return (
    <ScrollArea type="never" style={{ flex: 1 }}>
      <Stack gap="lg" pt="sm">
        {project && (
          <Items items={PROJECT_ITEMS} session={session} project={project.slug} label={t.project} onChoose={onChoose} />
        )}
        <Items items={INSTALLATION_ITEMS} session={session} label={t.sections.installation} onChoose={onChoose} />
        <Items items={OWN_ITEMS} session={session} label={t.sections.you} onChoose={onChoose} />
      </Stack>
    </ScrollArea>
  )
}

interface ItemsProps {
  items: NavigationItem[]
  session: SessionState
  label: string
  project?: string
  onChoose: () => void
}

function Items({ items, session, label, project, onChoose }: ItemsProps) {
  const { project: here } = useParams({ strict: false })
  const matches = useMatchRoute()
  const shown = items.filter(item => !item.admin || session.is_admin)
  if (shown.length === 0) return null
  return (
    <nav aria-label={label}>
      <Text size="xs" fw={600} c="dimmed" px={10} mb={4} truncate>
        {label}
      </Text>
      <ul className="nav-list">
        {shown.map(({ label, icon: Picture, to, also, exact }) => (
          <li key={String(to)}>
            <Link
              to={to}
              params={{ project: project ?? here ?? '' } as never}
              activeOptions={{ exact: exact ?? false, includeSearch: false }}
              aria-current={also && matches({ to: also }) ? 'page' : undefined}
              className="nav-item"
              onClick={onChoose}
            >
              <Picture size={17} stroke={1.6} aria-hidden />
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
