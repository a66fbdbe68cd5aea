/** What a deployment is declared to be, while somebody edits it. */
import type { CommandConfig, DeploymentKind as Kind, UpstreamConfig } from '../../../catalog/deployments.ts'
import type { ModelReference } from '../../../catalog/service-config.ts'
import type { DeploymentRow } from '../../../management/deployments.ts'
import { Problem } from '../../api/http.ts'

/**
 * The fields as the API takes them. `env` holds what is to change of the variables, as nobody is shown what they are set to:
 * null takes one away.
 */
export type Definition = Partial<Omit<CommandConfig, 'env'> & UpstreamConfig & ModelReference> & {
  env?: Record<string, string | null>
}

export interface EditorProps {
  definition: Definition
  onChange: (definition: Definition) => void
  /** variables that are set already */
  envNames: string[]
  errors: Record<string, string>
}

export const definitionOf = ({ config }: Pick<DeploymentRow, 'config'>): Definition => {
  const { env_names: _, ...definition } = config as Definition & { env_names?: string[] }
  return definition
}

export const envNamesOf = ({ config }: Pick<DeploymentRow, 'config'>): string[] =>
  (config as { env_names?: string[] }).env_names ?? []

/** A new one begins as this. */
export const blank = (kind: Kind): Definition => {
  if (kind === 'command') return { command: [], min_instances: 1 }
  return kind === 'upstream' ? { upstream: '' } : { model: '' }
}

export const kindOf = (definition: Definition): Kind | undefined => {
  if (definition.command !== undefined) return 'command'
  if (definition.upstream !== undefined) return 'upstream'
  return definition.model !== undefined || definition.model_id !== undefined ? 'model' : undefined
}

/** For PATCH: what differs, and null for what is gone. */
export function patchOf(before: Definition, after: Definition): Record<string, unknown> {
  const [was, is] = [before as Record<string, unknown>, after as Record<string, unknown>]
  const gone = Object.keys(was).filter(field => !(field in is))
  const changed = Object.entries(is).filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(was[field]))
  return { ...Object.fromEntries(gone.map(field => [field, null])), ...Object.fromEntries(changed) }
}

export const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What a refusal says of the name. */
export function nameError(error: unknown): string | undefined {
  if (!(error instanceof Problem)) return undefined
  const { message, status } = error
  return status === 409 || /^(A deployment name|name) /.test(message) ? message : undefined
}

/** What a refusal says, by the field of the form that it names: `deployment NAME: cwd must be ...`. */
export function placeErrors(error: unknown, name: string, kind: Kind | undefined): Record<string, string> {
  if (!(error instanceof Problem) || error.status !== 422) return {}
  const { message } = error
  const about = `deployment ${name}: `
  const text = message.startsWith(about) ? message.slice(about.length) : message
  const field = /^([a-z_]+)(?=[ :.[])/.exec(text)?.[1]
  if (!field || !kind || !FIELDS[kind].includes(field)) return {}
  return { [field]: text.charAt(0).toUpperCase() + text.slice(1) }
}

/** Those that the form has. */
const FIELDS: Record<Kind, string[]> = {
  command: [
    ...['command', 'cwd', 'env', 'health', 'min_instances', 'replicas', 'idle_seconds', 'start_timeout_seconds'],
    ...['drain_seconds', 'timeout_seconds', 'health_interval_seconds', 'memory_mb', 'cpus', 'user'],
  ],
  upstream: ['upstream', 'health', 'timeout_seconds', 'connect_timeout_seconds', 'retries', 'ca'],
  model: ['model'],
}
