/** `GET /api/settings`: what the server was started with. Settings are given by flags and variables; none of them is a secret. */
import { environmentName, SETTINGS } from '../config.ts'
import { type ManagementContext, needAdmin, type SignedIn } from './context.ts'
import { json } from './respond.ts'

export function settings({ config }: ManagementContext, who: SignedIn): Response {
  needAdmin(who)
  return json({ settings: Object.values(SETTINGS).map(setting => settingRow(setting, config.given)) })
}

type Given = ManagementContext['config']['given']

const settingRow = ({ flag, help, default: fallback }: (typeof SETTINGS)[keyof typeof SETTINGS], given: Given) => ({
  flag: `--${flag}`,
  variable: environmentName(flag),
  help,
  default: fallback,
  value: given[flag]?.text ?? fallback,
  /** `flag`, `environment` or `default` */
  source: given[flag]?.by ?? ('default' as const),
})
export type SettingRow = ReturnType<typeof settingRow>
