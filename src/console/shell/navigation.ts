/** What the navigation shows. A new area adds its line here. */
import {
  type Icon,
  IconApi,
  IconBox,
  IconChartBar,
  IconDatabase,
  IconFolders,
  IconHistory,
  IconHome,
  IconKey,
  IconPlugConnected,
  IconServer,
  IconSettings,
  IconTable,
  IconTerminal2,
  IconUserCircle,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react'
import type { LinkProps } from '@tanstack/react-router'
import { navigation as t } from '../texts/navigation.ts'

export interface NavigationItem {
  label: string
  icon: Icon
  to: LinkProps['to']
  /** a page of it that is not below it */
  also?: LinkProps['to']
  /** for administrators of the installation only */
  admin?: boolean
  /** is marked on this very page only, not on those below it */
  exact?: boolean
}

/** Of the project that is chosen: `$project` in `to` is its slug. */
export const PROJECT_ITEMS: NavigationItem[] = [
  { label: t.overview, icon: IconDatabase, to: '/projects/$project', exact: true },
  { label: t.datasets, icon: IconTable, to: '/projects/$project/datasets' },
  { label: t.models, icon: IconBox, to: '/projects/$project/models', also: '/projects/$project/upload-model' },
  { label: t.services, icon: IconApi, to: '/projects/$project/services' },
  {
    label: t.deployments,
    icon: IconServer,
    to: '/projects/$project/deployments',
    also: '/projects/$project/new-deployment',
  },
  { label: t.keys, icon: IconKey, to: '/projects/$project/keys' },
  { label: t.usage, icon: IconChartBar, to: '/projects/$project/usage' },
  { label: t.members, icon: IconUsersGroup, to: '/projects/$project/members' },
]

export const INSTALLATION_ITEMS: NavigationItem[] = [
  { label: t.home, icon: IconHome, to: '/', exact: true },
  { label: t.projects, icon: IconFolders, to: '/projects', exact: true },
  { label: t.users, icon: IconUsers, to: '/users', admin: true },
  { label: t.connections, icon: IconPlugConnected, to: '/connections', admin: true },
  { label: t.audit, icon: IconHistory, to: '/audit' },
  { label: t.settings, icon: IconSettings, to: '/settings', admin: true },
]

export const OWN_ITEMS: NavigationItem[] = [
  { label: t.account, icon: IconUserCircle, to: '/account' },
  { label: t.tokens, icon: IconTerminal2, to: '/tokens' },
]
