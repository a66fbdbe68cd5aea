/** A command that ends by itself (or is ended after 50 s), and all that it said. */
import { commandOf, DEFAULT_TARGET, RUNTIME_DIR, type Target } from '../harness.ts'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  target?: Target
  env?: Record<string, string>
  cwd?: string
  /** what is run instead of the target */
  command?: string[]
}

export async function run(
  args: string[],
  { target = DEFAULT_TARGET, env = {}, cwd, command }: RunOptions = {},
): Promise<Ended> {
  const child = Bun.spawn([...(command ?? commandOf(target)), ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', CALLGATE_RUNTIME_DIR: RUNTIME_DIR, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 150_000,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  await child.exited
  return { code: child.exitCode, stdout, stderr }
}

/** The lines of an error that a person reads. */
export const lines = (text: string) => text.trimEnd().split('\n')
