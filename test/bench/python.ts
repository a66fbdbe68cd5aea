import { join } from 'node:path'
import { pythonWith } from '../python.ts'
import { type Peer, peers } from './load.ts'

const PACKAGES = {
  fastapi: ['fastapi==0.165.0', 'uvicorn[standard]==0.54.0', 'onnxruntime==1.30.0', 'numpy==2.3.5'],
  datasette: ['datasette==0.65.5'],
} as const
const here = import.meta.dir

/** FastAPI with onnxruntime under one uvicorn worker, at `/score`. */
export const startFastApiScoring = (model: string, features: string[]): Promise<Peer | undefined> =>
  start('fastapi', python => [python, join(here, 'fastapi_score.py'), model, JSON.stringify(features)])

/** FastAPI with sqlite3 under one uvicorn worker: a row by its key, at `/person?id=`. */
export const startFastApiLookup = (file: string): Promise<Peer | undefined> =>
  start('fastapi', python => [python, join(here, 'fastapi_lookup.py'), file])

/** Datasette on a file that does not change: a row by its key, at `/FILE/data/ID.json`. */
export const startDatasette = (file: string): Promise<Peer | undefined> =>
  start('datasette', (python, port) => [
    ...[python, '-m', 'datasette', 'serve', '--immutable', file],
    ...['--host', '127.0.0.1', '--port', String(port)],
  ])

/**
 * A server of Python's world, its packages installed by pip into a folder of their own at the first use.
 * @returns undefined, having said why, where Python or its packages cannot be had
 */
async function start(
  name: keyof typeof PACKAGES,
  command: (python: string, port: number) => string[],
): Promise<Peer | undefined> {
  const absent = (why: string) => void console.log(`${name} is left out: ${why}`)
  const found = pythonWith(`bench-${name}`, PACKAGES[name])
  if ('absent' in found) return absent(found.absent)
  const python = join(found.bin, 'python')
  const port = freePort()
  const child = Bun.spawn(command(python, port), {
    stdout: 'ignore',
    stderr: 'inherit',
    env: { ...process.env, PORT: String(port) },
  })
  peers.add(child)
  const url = `http://127.0.0.1:${port}`
  const answers = () => fetch(url).then(Boolean, () => false)
  for (let tries = 0; tries < 300 && child.exitCode === null; tries++) {
    if (await answers())
      return {
        url,
        pid: child.pid,
        async stop() {
          peers.delete(child)
          child.kill()
          await child.exited
        },
      }
    await Bun.sleep(50)
  }
  return absent('it does not answer')
}

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const { port } = server
  server.stop(true)
  return port!
}
