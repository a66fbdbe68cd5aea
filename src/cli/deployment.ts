import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { isObject } from '../lib/json.ts'
import { asksForHelp, CLIENT_HELP, Client, type Options, readArguments, table } from './client.ts'
import { CommandError } from './command-error.ts'
import { print } from './print.ts'

const HELP = `callgate deployment: servers behind one URL and one key.

  callgate deployment list
  callgate deployment show NAME
  callgate deployment create NAME --set FIELD=VALUE... | --file FILE
  callgate deployment update NAME --set FIELD=VALUE... | --file FILE     null takes a field away
  callgate deployment start | stop | restart | delete NAME
  callgate deployment logs NAME [-f] [--lines N]

  --project SLUG   whose (not needed where there is one project)
  --set FIELD=VALUE  a field as a manifest has it; the value is YAML: --set 'command=[python3, server.py]' --set replicas=2
  --file FILE      the fields, in YAML or JSON
  --lines N        of the log (100)
  -f, --follow     goes on with what is added to the log
  --no-wait        does not wait until what was started or changed is ready
${CLIENT_HELP}`

const OPTIONS: Options = {
  project: { type: 'string' },
  set: { type: 'string', multiple: true },
  file: { type: 'string' },
  lines: { type: 'string' },
  follow: { type: 'boolean', short: 'f' },
  'no-wait': { type: 'boolean' },
}
const ACTIONS = ['list', 'show', 'create', 'update', 'start', 'stop', 'restart', 'delete', 'logs']
/** What a deployment is in the middle of. */
const UNDER_WAY = new Set(['starting', 'updating'])
const LOOK_EVERY_MS = 250

interface Shown {
  name: string
  kind: string
  status: string
  reason: string | null
  endpoint_url: string
  replicas: {
    number: number
    revision: number
    state: string
    pid: number | null
    requests_in_flight: number
    restarts: number
    restarts_in_ms: number | null
  }[]
}

/** `callgate deployment ...`: a client of the management API. @returns the exit status. @throws CommandError */
export async function deployment(argv: string[]): Promise<number> {
  const [action, ...rest] = argv
  if (action === undefined || action === 'help' || asksForHelp(argv)) {
    print(HELP)
    return 0
  }
  const { values, positionals } = readArguments(rest, OPTIONS)
  const [name, ...more] = positionals
  if (!ACTIONS.includes(action))
    throw new CommandError(`There is no "deployment ${action}". Try "callgate deployment help".`, 2)
  const extra = action === 'list' ? name : more[0]
  if (extra !== undefined) throw new CommandError(`${extra} is one argument too many.`, 2)
  if (action !== 'list' && !name) throw new CommandError(`Name the deployment: callgate deployment ${action} NAME`, 2)
  // in a URL's path they are no names
  if (name === '.' || name === '..') throw new CommandError(`${name} is not the name of a deployment.`, 2)
  const given = action === 'create' || action === 'update' ? fields(values) : {}
  const client = new Client(values)
  const all = `/projects/${await client.projectId(values.project as string | undefined)}/deployments`
  const one = `${all}/${encodeURIComponent(name ?? '')}`
  const wait = values['no-wait'] !== true
  switch (action) {
    case 'list':
      return list(client, all)
    case 'show':
      return show(client, await client.call('GET', one))
    case 'create':
      return settled(client, one, await client.call('POST', all, { ...given, name }), wait)
    case 'update':
      return settled(client, one, await client.call('PATCH', one, given), wait)
    case 'start':
    case 'restart':
      return settled(client, one, await client.call('POST', `${one}/${action}`), wait)
    case 'stop':
      return show(client, await client.call('POST', `${one}/stop`))
    case 'delete':
      await client.call('DELETE', one)
      print(client.json ? '{"deleted":true}' : `${name} is deleted.`)
      return 0
    default:
      return logs(client, one, values)
  }
}

async function list(client: Client, path: string): Promise<number> {
  const answer = (await client.call('GET', path)) as { items: Shown[] }
  if (client.json) print(JSON.stringify(answer))
  else
    print(
      table(
        ['NAME', 'KIND', 'STATUS', 'URL'],
        answer.items.map(d => [d.name, d.kind, d.status, d.endpoint_url]),
      ),
    )
  return 0
}

function show(client: Client, shown: Shown): number {
  if (client.json) print(JSON.stringify(shown))
  else {
    print(`${shown.name}: ${shown.status}${shown.reason ? ` (${shown.reason})` : ''}`)
    print(`  ${shown.endpoint_url}`)
    for (const r of shown.replicas)
      print(
        `  r${r.revision}.${r.number}: ${r.state}, ${r.pid === null ? 'no process' : `process ${r.pid}`}, ${r.requests_in_flight} requests, ${r.restarts} restarts${again(r.restarts_in_ms)}`,
      )
  }
  return shown.status === 'failing' ? 1 : 0
}

const again = (ms: number | null) => (ms === null ? '' : `, the next in ${Math.ceil(ms / 1000)} s`)

/** Waits until what was begun is done. */
async function settled(client: Client, path: string, begun: Shown, wait: boolean): Promise<number> {
  let shown = begun
  while (wait && UNDER_WAY.has(shown.status)) {
    await Bun.sleep(LOOK_EVERY_MS)
    shown = await client.call('GET', path)
  }
  return show(client, shown)
}

async function logs(client: Client, path: string, values: Record<string, unknown>): Promise<number> {
  const query = new URLSearchParams({ lines: String(values.lines ?? 100), follow: String(values.follow === true) })
  const response = await client.send('GET', `${path}/logs?${query}`)
  // whoever reads slowly is waited for: what is written to them meanwhile would be held here
  for await (const piece of client.pieces(response)) await new Promise(done => process.stdout.write(piece, done))
  return 0
}

/** @throws CommandError neither --set nor --file, or what is in them is no field */
function fields({ set, file }: Record<string, unknown>): Record<string, unknown> {
  const given: Record<string, unknown> = file === undefined ? {} : fromFile(String(file))
  for (const one of (set ?? []) as string[]) {
    const equals = one.indexOf('=')
    if (equals <= 0) throw new CommandError(`--set takes FIELD=VALUE, and not ${one}.`, 2)
    given[one.slice(0, equals)] = yaml(one.slice(equals + 1), `--set ${one.slice(0, equals)}`)
  }
  if (set === undefined && file === undefined) throw new CommandError('Give its fields with --set or --file.', 2)
  return given
}

function fromFile(file: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(`There is no file ${file}.`, 2)
  }
  const given = yaml(text, file)
  if (!isObject(given)) throw new CommandError(`${file} must hold fields and their values.`, 2)
  return given
}

function yaml(text: string, where: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new CommandError(`${where}: ${(error as Error).message.split('\n')[0]}`, 2)
  }
}
