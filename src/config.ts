/** Every setting of the server, declared once: flags, environment variables, help and README all come from this list. */
import { usableCpus } from './lib/machine.ts'
import {
  address,
  domain,
  duration,
  networks,
  oneOf,
  optionalPath,
  optionalSize,
  origins,
  path,
  size,
  text,
  Unacceptable,
  wholeNumber,
} from './lib/setting.ts'
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
