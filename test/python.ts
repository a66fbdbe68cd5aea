import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A Python with packages, which pip installs at the first use into a folder of their own that is kept.
 * @param name of that folder
 * @returns its folder of programs, or why it cannot be had
 */
export function pythonWith(name: string, packages: readonly string[]): { bin: string } | { absent: string } {
  const cache = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? tmpdir(), '.cache')
  const venv = join(cache, `callgate-${name}`)
  const bin = join(venv, 'bin')
  if (existsSync(join(venv, 'installed'))) return { bin }
  mkdirSync(cache, { recursive: true })
  const steps = [
    ['python3', '-m', 'venv', venv],
    [join(bin, 'python'), '-m', 'pip', 'install', '-q', ...packages],
    ['touch', join(venv, 'installed')],
  ]
  for (const step of steps) {
    if (Bun.which(step[0]!) === null && !existsSync(step[0]!)) return { absent: `${step[0]} is not here` }
    if (Bun.spawnSync(step, { stderr: 'inherit' }).exitCode !== 0) return { absent: `"${step.join(' ')}" failed` }
  }
  return { bin }
}
