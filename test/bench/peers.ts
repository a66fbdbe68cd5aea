/** What the benchmarks compare with, each in a process of its own: `bun test/bench/peers.ts bare | page FILE | loop MODEL ROWS`. */
import { constants, Database } from 'bun:sqlite'
import { readFileSync } from 'node:fs'

const [kind, file, count] = process.argv.slice(2)

switch (kind) {
  case 'bare': {
    const answer = 'x'.repeat(200)
    listen(async request => {
      if (request.method === 'POST') await request.bytes()
      return new Response(answer)
    })
    break
  }
  case 'page': {
    // as somebody would write it in an afternoon: no key, no limit, no check of the parameter
    const db = new Database(`file:${file}?mode=ro`, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI)
    const page = db.query('SELECT * FROM data WHERE city = ? ORDER BY id LIMIT 50')
    listen(request => Response.json({ rows: page.all(new URL(request.url).searchParams.get('city')) }))
    break
  }
  case 'loop':
    await loop(readFileSync(file!), Number(count))
    break
  default:
    console.error('bare, page or loop')
    process.exitCode = 2
}

function listen(fetch: (request: Request) => Response | Promise<Response>): void {
  console.log(Bun.serve({ port: Number(process.env.PORT ?? 0), hostname: '127.0.0.1', fetch }).url.origin)
}

/** onnxruntime by itself on one thread: `session.run` on the same tensor again and again; prints rows a second. */
async function loop(model: Uint8Array, rows: number): Promise<void> {
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const values = JSON.parse(process.env.BENCH_ROW!) as number[]
  const data = new Float32Array(rows * values.length)
  for (let r = 0; r < rows; r++) data.set(values, r * values.length)
  const feeds = { [session.inputNames[0]!]: new Tensor('float32', data, [rows, values.length]) }
  const run = async (milliseconds: number) => {
    const started = performance.now()
    let runs = 0
    while (performance.now() - started < milliseconds) {
      await session.run(feeds)
      runs++
    }
    return (runs * rows) / ((performance.now() - started) / 1000)
  }
  await run(500)
  console.log(await run(Number(process.env.BENCH_SECONDS ?? 3) * 1000))
}
