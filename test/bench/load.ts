/**
 * The shared parts of the benchmarks: a load generator (wrk where it is on the PATH, else a client in Bun), runs that
 * alternate between two servers, peers in processes of their own, and the printed table.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Callgate, Target } from '../harness.ts'

export const CONNECTIONS = 32
/** Seconds of one run. `BENCH_SECONDS=1` for a quick look. */
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 3)
/** How often the servers take turns. */
export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
/** What is measured: the executable, or the source with `BENCH_TARGET=source`. */
export const TARGET: Target = process.env.BENCH_TARGET === 'source' ? 'source' : 'executable'

/** What is asked, again and again: one URL's base, and paths that take turns. */
export interface Load {
  name: string
  base: string
  method: 'GET' | 'POST'
  paths: string[]
  headers?: Record<string, string>
  body?: string
  /** the server's process, whose CPU time is told, its workers' with it */
  pid?: number
  /** rows that one request carries or brings back, to be told as rows a second */
  rows?: number
}

interface Measured {
  requests: number
  p50: number
  p99: number
  /** microseconds of CPU that the server and its workers took for a request: steadier than the rest on a busy machine */
  cpu: number
}

export const client = Bun.which('wrk') ? 'wrk' : 'bun'
const folder = mkdtempSync(join(tmpdir(), 'callgate-bench-'))
/** Processes that are ended with the benchmark, however it ends. */
export const peers = new Set<Bun.Subprocess>()
process.on('exit', () => {
  for (const peer of peers) peer.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** Loads every server in turn, ROUNDS times after one run for the compilers to warm up. @returns the medians, in the order given */
export async function takeTurns(loads: Load[]): Promise<Measured[]> {
  for (const load of loads) await check(load)
  for (const load of loads) await measure(load, SECONDS)
  const runs: Measured[][] = loads.map(() => [])
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, load] of loads.entries()) runs[i]!.push(await measure(load, SECONDS))
  return runs.map(list => ({
    requests: median(list.map(run => run.requests)),
    p50: median(list.map(run => run.p50)),
    p99: median(list.map(run => run.p99)),
    cpu: median(list.map(run => run.cpu)),
  }))
}

/** @throws Error an answer that is not 200: a refusal would be fast and mean nothing */
async function check({ base, paths, method, headers, body, name }: Load): Promise<void> {
  const response = await fetch(base + paths[0], { method, headers, body })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${name} answers ${response.status}: ${text.slice(0, 300)}`)
}

async function measure(load: Load, seconds: number): Promise<Measured> {
  const before = load.pid === undefined ? Number.NaN : cpuMicros(load.pid)
  const measured = await (client === 'wrk' ? withWrk(load, seconds) : withBun(load, seconds))
  const cpu = load.pid === undefined ? Number.NaN : (cpuMicros(load.pid) - before) / (measured.requests * seconds)
  if (load.pid !== undefined) await idle(load.pid)
  return { ...measured, cpu }
}

/** A slow server works off what was asked of it after the client has gone, which is not to be in the next one's turn. */
async function idle(pid: number): Promise<void> {
  for (let tries = 0, before = cpuMicros(pid); tries < 50; tries++) {
    await Bun.sleep(200)
    const now = cpuMicros(pid)
    if (now - before <= 10_000) return
    before = now
  }
}

/** CPU time so far of a process, its children and those that have ended; the clock ticks a hundred times a second. */
function cpuMicros(pid: number): number {
  return [pid, ...workersOf(pid).map(worker => worker.pid)]
    .map(one => readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]!.split(' '))
    .reduce((sum, fields) => sum + fields.slice(11, 15).reduce((a, ticks) => a + Number(ticks), 0) * 10_000, 0)
}

async function withWrk(
  { base, paths, method, headers = {}, body, name }: Load,
  seconds: number,
): Promise<Omit<Measured, 'cpu'>> {
  const script = join(folder, 'load.lua')
  const quoted = (text: string) => `[==[${text}]==]`
  writeFileSync(
    script,
    `wrk.method = '${method}'
wrk.headers = {${Object.entries(headers)
      .map(([k, v]) => `[ ${quoted(k)} ]=${quoted(v)}`)
      .join(',')}}
${body === undefined ? '' : `wrk.body = ${quoted(body)}`}
${paths.length > 1 ? takingTurns(paths.map(quoted)) : ''}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('BENCH %d %d %d %d %d\\n', summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`,
  )
  const wrk = Bun.spawn(
    ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '30s', '-s', script, base + paths[0]],
    {
      stdout: 'pipe',
    },
  )
  const found = /BENCH (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(await new Response(wrk.stdout).text())
  if ((await wrk.exited) !== 0 || !found) throw new Error(`wrk failed on ${name}`)
  const [requests, micros, p50, p99, errors] = found.slice(1).map(Number) as [number, number, number, number, number]
  if (errors > 0) throw new Error(`${name}: ${errors} of ${requests} answers were errors`)
  return { requests: requests / (micros / 1e6), p50: p50 / 1000, p99: p99 / 1000 }
}

/** A request of each path. A single one is left to wrk itself, as calling Lua for each takes its CPU from the server. */
const takingTurns = (paths: string[]) => `local requests, at = {}, 0
init = function()
  for i, path in ipairs({${paths.join(',')}}) do requests[i] = wrk.format(nil, path) end
end
request = function() at = at % #requests + 1; return requests[at] end`

async function withBun(
  { base, paths, method, headers, body, name }: Load,
  seconds: number,
): Promise<Omit<Measured, 'cpu'>> {
  const times: number[] = []
  const started = performance.now()
  const end = started + seconds * 1000
  let at = 0
  const one = async () => {
    while (performance.now() < end) {
      const sent = performance.now()
      const response = await fetch(base + paths[at++ % paths.length], { method, headers, body })
      await response.arrayBuffer()
      if (response.status !== 200) throw new Error(`${name} answers ${response.status}`)
      times.push(performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
  const elapsed = performance.now() - started
  times.sort((a, b) => a - b)
  const percentile = (p: number) => times[Math.floor((times.length - 1) * p)]!
  return { requests: times.length / (elapsed / 1000), p50: percentile(0.5), p99: percentile(0.99) }
}

export interface Peer {
  url: string
  pid: number
  stop(): Promise<void>
}

/** A server of peers.ts in a process of its own. */
export async function startPeer(...args: string[]): Promise<Peer> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'peers.ts'), ...args], { stdout: 'pipe' })
  peers.add(child)
  for await (const chunk of child.stdout) {
    const url = /http:\S+/.exec(new TextDecoder().decode(chunk))?.[0]
    if (url)
      return {
        url,
        pid: child.pid,
        async stop() {
          peers.delete(child)
          child.kill()
          await child.exited
        },
      }
  }
  throw new Error(`the peer ${args[0]} ended`)
}

/** A Callgate as a peer. */
export const served = ({ url, process }: Callgate) => ({ url, pid: process.pid })

/** Resident memory of a process, in MB. */
export function residentMb(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? 0) / 1024
}

/** A process's children and what they run, e.g. `score`. */
export function workersOf(pid: number): { pid: number; kind: string }[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return children.flatMap(child => {
    try {
      const words = readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0')
      return { pid: Number(child), kind: words[words.indexOf('worker') + 1] ?? '?' }
    } catch {
      return [] // it has ended meanwhile
    }
  })
}

export const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1]!

/** One line a server; CPU is for a request, the server's and its workers'; the ratio is to the first of them. */
export function printTable(title: string, loads: Load[], measured: Measured[], aim?: number): void {
  const unit = loads[0]!.rows ? 'rows/s' : 'requests/s'
  console.log(`\n${title}${aim === undefined ? '' : `  (aim: ${aim} x)`}`)
  console.log(
    `  ${''.padEnd(44)} ${unit.padStart(11)} ${'p50 ms'.padStart(8)} ${'p99 ms'.padStart(8)} ${'CPU us'.padStart(8)} ${'ratio'.padStart(7)}`,
  )
  const speed = (i: number) => measured[i]!.requests * (loads[i]!.rows ?? 1)
  for (const [i, { name }] of loads.entries()) {
    const { p50, p99, cpu } = measured[i]!
    const numbers = [
      Math.round(speed(i)).toLocaleString('en-US').padStart(11),
      ...[p50.toFixed(2), p99.toFixed(2), cpu.toFixed(1)].map(text => text.replace('NaN', '-').padStart(8)),
    ]
    console.log(`  ${name.padEnd(44)} ${numbers.join(' ')} ${(speed(i) / speed(0)).toFixed(2).padStart(6)}x`)
  }
}

export function printHead(what: string): void {
  console.log(
    `${what}: ${client}, ${CONNECTIONS} connections, the servers in turns, ${ROUNDS} runs of ${SECONDS} s each, medians`,
  )
}
