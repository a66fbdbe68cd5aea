import { account as t } from '../../texts/account.ts'

/** What to look for, in the order to look: each later browser's name is in the header of an earlier one, too. */
const BROWSERS = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari', 'curl'] as const
const SHOWN: Partial<Record<(typeof BROWSERS)[number], string>> = { Edg: 'Edge', OPR: 'Opera' }
const SYSTEMS = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS X', 'CrOS', 'Linux'] as const

/** A browser's `User-Agent` in words: `Firefox on Windows`. */
export function browserName(userAgent: string): string {
  const browser = BROWSERS.find(name => userAgent.includes(`${name}/`))
  if (!browser) return t.unknownBrowser
  const system = SYSTEMS.find(name => userAgent.includes(name))
  const name = SHOWN[browser] ?? browser
  return system ? t.on(name, system === 'Mac OS X' ? 'macOS' : system) : name
}
