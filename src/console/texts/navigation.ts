export const navigation = {
  home: 'Home',
  projects: 'Projects',
  overview: 'Overview',
  keys: 'Keys',
  members: 'Members',
  users: 'Users',
  connections: 'Connections',
  audit: 'Audit',
  settings: 'Settings',
  tokens: 'Tokens',
  sessions: 'Sessions',
  account: 'Account',
} as const
