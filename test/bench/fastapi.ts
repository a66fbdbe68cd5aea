import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Peer, peers } from './load.ts'

const PACKAGES = ['fastapi==0.165.0', 'uvicorn[standard]==0.54.0', 'onnxruntime==1.30.0', 'numpy==2.3.5']

/**
 * FastAPI with onnxruntime under one uvicorn worker, installed by pip into a folder of its own at the first use.
 * @returns undefined, having said why, where Python or its packages cannot be had
 */
export async function startFastApi(model: string, features: string[]): Promise<Peer | undefined> {
  const venv = join(
    process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? tmpdir(), '.cache'),
    'callgate-bench-fastapi',
  )
  const python = join(venv, 'bin/python')
  if (!existsSync(join(venv, 'installed'))) {
    mkdirSync(join(venv, '..'), { recursive: true })
    const steps = [
      ['python3', '-m', 'venv', venv],
      [python, '-m', 'pip', 'install', '-q', ...PACKAGES],
      ['touch', join(venv, 'installed')],
    ]
    for (const step of steps) {
      if (Bun.which(step[0]!) === null && !existsSync(step[0]!)) return absent(`${step[0]} is not here`)
      if (Bun.spawnSync(step, { stderr: 'inherit' }).exitCode !== 0) return absent(`"${step.join(' ')}" failed`)
    }
  }
  const server = join(import.meta.dir, 'fastapi_server.py')
  const child = Bun.spawn([python, server, model, JSON.stringify(features)], { stdout: 'pipe', stderr: 'inherit' })
  peers.add(child)
  for await (const chunk of child.stdout) {
    const url = /http:\S+/.exec(new TextDecoder().decode(chunk))?.[0]
    if (!url) continue
    for (let tries = 0; tries < 100; tries++) {
      if (
        await fetch(url).then(
          () => true,
          () => false,
        )
      )
        break
      await Bun.sleep(50)
    }
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
  return absent('it ended at once')
}

function absent(why: string): undefined {
  console.log(`FastAPI is left out: ${why}`)
}
