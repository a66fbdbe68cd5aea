import { DataDirLocked } from '../../db/lock.ts'
import { NewerCatalog } from '../../db/migrate.ts'
import { ConfigError, settingsHelp } from '../config.ts'
import { Fault, machineTrouble } from '../lib/fault.ts'
import { version } from '../lib/version.ts'
import { log } from '../telemetry/log.ts'
import { asksForHelp } from './client.ts'
import { CommandError } from './command-error.ts'
import { health } from './health.ts'
import { print } from './print.ts'

const HELP = `Callgate ${version}: tables, models and functions as key-gated REST endpoints.

  callgate demo [settings]              the NYC flights sample, published, with a key
  callgate serve FILE... [settings]     each .csv .csv.gz .tsv .json .ndjson .parquet .onnx file, published, with a key
  callgate serve --manifest FILE        what a manifest declares
  callgate serve                        what the data directory holds
  callgate secret dk|hf                 prints a new key, or a new token
  callgate function types               prints the types that handlers of functions are written with
  callgate function test HANDLER        runs a handler once (--request FILE: the request, as JSON)
  callgate deployment ...               servers behind one URL and one key: "callgate deployment help"
  callgate health                       asks the server on this machine whether it is alive
  callgate licenses                     prints the licences of the software in this executable
  callgate version

Settings (each also as an environment variable: --data-dir is CALLGATE_DATA_DIR):

${settingsHelp()}

  CALLGATE_ADMIN_TOKEN, CALLGATE_ADMIN_USERNAME, CALLGATE_ADMIN_PASSWORD set the first administrator.`

/** Runs a command. @returns the exit status; 2: the command line is wrong, 1: it failed */
export async function runCli(argv: string[]): Promise<number> {
  const [command, ...rest] = argv
  // what cannot be told on stderr is no failure of what is done; unheard, the exit status would be 1
  process.stderr.on('error', () => {})
  process.stdout.on('error', command === 'serve' || command === 'demo' ? goOnUnread : endUnread)
  try {
    if (command === 'deployment') return await (await import('./deployment.ts')).deployment(rest)
    if (command === undefined || command === 'help' || command.startsWith('-h') || asksForHelp(argv)) {
      print(HELP)
      return 0
    }
    switch (command) {
      case 'version':
      case '--version':
        print(version)
        return 0
      case 'secret':
        return (await import('./secret.ts')).secret(rest)
      case 'function':
        return await (await import('./function.ts')).functionCommand(rest)
      case 'licenses':
        return await (await import('./licenses.ts')).licenses(rest)
      case 'health':
        return health(rest)
      case 'serve':
        return await (await import('./serve.ts')).serve(rest)
      case 'demo':
        return await (await import('./demo.ts')).demo(rest)
      default:
        console.error(`callgate ${command}: no such command. "callgate help" lists them.`)
        return 2
    }
  } catch (error) {
    return failed(error)
  }
}

/** Whoever reads what is printed may leave before its end (`| head`), which is no failure; a disk that is full is one. */
function endUnread({ code }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') process.exit(0)
  console.error(`callgate: what is printed cannot be written (${code}).`)
  process.exit(1)
}

let isTold = false

/** A server goes on; but what it shows only once is lost. */
function goOnUnread({ code }: NodeJS.ErrnoException): void {
  if (!isTold) log.warn({ code }, 'what is printed cannot be written: a key or a token in it is not shown again')
  isTold = true
}

/** With what caused it, and without the pieces of the source that Bun shows beside errors. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.stack ?? error.message}${error.cause ? `\nbecause of ${told(error.cause)}` : ''}`
}

/** One clear line (or two) for what a person can put right; anything else with its stack, to be reported. */
function failed(thrown: unknown): number {
  const error = machineTrouble(thrown) ?? thrown
  if (error instanceof ConfigError) {
    console.error(`callgate: ${error.message.replaceAll('\n', '\ncallgate: ')}`)
    return 2
  }
  if (error instanceof CommandError) {
    console.error(`callgate: ${error.message}`)
    return error.status
  }
  if (
    error instanceof DataDirLocked ||
    error instanceof NewerCatalog ||
    (error instanceof Fault && error.status !== 500)
  ) {
    console.error(`callgate: ${error.message}`)
    // what is wrong with this server is in its causes, which only whoever runs it may read
    if (error instanceof Fault && error.status > 500)
      for (let { cause } = error; cause instanceof Error; { cause } = cause) console.error(`callgate: ${cause.message}`)
    return 1
  }
  console.error(`callgate: this should not have happened; please report it: ${told(error)}`)
  return 1
}
