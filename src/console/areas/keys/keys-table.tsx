import { ActionIcon, Badge, Code, Group, Menu, Text } from '@mantine/core'
import { IconChartBar, IconDots, IconKey, IconPencil, IconRefresh, IconTrash } from '@tabler/icons-react'
import type { UsageGroup } from '../../api/usage.ts'
import { keys as t } from '../../texts/keys.ts'
import { traffic } from '../../texts/traffic.ts'
import type { Column } from '../../ui/data-table.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { UsageCell } from '../../ui/usage-cell.tsx'
import { useMenuFocus } from '../../ui/use-menu-focus.ts'
import type { KeyRow } from './api.ts'
import { type KeyState, shownKey, stateOf } from './key-values.ts'

export interface KeyActions {
  edit: (key: KeyRow) => void
  showUsage: (key: KeyRow) => void
  rotate: (key: KeyRow) => void
  revoke: (key: KeyRow) => void
  restore: (key: KeyRow) => void
}

const COLORS: Record<KeyState, string> = { active: 'green', ending: 'orange', expired: 'gray', revoked: 'red' }

/** @param week what was called in the last 7 days, by key */
export const keyColumns = (project: string, actions: KeyActions, week: UsageGroup[] | undefined): Column<KeyRow>[] => [
  {
    key: 'name',
    header: t.name,
    sort: key => key.name,
    cell: key => (
      <Text size="sm" fw={500} truncate title={key.name} maw={220}>
        {key.name}
      </Text>
    ),
  },
  {
    key: 'state',
    header: t.state,
    sort: key => stateOf(key),
    cell: key => (
      <Group gap={6} wrap="nowrap">
        <Badge color={COLORS[stateOf(key)]}>{t.states[stateOf(key)]}</Badge>
        {key.rotated_to !== null && (
          <Badge color="gray" title={t.rotatedTo(key.rotated_to)}>
            {t.rotated}
          </Badge>
        )}
      </Group>
    ),
  },
  { key: 'key', header: t.key, cell: key => <Code>{shownKey(key)}</Code> },
  {
    key: 'reach',
    header: t.reach,
    cell: key => (
      <Text size="sm" truncate maw={240} title={reachList(key).join(', ')}>
        {reachText(key)}
      </Text>
    ),
  },
  {
    key: 'sees',
    header: t.sees,
    sort: key => `${key.masking_level} ${key.sensitivity_max}`,
    cell: key => (
      <Group gap={6} wrap="nowrap">
        <Badge color={key.masking_level === 'masked' ? 'gray' : 'orange'}>
          {`${t[key.masking_level]}, ${t.upTo(key.sensitivity_max)}`}
        </Badge>
        {key.row_scope && (
          <Badge color="blue" title={JSON.stringify(key.row_scope)}>
            {t.scoped(Object.keys(key.row_scope).join(', '))}
          </Badge>
        )}
        {key.allowed_columns.length > 0 && (
          <Badge color="blue" title={key.allowed_columns.join(', ')}>
            {t.someColumns(key.allowed_columns.length)}
          </Badge>
        )}
      </Group>
    ),
  },
  {
    key: 'limit',
    header: t.limit,
    align: 'end',
    sort: key => key.rate_limit ?? Number.POSITIVE_INFINITY,
    cell: key => (key.rate_limit === null ? t.noLimit : t.perMinute(key.rate_limit)),
  },
  { key: 'ends', header: t.ends, sort: key => key.expires_at, cell: key => <RelativeTime at={key.expires_at} /> },
  {
    key: 'used',
    header: t.lastUsed,
    sort: key => key.last_used_at,
    cell: key => (
      <UsageCell
        group={week?.find(group => group.key_id === key.id)}
        name={key.name}
        project={project}
        search={{ range: 'week', key: key.id }}
      >
        <RelativeTime at={key.last_used_at} />
      </UsageCell>
    ),
  },
  { key: 'actions', header: '', align: 'end', width: 52, cell: key => <Actions of={key} {...actions} /> },
]

function Actions({ of, edit, showUsage, rotate, revoke, restore }: KeyActions & { of: KeyRow }) {
  const state = stateOf(of)
  const works = state === 'active' || state === 'ending'
  const { button, chosen } = useMenuFocus()
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon ref={button} size="md" aria-label={t.actions(of.name)}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={15} />} onClick={chosen(() => edit(of))}>
          {t.edit}
        </Menu.Item>
        <Menu.Item leftSection={<IconChartBar size={15} />} onClick={chosen(() => showUsage(of))}>
          {traffic.usage}
        </Menu.Item>
        {works && of.rotated_to === null && (
          <Menu.Item leftSection={<IconRefresh size={15} />} onClick={chosen(() => rotate(of))}>
            {t.rotate}
          </Menu.Item>
        )}
        {of.is_active ? (
          <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={chosen(() => revoke(of))}>
            {t.revoke}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconKey size={15} />} onClick={chosen(() => restore(of))}>
            {t.restore}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

const reachList = (key: KeyRow): string[] => [
  ...(key.allowed_services ?? []),
  ...(key.allowed_endpoints ?? []),
  ...(key.allowed_deployments ?? []),
]

function reachText(key: KeyRow): string {
  const ofProject = key.manage_models !== undefined
  const [services, endpoints, deployments] = [key.allowed_services, key.allowed_endpoints, key.allowed_deployments]
  const all = reachList(key)
  const text =
    all.length === 0
      ? ofProject
        ? t.wholeProject
        : t.allEndpoints
      : all.length <= 2
        ? all.join(', ')
        : t.reachCount(services?.length ?? 0, endpoints?.length ?? 0, deployments?.length ?? 0)
  return key.manage_models ? `${text} · ${t.managesModels}` : text
}
