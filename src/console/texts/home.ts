export const home = {
  title: 'Home',
  health: 'Health',
  ready: 'Ready',
  readyText: 'Everything published answers.',
  notReady: 'Not ready',
  unreachable: 'Not reachable',
  version: 'Version',
} as const
