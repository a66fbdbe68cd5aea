/** What the console takes for a lost connection. */
import { afterAll, expect, spyOn, test } from 'bun:test'
import { connectionBack, onComeback } from '../../src/console/api/connection.ts'
import { api, ConnectionLost } from '../../src/console/api/http.ts'

/** Whether the server was held to be lost meanwhile. */
async function losesIt(work: () => Promise<unknown>): Promise<boolean> {
  let isLost = false
  const forget = onComeback(() => {
    isLost = true
  })
  await work()
  connectionBack()
  forget()
  return isLost
}

/** Each answer is begun and goes no further. */
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: () =>
    new Response(new ReadableStream({ start: stream => stream.enqueue('{"half":') }), {
      headers: { 'x-request-id': '1' },
    }),
})
afterAll(() => server.stop(true))

/** Does `then` as soon as an answer has begun. */
async function whenBegun(call: () => Promise<unknown>, then: () => unknown): Promise<unknown> {
  const begun = fetch
  const fetched = spyOn(globalThis, 'fetch').mockImplementation((async (url: string, init: RequestInit) => {
    const response = await begun(url, init)
    setTimeout(then)
    return response
  }) as typeof fetch)
  try {
    return await call().catch(error => error)
  } finally {
    fetched.mockRestore()
  }
}

test('who leaves a page whose answer is on its way has not lost the server; where the server breaks it off, it is lost', async () => {
  const left = new AbortController()
  const isLost = await losesIt(async () => {
    const read = () => api(String(server.url), { signal: left.signal })
    const error = await whenBegun(read, () => left.abort())
    expect(error).toHaveProperty('name', 'AbortError')
  })
  expect(isLost).toBe(false)
  const isBroken = await losesIt(async () => {
    const error = await whenBegun(
      () => api(String(server.url)),
      () => server.stop(true),
    )
    expect(error).toBeInstanceOf(ConnectionLost)
  })
  expect(isBroken).toBe(true)
})
