/**
 * `bun test/bench/deployments.ts`: a proxied answer of 200 bytes, with key and reach checked, beside the server itself and nginx
 * in front of it; and the first request to a deployment that is stopped, beside the server's own start.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import {
  type Load,
  median,
  peers,
  printHead,
  printTable,
  residentMb,
  served,
  startPeer,
  TARGET,
  takeTurns,
} from './load.ts'

const STARTS = 7
const key = mintSecret('dk')
const own = [process.execPath, join(import.meta.dir, 'peers.ts'), 'bare']

try {
  printHead('deployments')
  const bare = await startPeer('bare')
  const nginx = Bun.which('nginx') ? await startNginx(Number(new URL(bare.url).port)) : undefined
  const callgate = await startCallgate({
    target: TARGET,
    env: { BENCH_KEY: key },
    manifest: {
      projects: [
        {
          slug: 'bench',
          deployments: [
            { name: 'upstream', upstream: bare.url },
            { name: 'command', command: own, min_instances: 1 },
            { name: 'stopped', command: own },
          ],
          keys: [{ name: 'bench', secret_env: 'BENCH_KEY' }],
        },
      ],
    },
  })
  const headers = { 'X-API-Key': key }
  await waitFor(async () => (await callgate.call('/v1/bench/command/', { headers })).status === 200 || undefined)
  const through = (name: string, deployment: string): Load => ({
    name,
    ...baseAndPid(served(callgate)),
    method: 'GET',
    paths: [`/v1/bench/${deployment}/predict`],
    headers,
  })
  const loads: Load[] = [
    {
      name: 'the server itself: bare Bun.serve, 200 bytes',
      ...baseAndPid(bare),
      method: 'GET',
      paths: ['/predict'],
      headers,
    },
    ...(nginx
      ? [{ name: 'nginx, keep-alive to it', ...nginx, method: 'GET' as const, paths: ['/predict'], headers }]
      : []),
    through('Callgate, upstream', 'upstream'),
    through('Callgate, command', 'command'),
  ]
  printTable('A proxied answer of 200 bytes', loads, await takeTurns(loads), 0.35)
  if (!nginx) console.log('  (nginx is not on the PATH: apt-get install nginx-light)')
  console.log(`\nMemory after the load: main process ${residentMb(callgate.process.pid).toFixed(0)} MB`)

  const alone: number[] = []
  const first: number[] = []
  const [project] = (await callgate.admin('GET', '/api/projects')).json.items
  const path = `/api/projects/${project.project_id}/deployments/stopped`
  for (let i = 0; i < STARTS; i++) {
    const started = performance.now()
    const peer = await startPeer('bare')
    await (await fetch(peer.url)).text()
    alone.push(performance.now() - started)
    await peer.stop()
    const asked = performance.now()
    const { status } = await callgate.call('/v1/bench/stopped/', { headers })
    first.push(performance.now() - asked)
    if (status !== 200) throw new Error(`the first request was answered ${status}`)
    // it does not run, and comes with the next request
    await callgate.admin('DELETE', path)
    await callgate.admin('POST', `/api/projects/${project.project_id}/deployments`, { name: 'stopped', command: own })
  }
  console.log(
    `\nFirst request to a deployment that is stopped: ${median(first).toFixed(0)} ms; the server alone, from its start to its first answer: ${median(alone).toFixed(0)} ms (aim: at most 100 ms more)`,
  )
} finally {
  await cleanUp()
  for (const peer of peers) peer.kill()
}

function baseAndPid({ url, pid }: { url: string; pid: number }) {
  return { base: url, pid }
}

async function startNginx(upstream: number): Promise<{ base: string; pid: number }> {
  const folder = temporaryFolder()
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream server { server 127.0.0.1:${upstream}; keepalive 64; }
  server { listen 127.0.0.1:${port}; location / {
    proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; } }
}`,
  )
  const child = Bun.spawn(['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  peers.add(child)
  const base = `http://127.0.0.1:${port}`
  await waitFor(async () => ((await fetch(base).catch(() => undefined)) ? true : undefined), 10_000)
  return { base, pid: child.pid }
}
