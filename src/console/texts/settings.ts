export const settings = {
  title: 'Settings',
  about: 'What the server was started with. They are given by flags or variables, and read at the start.',
  version: (version: string) => `Callgate ${version}`,
  setting: 'Setting',
  value: 'Value',
  source: 'From',
  meaning: 'Meaning',
  sources: { flag: 'flag', environment: 'environment', default: 'default' },
  notSet: 'not set',
  onlyGiven: 'Only those that were given',
} as const
