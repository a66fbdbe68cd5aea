/** Bodies that are held against their schemas by a process of its own: what happens to that process is no caller's 500. */
import { afterAll, expect, setSystemTime, test } from 'bun:test'
import { compileBodyCheck, compileRowCheck, SchemaChecks } from '../../src/endpoints/schema-checks.ts'
import type { Fault } from '../../src/lib/fault.ts'
import { sigkill, workersOf } from '../life/processes.ts'

const checks = new SchemaChecks()
afterAll(() => checks.close())

const text = { type: 'string', pattern: '^a*a*a*a*b$' }
// a second of CPU is long on a machine that is busy
const soon = () => Date.now() + 100_000
const processes = () => workersOf(process.pid, 'schema').map(({ pid }) => pid)
const check = () => compileBodyCheck(text, 'request_schema', () => checks)!
const aaa = (end: string) => JSON.stringify('a'.repeat(5000) + end)

test('a text that a pattern goes back over without an end is given up, and so are others at that endpoint for a while', async () => {
  const held = check()
  await expect(held(aaa('c'), soon())).rejects.toMatchObject({ status: 500, code: 'schema_too_slow' })
  expect(() => held(aaa('b'), soon())).toThrow('pattern')
  expect(await held('"aab"', soon())).toBeUndefined()
  expect(await check()(aaa('b'), soon())).toBeUndefined()
}, 180_000)

test('what references hold against a schema again and again is given up, too', async () => {
  const R = { $ref: '#' }
  const either = ['a', 'b'].map(op => ({ properties: { left: R, op: { const: op } }, required: ['op'] }))
  const held = compileBodyCheck({ anyOf: either }, 'request_schema', () => checks)!
  const nested = (depth: number): object => (depth === 0 ? { op: 'c' } : { op: 'b', left: nested(depth - 1) })
  expect(await held(JSON.stringify(nested(2)), soon())).toBe('left.left.op must be equal to constant.')
  await expect(held(JSON.stringify(nested(60)), soon())).rejects.toMatchObject({ status: 500, code: 'schema_too_slow' })
}, 180_000)

test('a process that ends under a check is 503, and the next check has another', async () => {
  await check()(aaa('b'), soon()) // there is one, where the last was ended
  const before = processes()
  const answer = check()(aaa('c'), soon())
  await Bun.sleep(20) // it has it, for a second or more
  for (const pid of before) sigkill(pid)
  await expect(answer).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
  expect(await check()(aaa('b'), soon())).toBeUndefined()
  expect(processes().filter(pid => before.includes(pid))).toEqual([])
}, 180_000)

test('a process that is given no CPU for longer than a check may take is waited for until the deadline, and is not too slow', async () => {
  const held = check()
  const stop = async () => {
    await check()(aaa('b'), soon()) // there is one, where the last was ended
    for (const pid of processes()) process.kill(pid, 'SIGSTOP')
  }
  await stop()
  const answer = held(aaa('b'), soon())
  await Bun.sleep(1500) // longer than it may take
  for (const pid of processes()) process.kill(pid, 'SIGCONT')
  expect(await answer).toBeUndefined()
  await stop()
  await expect(held(aaa('b'), Date.now() + 2000)).rejects.toMatchObject({ status: 504 })
  expect(await held(aaa('b'), soon())).toBeUndefined()
}, 180_000)

test('a check has its time, though the clock is set on meanwhile', async () => {
  const long = check()(aaa('c'), soon())
  const waits = check()(aaa('b'), soon())
  setSystemTime(Date.now() + 3_600_000)
  try {
    await expect(long).rejects.toMatchObject({ status: 500, code: 'schema_too_slow' })
    expect(await waits).toBeUndefined()
  } finally {
    setSystemTime()
  }
}, 180_000)

test('a check whose time is over before its turn is 504', async () => {
  await expect(check()(aaa('b'), Date.now())).rejects.toMatchObject({ status: 504 })
})

test('rows that a schema takes long for are refused as others are, from another process', async () => {
  const names = Array.from({ length: 2000 }, (_, i) => `n${i}`)
  const held = compileRowCheck({ properties: { x: { enum: names } } }, () => checks)
  const refusal = async (rows: object[]) => {
    try {
      await held(rows, 'rows', soon())
    } catch (error) {
      const { status, code, message, members } = error as Fault
      return { status, code, message, members }
    }
  }
  const wrong = [{ x: 'n0' }, { x: 'n2000' }]
  const good = names.map(x => ({ x }))
  expect(held([{ x: 'n1' }], 'rows')).toBeUndefined()
  expect(held(good, 'rows', soon())).toBeInstanceOf(Promise)
  expect(await refusal(good)).toBeUndefined()
  expect(await refusal([...wrong, ...good])).toEqual(await refusal(wrong))
  expect(await refusal([...wrong, ...good])).toMatchObject({
    status: 422,
    members: { errors: [{ row: 1, feature: 'x' }] },
  })
}, 180_000)

test('of large bodies as many wait as there is room for, and the next is 503; then there is room again', async () => {
  const large = new Uint8Array(16 * 1024 * 1024).fill(32)
  large[0] = 49
  const deadline = Date.now() + 500
  const asked = await Promise.allSettled(Array.from({ length: 40 }, () => checks.check(large, deadline)))
  const refused = asked.filter(({ status }) => status === 'rejected').map(one => (one as { reason: Fault }).reason)
  expect(refused.filter(({ status }) => status === 503)).toHaveLength(24)
  expect(await checks.check(large, soon())).toBeUndefined()
}, 180_000)
