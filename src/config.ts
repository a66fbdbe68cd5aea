/** Every setting of the server, declared once: flags, environment variables, help and README all come from this list. */
import { isAbsolute, resolve } from 'node:path'
import { networkOf } from './lib/address.ts'
import { parseDuration } from './lib/duration.ts'
import { usableCpus } from './lib/machine.ts'
import { nearestOf } from './lib/text.ts'

interface Setting<T> {
  /** The flag without its dashes; the environment variable is `CALLGATE_` and it in capitals with `_`. */
  flag: string
  placeholder: string
  help: string
  default: string
  parse: (text: string) => T
}

const setting = <T>(
  flag: string,
  placeholder: string,
  fallback: string,
  help: string,
  parse: (text: string) => T,
): Setting<T> => ({ flag, placeholder, help, default: fallback, parse })

/** Thrown by a setting's parser; the message follows the flag's name: `--port must be ...`. */
class Unacceptable extends Error {}

const text = (value: string) => value
const optionalPath = (value: string) => (value === '' ? undefined : isAbsolute(value) ? value : resolve(value))
const path = (value: string) => {
  if (value === '') throw new Unacceptable('must name a path')
  return resolve(value)
}
/** An IPv6 address also in its brackets. Nothing is not every address: that is said as 0.0.0.0. */
const address = (value: string) => {
  if (value.trim() === '') throw new Unacceptable('must be an address such as 127.0.0.1, or 0.0.0.0 for all')
  return value.replace(/^\[(.*)\]$/, '$1')
}
const wholeNumber = (from: number, to: number) => (value: string) => {
  if (!/^\d+$/.test(value) || Number(value) < from || Number(value) > to)
    throw new Unacceptable(`must be a whole number from ${from} to ${to}`)
  return Number(value)
}
const oneOf =
  <T extends string>(...choices: T[]) =>
  (value: string): T => {
    if (!choices.includes(value as T)) throw new Unacceptable(`must be ${choices.join(' or ')}`)
    return value as T
  }
const duration = (from: number, to: number) => (value: string) => {
  const milliseconds = parseDuration(value) ?? Number.NaN
  if (!(milliseconds >= from && milliseconds <= to))
    throw new Unacceptable(`must be a duration such as 500ms, 30s or 2m, from ${from / 1000}s to ${to / 1000}s`)
  return milliseconds
}
/** `16MB`, `512KB` or bytes. */
const size = (value: string) => {
  const match = /^(\d+)\s*(|B|KB|MB|GB|KiB|MiB|GiB)$/i.exec(value)
  const unit = match && ({ k: 1, m: 2, g: 3 }[match[2]!.charAt(0).toLowerCase()] ?? 0)
  const bytes = Number(match?.[1]) * 1024 ** (unit ?? 0)
  if (!Number.isSafeInteger(bytes)) throw new Unacceptable('must be a size such as 16MiB')
  return bytes
}
const optionalSize = (value: string) => (value === '' ? undefined : size(value))
const origins = (value: string) => {
  const list = value
    .split(',')
    .map(part => part.trim())
    .filter(Boolean)
  for (const origin of list)
    if (origin !== '*' && (origin.includes('*') || !URL.canParse(origin) || new URL(origin).origin !== origin))
      throw new Unacceptable('must be exact origins such as https://app.example.org, separated by commas, or *')
  return list
}
/** A dot at either end is let be. */
const domain = (value: string) => {
  const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
  if (value !== '' && !new RegExp(`^\\.?${label}(?:\\.${label})*\\.?$`, 'i').test(value))
    throw new Unacceptable('must be a domain such as serving.example.org, without a scheme, a port and a path')
  return value
}
const networks = (value: string) =>
  value
    .split(',')
    .map(part => part.trim())
    .filter(Boolean)
    .map(part => {
      const network = networkOf(part)
      if (!network) throw new Unacceptable('must be addresses or networks such as 10.0.0.0/8, separated by commas')
      return network
    })

export const SETTINGS = {
  manifest: setting(
    'manifest',
    'FILE',
    '',
    'Projects, data, models, services and keys from this YAML file',
    optionalPath,
  ),
  dataDir: setting('data-dir', 'DIR', './callgate-data', 'Where everything is kept', path),
  runtimeDir: setting(
    'runtime-dir',
    'DIR',
    '',
    'Where native libraries are unpacked (default: runtime in the data directory)',
    optionalPath,
  ),
  host: setting('host', 'ADDRESS', '127.0.0.1', 'The address to listen on (0.0.0.0 for all)', address),
  port: setting('port', 'PORT', '8080', 'The port to listen on (0 for any free one)', wholeNumber(0, 65535)),
  scoring: setting(
    'scoring',
    'MODE',
    'worker',
    'worker: persistent scoring processes; subprocess: a fresh process for each request',
    oneOf('worker', 'subprocess'),
  ),
  scoringWorkers: setting(
    'scoring-workers',
    'N',
    String(Math.max(1, usableCpus() >> 1)),
    'Scoring processes (default: half the CPUs)',
    wholeNumber(1, 64),
  ),
  scoringThreads: setting('scoring-threads', 'N', '1', 'Threads inside one inference', wholeNumber(1, 64)),
  modelMemory: setting(
    'model-memory',
    'SIZE',
    '',
    'Memory of all scoring processes; beyond it, the least recently used models are unloaded (default: half of the memory)',
    optionalSize,
  ),
  functionWorkers: setting(
    'function-workers',
    'N',
    String(Math.max(2, usableCpus())),
    'Processes for functions, started when there are any (default: the CPUs, at least 2)',
    wholeNumber(1, 64),
  ),
  functionNetworks: setting(
    'function-networks',
    'CIDR,...',
    '',
    'Networks that functions may fetch from although their addresses are not public',
    networks,
  ),
  queryWorkers: setting(
    'query-workers',
    'N',
    '2',
    'Processes for queries that may take long, and as many for exports; for SQLite and DuckDB each',
    wholeNumber(1, 64),
  ),
  resultCache: setting('result-cache', 'SIZE', '64MiB', 'Memory for cached answers of queries (0: no caching)', size),
  modelLoading: setting(
    'model-loading',
    'WHEN',
    'background',
    'background: models are loaded when they are published; first-use: by their first call',
    oneOf('background', 'first-use'),
  ),
  requestTimeout: setting(
    'request-timeout',
    'TIME',
    '30s',
    'A call that takes longer is answered with 504',
    duration(100, 240_000),
  ),
  drainDelay: setting(
    'drain-delay',
    'TIME',
    '2s',
    'On SIGTERM, how long /-/ready says 503 before new connections are refused',
    duration(0, 60_000),
  ),
  maxBody: setting('max-body', 'SIZE', '16MiB', 'The largest request body of a call', size),
  maxUpload: setting('max-upload', 'SIZE', '2GiB', 'The largest uploaded table or model', size),
  maxDeploymentBody: setting(
    'max-deployment-body',
    'SIZE',
    '1GiB',
    'The largest request body that is forwarded to a deployment',
    size,
  ),
  projectDeployments: setting(
    'project-deployments',
    'KINDS',
    'models',
    'What administrators of a project may deploy over the API: models, or all (programs and upstreams too)',
    oneOf('models', 'all'),
  ),
  deploymentUser: setting(
    'deployment-user',
    'USER',
    '',
    'The user that programs of deployments run as, if Callgate runs as root',
    text,
  ),
  corsOrigins: setting(
    'cors-origins',
    'ORIGINS',
    '',
    'Origins from which browsers may call: exact ones separated by commas, or *',
    origins,
  ),
  hostDomain: setting(
    'host-domain',
    'DOMAIN',
    '',
    'Deployments are also served at {deployment}.{project}.DOMAIN',
    domain,
  ),
  tlsCert: setting('tls-cert', 'FILE', '', 'Serve HTTPS with this certificate (PEM)', optionalPath),
  tlsKey: setting('tls-key', 'FILE', '', 'The private key of --tls-cert (PEM)', optionalPath),
  trustedProxies: setting(
    'trusted-proxies',
    'CIDR,...',
    '',
    'Addresses whose X-Forwarded-* headers are believed',
    networks,
  ),
  logLevel: setting(
    'log-level',
    'LEVEL',
    'info',
    'debug, info, warn, error or silent',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
  ),
} as const

type Settings = typeof SETTINGS
export type Config = { -readonly [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never } & {
  /** by flag: what was given, as it was written */
  given: Record<string, { text: string; by: 'flag' | 'environment' }>
}

/** What was wrong with the command line or the environment, all of it at once. */
export class ConfigError extends Error {
  constructor(faults: string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigError'
  }
}

export const environmentName = (flag: string) => `CALLGATE_${flag.toUpperCase().replaceAll('-', '_')}`

/**
 * What a flag's variable says. Set to nothing is not set, and neither is a port where Kubernetes set the variable: to
 * `tcp://10.0.0.1:8080` in every container beside a Service that is called `callgate`.
 */
export function fromEnvironment(flag: string, env: Record<string, string | undefined>): string | undefined {
  const value = env[environmentName(flag)] || undefined
  return flag === SETTINGS.port.flag && value?.startsWith('tcp://') ? undefined : value
}

/**
 * Flags win over the environment, which wins over the defaults. `positional` holds what is not a flag.
 * @throws ConfigError every unknown flag, missing value and unacceptable value together
 */
export function readConfig(
  argv: string[],
  env: Record<string, string | undefined> = process.env,
): { config: Config; positional: string[] } {
  const faults: string[] = []
  const given = new Map<string, string>()
  const positional: string[] = []
  const flags = new Set<string>(Object.values(SETTINGS).map(s => s.flag))
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!
    if (!arg.startsWith('--')) {
      if (/^-./.test(arg)) faults.push(`${arg} is not a setting`)
      else positional.push(arg)
      continue
    }
    const [flag, inline] = splitFlag(arg)
    const value = inline ?? (argv[i + 1]?.startsWith('--') ? undefined : argv[++i])
    if (!flags.has(flag)) faults.push(`--${flag} is not a setting${nearest(flag, flags)}`)
    else if (value === undefined) faults.push(`--${flag} needs a value`)
    else given.set(flag, value)
  }
  const config: Record<string, unknown> = {}
  const inForce: Config['given'] = {}
  for (const [name, s] of Object.entries(SETTINGS)) {
    const variable = fromEnvironment(s.flag, env)
    const raw = given.get(s.flag) ?? variable ?? s.default
    if (given.has(s.flag)) inForce[s.flag] = { text: raw, by: 'flag' }
    else if (variable !== undefined) inForce[s.flag] = { text: raw, by: 'environment' }
    try {
      config[name] = s.parse(raw)
    } catch (error) {
      if (!(error instanceof Unacceptable)) throw error
      faults.push(`${given.has(s.flag) ? `--${s.flag}` : environmentName(s.flag)} ${error.message}`)
    }
  }
  if (!config.tlsCert !== !config.tlsKey) faults.push('--tls-cert and --tls-key go together')
  if (faults.length) throw new ConfigError(faults)
  return { config: { ...config, given: inForce } as Config, positional }
}

function splitFlag(arg: string): [string, string | undefined] {
  const equals = arg.indexOf('=')
  return equals < 0 ? [arg.slice(2), undefined] : [arg.slice(2, equals), arg.slice(equals + 1)]
}

function nearest(flag: string, flags: Set<string>): string {
  const close = flag && (nearestOf(flag, flags) ?? [...flags].find(f => f.startsWith(flag.slice(0, 4))))
  return close ? `; did you mean --${close}?` : ''
}

/** The settings as help text, one a line. */
export function settingsHelp(): string {
  return Object.values(SETTINGS)
    .map(s => {
      const left = `  --${s.flag} ${s.placeholder}`
      const shown = s.default && !s.help.includes('(default') ? ` (default: ${s.default})` : ''
      return `${left.padEnd(28)} ${s.help}${shown}`
    })
    .join('\n')
}
