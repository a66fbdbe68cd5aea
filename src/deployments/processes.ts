/** The processes of this machine, as Linux shows them; none elsewhere. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'
import ipaddr from 'ipaddr.js'

export interface ProcessEntry {
  pid: number
  parent: number
  group: number
  session: number
  /** it has ended, and nobody took its status yet */
  ended: boolean
}

export function processes(): ProcessEntry[] {
  return pids().flatMap(pid => {
    try {
      // the name in parentheses may hold anything, so what follows its last one is read
      const [state, parent, group, session] = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ', 4)
      return [
        {
          pid,
          parent: Number(parent),
          group: Number(group),
          session: Number(session),
          ended: state === 'Z' || state === 'X',
        },
      ]
    } catch {
      return []
    }
  })
}

/** Those below a process: its children, theirs, and so on. */
export function descendants(of: number, table: ProcessEntry[]): ProcessEntry[] {
  const children = Map.groupBy(table, entry => entry.parent)
  const found: ProcessEntry[] = []
  const look = (pid: number) => {
    for (const child of children.get(pid) ?? []) {
      found.push(child)
      look(child.pid)
    }
  }
  look(of)
  return found
}

/** Says where a program's temporary folder is, where its declaration sets another `TMPDIR`. */
export const OWN_FOLDER = 'CALLGATE_TMPDIR'

/**
 * Whether a process belongs to a deployment whose temporary folder is this one, or below it: its environment says so, and it
 * has that from whoever started it, however it came away from them since.
 */
export function hasTemporaryFolder(pid: number, folders: readonly string[]): boolean {
  return [OWN_FOLDER, 'TMPDIR'].some(name => {
    const own = variableOf(pid, name)
    return own !== undefined && folders.some(folder => own === folder || own.startsWith(folder + sep))
  })
}

/** A variable in the environment that a process was started with; undefined: it is not there, or not to be read. */
export function variableOf(pid: number, name: string): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    return environment.findLast(line => line.startsWith(`${name}=`))?.slice(name.length + 1)
  } catch {
    return undefined
  }
}

/** Where processes of a session listen for TCP, as `127.0.0.1:8000`: nothing where it is not to be seen. */
export function listenersOf(session: number): string[] {
  const own = new Set(processes().flatMap(entry => (entry.session === session ? socketsOf(entry.pid) : [])))
  const found = ['tcp', 'tcp6'].flatMap(table =>
    linesOf(`/proc/net/${table}`).flatMap(line => {
      const [, local, , state, , , , , , socket] = line.trim().split(/\s+/)
      return state === LISTENING && own.has(socket!) ? addressOf(local!) : []
    }),
  )
  return [...new Set(found)]
}
const LISTENING = '0A'

/** The numbers of the sockets that a process has open. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap(fd => /^socket:\[(\d+)\]$/.exec(targetOf(`${folder}/${fd}`))?.[1] ?? [])
  } catch {
    return [] // it is gone, or another user's
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return '' // of many files one may be closed just then
  }
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n')
  } catch {
    return []
  }
}

/** Of `0100007F:1F90`: each four bytes are a number of this machine's order. */
function addressOf(local: string): string {
  const [words = '', port = ''] = local.split(':')
  const bytes = [...Buffer.from(words, 'hex').swap32()]
  const address = ipaddr.fromByteArray(bytes)
  const host = address.kind() === 'ipv6' ? `[${address}]` : String(address)
  return `${host}:${Number.parseInt(port, 16)}`
}

/**
 * Ends processes, and what they start meanwhile.
 * @param find who is to go, looked for again and again until there is nobody
 */
export async function killAll(find: () => number[], forMs = 5000): Promise<void> {
  for (const end = performance.now() + forMs; performance.now() < end; await Bun.sleep(5)) {
    const found = find()
    if (found.length === 0) return
    for (const pid of found) signal(pid, 'SIGKILL')
  }
}

/** Sends a signal to a process, or (negative) to a group; one that is not there is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {}
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}
