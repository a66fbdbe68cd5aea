/** What the navigation and the breadcrumbs say. It is loaded first: routes take their titles from here, not from their area’s texts. */
export const navigation = {
  home: 'Home',
  projects: 'Projects',
  overview: 'Overview',
  members: 'Members',
  users: 'Users',
  user: 'User',
  connections: 'Connections',
  audit: 'Audit',
  settings: 'Settings',
  tokens: 'Tokens',
  account: 'Account',
} as const
