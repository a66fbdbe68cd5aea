/** What the navigation shows. A new area adds its line here. */
import { type Icon, IconDatabase, IconFolders, IconHome, IconKey } from '@tabler/icons-react'
import type { LinkProps } from '@tanstack/react-router'
import { navigation as t } from '../texts/navigation.ts'

export interface NavigationItem {
  label: string
  icon: Icon
  to: LinkProps['to']
  /** for administrators of the installation only */
  admin?: boolean
  /** is marked on this very page only, not on those below it */
  exact?: boolean
}

/** Of the project that is chosen: `$project` in `to` is its slug. */
export const PROJECT_ITEMS: NavigationItem[] = [
  { label: t.overview, icon: IconDatabase, to: '/projects/$project', exact: true },
  { label: t.keys, icon: IconKey, to: '/projects/$project/keys' },
]

export const INSTALLATION_ITEMS: NavigationItem[] = [
  { label: t.home, icon: IconHome, to: '/', exact: true },
  { label: t.projects, icon: IconFolders, to: '/projects', exact: true },
]

export const OWN_ITEMS: NavigationItem[] = []
