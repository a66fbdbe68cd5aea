import { closeSync, statSync } from 'node:fs'
import { Fault } from '../../lib/fault.ts'
import { within } from '../../lib/pause.ts'
import { descendants, hasTemporaryFolder, killAll, processes, signal, variableOf } from '../processes.ts'
import { LogFile } from './log-file.ts'
import { openPosix, type Posix } from './posix.ts'
import type { Event, Exit, Program, Remark } from './program.ts'

const LAST_WORDS_MS = 500
const MOST_OF_A_LINE = 8192
const REAP_EVERY_MS = 10_000
const LOOK_EVERY_MS = 50

interface Running {
  program: Program
  child: Bun.Subprocess
  /** as performance.now(): it was asked to end, and has time until then */
  endBy?: number
}

/** Runs programs, each in a session of its own; what they leave behind is this process's, and ended with them. */
export class Runner {
  #posix = openPosix()
  #running = new Map<number, Running>()
  #logs = new Map<string, LogFile>()

  constructor() {
    this.#posix?.adoptOrphans()
    setInterval(() => this.#reap(), REAP_EVERY_MS).unref()
  }

  /**
   * Runs a program to its end, and to that of all that it started.
   * @throws Fault 503 it cannot be started; the message says why
   */
  async run(program: Program, tell: (event: Event) => void): Promise<Exit> {
    const log = this.#log(program.logPath)
    const outputs = [new Output(this.#posix), new Output(this.#posix)] as const
    const child = this.#pinned(program, () => this.#spawn(program, outputs))
    const { pid } = child
    const running: Running = { program, child }
    this.#running.set(program.id, running)
    tell({ pid })
    log.line(program.label, `callgate: process ${pid} was started`)
    const copied = Promise.all([
      copyLines(outputs[0].stream(child.stdout), log, `${program.label} out`),
      copyLines(outputs[1].stream(child.stderr), log, `${program.label} err`),
    ])
    await child.exited
    // a shell ends at once where it and the server that it runs are asked to: that has its time
    while (running.endBy !== undefined && performance.now() < running.endBy && hasGroup(pid))
      await Bun.sleep(LOOK_EVERY_MS)
    tell({ ended: true })
    const how = String(child.signalCode ?? `exit status ${child.exitCode}`)
    await this.#killRest(program, pid)
    await within(copied, LAST_WORDS_MS)
    for (const output of outputs) output.close()
    log.line(program.label, `callgate: process ${pid} ended: ${how}`)
    this.#running.delete(program.id)
    this.#closeUnused(program.logPath)
    return { how }
  }

  /** SIGTERM to all of it, and SIGKILL when it is not gone in time. */
  async end(id: number, graceMs: number): Promise<void> {
    const running = this.#running.get(id)
    if (!running) return
    const { pid } = running.child
    running.endBy = performance.now() + graceMs
    signal(-pid, 'SIGTERM')
    const gone = running.child.exited.then(() => true)
    if (await within(gone, graceMs)) return
    this.#log(running.program.logPath).line(running.program.label, 'callgate: it did not end in time, and is killed')
    signal(-pid, 'SIGKILL')
    signal(pid, 'SIGKILL')
    await running.child.exited
  }

  /** Ends everything at once: nobody is there any more whom it could serve. */
  async endAll(): Promise<void> {
    for (const { child } of this.#running.values()) signal(-child.pid, 'SIGKILL')
    await killAll(() => {
      const table = processes()
      return descendants(process.pid, table)
        .filter(entry => !entry.ended)
        .map(entry => entry.pid)
    })
  }

  /** A line of Callgate's own in a deployment's log. */
  remark({ logPath, label, text }: Remark): void {
    this.#log(logPath).line(label, text)
    this.#closeUnused(logPath)
  }

  #log(path: string): LogFile {
    let log = this.#logs.get(path)
    if (!log) {
      log = new LogFile(path)
      this.#logs.set(path, log)
    }
    return log
  }

  /** A log that no program writes to: where its deployment is deleted, its file would stay on the disk as long as it is open. */
  #closeUnused(path: string): void {
    if ([...this.#running.values()].some(({ program }) => program.logPath === path)) return
    this.#logs.get(path)?.close()
    this.#logs.delete(path)
  }

  #spawn({ command, cwd, env, uid, gid, memoryBytes }: Program, [out, err]: readonly [Output, Output]): Bun.Subprocess {
    try {
      if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory())
        throw notStarted('its working directory is not there')
      const child = Bun.spawn(memoryBytes === undefined ? command : bounded(command, memoryBytes), {
        cwd,
        env,
        uid,
        gid,
        detached: true,
        stdin: 'ignore',
        stdout: out.end,
        stderr: err.end,
      })
      for (const output of [out, err]) output.started()
      return child
    } catch (error) {
      for (const output of [out, err]) output.close()
      if (error instanceof Fault) throw error
      throw notStarted(whyNotStarted((error as { code?: string }).code, memoryBytes !== undefined))
    }
  }

  /** Starts a program on its CPUs: some count them as they begin, and what they start before they are bound is not bound. */
  #pinned({ id, cpus: count }: Program, start: () => Bun.Subprocess): Bun.Subprocess {
    const all = count === undefined ? undefined : this.#posix?.cpus()
    if (count === undefined || !all) return start()
    const own = Array.from({ length: Math.min(count, all.length) }, (_, i) => all[(id + i) % all.length]!)
    this.#posix!.pin(own)
    try {
      return start()
    } finally {
      this.#posix!.pin(all)
    }
  }

  /** What a program started and left: in its group, its session, or come away from both. */
  #killRest({ temporaryFolder, env }: Program, pid: number): Promise<void> {
    signal(-pid, 'SIGKILL')
    // the replicas of a deployment, and its revisions, share a temporary folder: each of them has its own port
    const isOurs = (orphan: number) => {
      const port = variableOf(orphan, 'PORT')
      if (port === env.PORT) return true
      const isAnothers = [...this.#running.values()].some(({ program }) => program.env.PORT === port)
      return !isAnothers && hasTemporaryFolder(orphan, [temporaryFolder])
    }
    return killAll(() => {
      const table = processes()
      const known = new Set([...this.#running.values()].map(running => running.child.pid))
      const left = table.filter(
        entry =>
          entry.session === pid ||
          entry.group === pid ||
          (entry.parent === process.pid && !known.has(entry.pid) && isOurs(entry.pid)),
      )
      this.#reap(table)
      return left
        .flatMap(entry => [entry, ...descendants(entry.pid, table)])
        .flatMap(entry => (entry.ended ? [] : entry.pid))
    })
  }

  /** Orphans that came here and have ended. */
  #reap(table = processes()): void {
    const known = new Set([...this.#running.values()].map(running => running.child.pid))
    for (const { pid, parent, ended } of table)
      if (ended && parent === process.pid && !known.has(pid)) this.#posix?.reap(pid)
  }
}

/** Where a program writes to. */
class Output {
  #pipe: { read: number; write: number | undefined } | undefined

  constructor(posix: Posix | undefined) {
    this.#pipe = posix?.pipe()
  }

  /** for the program */
  get end(): number | 'pipe' {
    return this.#pipe?.write ?? 'pipe'
  }

  /** The program has its end: this process needs it no more, and would not see it closed. */
  started(): void {
    if (this.#pipe?.write !== undefined) closeSync(this.#pipe.write)
    if (this.#pipe) this.#pipe.write = undefined
  }

  stream(bunsOwn: unknown): ReadableStream<Uint8Array> {
    return this.#pipe ? Bun.file(this.#pipe.read).stream() : (bunsOwn as ReadableStream<Uint8Array>)
  }

  close(): void {
    this.started()
    if (this.#pipe) closeSync(this.#pipe.read)
    this.#pipe = undefined
  }
}

const hasGroup = (pid: number) => processes().some(({ group, ended }) => group === pid && !ended)

const SHELL = '/bin/sh'

/**
 * A command whose process, and each that it starts, may have so much data. The bound is there before the program is: some
 * (those on JavaScriptCore) suit themselves to one that they find, and do not survive one that comes while they begin.
 */
const bounded = (command: string[], bytes: number): string[] => [
  SHELL,
  '-c',
  'ulimit -d "$0" && exec "$@"',
  String(Math.ceil(bytes / 1024)),
  ...command,
]

/** @param isBounded whether a shell was to start it */
export function whyNotStarted(code = 'unknown', isBounded = false): string {
  const why: Record<string, string> = {
    ENOENT: isBounded
      ? `there is no ${SHELL}, which sets memory_mb`
      : 'there is no such program, or none of what its first line (#!) names',
    ENOEXEC: 'it is no program: a script begins with #! and what runs it',
    EACCES: 'its program may not be executed',
    EPERM: 'Callgate may not start it as another user',
  }
  return why[code] ?? `the system refused (${code})`
}

const notStarted = (why: string) => new Fault(503, 'not_started', why)

/** Also where a progress bar begins anew; a CR behind which nothing has come yet may be half of an end. */
const LINE_END = /\r?\n|\r(?=[^\r\n])/

async function copyLines(stream: ReadableStream<Uint8Array>, log: LogFile, source: string): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(LINE_END)
    rest = lines.pop()!
    if (rest.length > MOST_OF_A_LINE) {
      lines.push(rest)
      rest = ''
    }
    log.lines(source, lines)
    // where there is always more to read, nothing else would be done here: no program started, none ended
    await new Promise(setImmediate)
  }
  if (rest) log.line(source, rest)
}
