import type { WorkerKind } from './workers/frames.ts'

// Every branch is imported when it is taken: the server loads no native library, and a child loads no server.
const children: Record<WorkerKind, () => Promise<unknown>> = {
  body: () => import('./protocols/body-child.ts'),
  schema: () => import('./protocols/schema-child.ts'),
  score: () => import('./scoring/child.ts'),
  import: () => import('./query/ingest/child.ts'),
  query: () => import('./query/child.ts'),
  look: () => import('./query/look-child.ts'),
  write: () => import('./query/write/child.ts'),
  function: () => import('./sandbox/child.ts'),
  guard: () => import('./deployments/guard/child.ts'),
  duckdb: () => import('./query/engines/duckdb/child.ts'),
}

const args = process.argv.slice(2)
if (args[0] === 'worker') {
  const child = Object.hasOwn(children, args[1] ?? '') ? children[args[1] as WorkerKind] : undefined
  if (child && process.send) await child()
  else {
    console.error('callgate worker: only Callgate itself starts its workers')
    process.exitCode = 2
  }
} else {
  const { runCli } = await import('./cli/cli.ts')
  const code = await runCli(args)
  if (code !== undefined) process.exitCode = code
}
