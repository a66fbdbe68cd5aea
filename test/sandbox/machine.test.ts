/** Every call begins from the same memory: what is put back after a call is all that it wrote, whatever it did. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { cpuOfThread } from '../../src/lib/machine.ts'
import { type Image, type Machine, machineShop } from '../../src/sandbox/machine.ts'
import { MARKS } from '../../src/sandbox/marks.ts'
import { Stopped } from '../../src/sandbox/stopped.ts'
import { ATTEMPTS } from './attempts.ts'
import { BORDER_ATTEMPTS } from './border-attempts.ts'
import { ENGINE_ATTEMPTS } from './engine-attempts.ts'

const BOUNDS = { memoryBytes: 32 << 20, hostCalls: 100, outputBytes: 1 << 20 }
const CPU_MS = 30
const LOADING_MS = 2000
const request = (body: unknown) =>
  JSON.stringify({ method: 'POST', path: '/x', params: {}, query: {}, headers: { accept: '*/*' }, body })

let shop: Awaited<ReturnType<typeof machineShop>>
let stopAt = Number.POSITIVE_INFINITY
beforeAll(async () => {
  shop = await machineShop(() => {
    if (cpuOfThread() > stopAt) throw new Stopped('cpu')
  })
})

/** @param milliseconds of CPU. @returns how it went */
function within(work: () => string | undefined, milliseconds = CPU_MS): string {
  stopAt = cpuOfThread() + milliseconds
  try {
    return work() ?? 'nothing'
  } catch (error) {
    if (error instanceof Stopped) return error.reason
    throw error
  } finally {
    stopAt = Number.POSITIVE_INFINITY
  }
}

/** With the image after it; where it does not load, the one before it. */
function loaded(code: string): { machine: Machine; image: Image; loads: boolean } {
  const machine = shop.make()
  machine.restore(shop.base)
  machine.bound(BOUNDS)
  const loads = within(() => machine.load(code), LOADING_MS) === 'nothing'
  return { machine, image: loads ? machine.capture() : shop.base, loads }
}

/** A call, and answers to all that it asks for. */
function call(machine: Machine, body: unknown, milliseconds = CPU_MS): string {
  machine.bound(BOUNDS)
  let went = within(() => machine.start(request(body)), milliseconds)
  for (let turns = 0; went === 'nothing' && machine.said.requests.length > 0 && turns < 5; turns++) {
    const { requests } = machine.said
    machine.said = { requests: [], bytes: 0, log: [] }
    went = within(() =>
      machine.resume(requests.map(([number]) => [number, number % 2 === 1, '{"messages":["no"],"n":1}'])),
    )
  }
  return went
}

/** What is in a machine's memory now, other than an image that was just put there says. */
function differences(machine: Machine, image: Image): number[] {
  const fresh = shop.make()
  fresh.restore(image)
  const [is, should] = [machine.capture(), fresh.capture()]
  // one that has grown has free memory behind that of the image
  return should.parts.flatMap(({ at, bytes }) => {
    const there = is.parts.find(part => part.at === at)?.bytes ?? Buffer.alloc(0)
    return Array.from(bytes.keys())
      .filter(i => i < there.length && there[i] !== bytes[i])
      .map(i => at + i)
  })
}

const MORE = {
  'it sorts, searches and replaces in long texts': `const s = 'abc'.repeat(request.body.n * 1000); return s.replaceAll('b', 'xy').split('x').sort().join('').length`,
  'large integers': 'return (3n ** BigInt(request.body.n * 100)).toString().length',
  'typed arrays, filled, copied and sorted': `const a = new Float64Array(5000).map((_, i) => Math.sin(i)); a.copyWithin(100, 7, 900); a.fill(3, 2, 4000); a.sort(); return a[0]`,
  'an array that is moved within itself':
    'const a = Array.from({ length: 3000 }, (_, i) => i); a.splice(5, 100); a.unshift(...a.slice(0, 50)); return a.length',
  'maps, sets and symbols':
    'const m = new Map(); for (let i = 0; i < 2000; i++) m.set({ i }, Symbol(i)); return m.size',
  'generators and destructuring':
    'function* g() { for (let i = 0; i < 500; i++) yield { i, j: [i] } } let n = 0; for (const { j: [k] } of g()) n += k; return n',
  'regular expressions of every kind': String.raw`return 'äö 12-34 𝒳𝒴'.repeat(200).match(/(?<=\d)\p{L}|(\d+)-\1?|[^\x00-\x7f]/gu).length`,
  'code that is made at run time': 'return new Function("a", "return a.map(x => x * 2).length")([1, 2, 3])',
  'dates and their texts': 'return [new Date(0).toISOString(), new Date().getTime() > 0, Intl === undefined].length',
  'what the module keeps': 'kept.push(request.body); kept.length > 1 && fail(); return kept',
  'a little more memory than there is free':
    'const a = []; for (let i = 0; i < 300; i++) a.push("x".repeat(1000) + i); return a.length',
  'much memory': 'const a = []; for (let i = 0; i < 2000; i++) a.push(new Uint8Array(4096).fill(i)); return a.length',
  'JSON there and back':
    'return JSON.parse(JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ i, text: "t" + i, f: i / 3 })))).length',
  garbage: 'for (let i = 0; i < 3000; i++) { const a = { i }; a.self = a } return 1',
  'host calls, right and refused':
    "const a = await host.call('a', 1); try { await host.call('b') } catch (e) { return [a, e.message, e.stack] }",
}

describe('after a call there is in memory what was there before', () => {
  const handlers: [string, string][] = [
    ...Object.entries(MORE).map(([name, body]): [string, string] => [
      name,
      `const kept = []; export default async (request, host) => { ${body} }`,
    ]),
    ...[...ATTEMPTS, ...BORDER_ATTEMPTS, ...ENGINE_ATTEMPTS].map(({ tries, handler }): [string, string] => [
      `one that tries ${tries}`,
      handler,
    ]),
  ]
  test.each(handlers)('%s', (_, handler) => {
    const { machine, image, loads } = loaded(handler)
    const first = loads ? call(machine, { n: 3 }) : 'no handler'
    machine.restore(image)
    expect(differences(machine, image)).toEqual([])
    if (!loads) return
    const again = loaded(handler)
    for (const n of [1, 2, 3]) {
      again.machine.restore(again.image)
      const went = call(again.machine, { n })
      // how far one gets that is stopped is another matter
      if (n === 3 && went !== 'cpu' && /^[vr]/.test(first) && !/random|uuid|now|Date/.test(handler))
        expect(went).toBe(first)
    }
    again.machine.restore(again.image)
    expect(differences(again.machine, again.image)).toEqual([])
  })
})

test('a call that writes little is put back by what it wrote, and no more', () => {
  const { machine, image } = loaded('export default ({ body }) => ({ echo: body })')
  expect(call(machine, { n: 1 }, LOADING_MS)).toBe('v{"echo":{"n":1}}')
  expect(machine.restore(image)).toBe(true)
  expect(call(machine, { n: 2 }, LOADING_MS)).toBe('v{"echo":{"n":2}}')
  expect(machine.restore(image)).toBe(true)
})

test('a body takes no more room on its way in than its bytes: what is free in an image is enough for 330 KB', () => {
  const { machine, image } = loaded('export default ({ body }) => [body.length, body.at(0), body.at(-1)]')
  for (const character of ['x', 'é', '漢']) {
    machine.restore(image)
    const body = character.repeat(330_000 / Buffer.byteLength(character))
    expect(call(machine, body, LOADING_MS)).toBe(`v[${body.length},"${character}","${character}"]`)
    expect(machine.grown).toBe(false)
  }
})

test('what is written over the end of a block is put back', () => {
  const { machine, image } = loaded(`
    const view = new DataView(new ArrayBuffer(4096))
    export default ({ body: { n } }) => {
      const before = new Uint8Array(view.buffer).some(byte => byte !== 0)
      view.setFloat64(n, -1 / 3)
      return before
    }`)
  for (let n = 1000; n < 2100; n++) {
    expect(call(machine, { n }, LOADING_MS)).toBe('vfalse')
    expect(machine.restore(image)).toBe(true)
  }
})

test('memory beyond what has marks of its own is put back', () => {
  const { machine, image } = loaded(
    'const kept = Array.from({ length: 150_000 }, (_, i) => ({ i })); let n = 0; export default () => { for (const one of kept) one.i++; return [n++, kept[149_999].i] }',
  )
  expect(image.memoryBytes).toBeGreaterThan(MARKS.bytes << MARKS.shift)
  for (let i = 0; i < 3; i++) {
    expect(call(machine, {}, LOADING_MS)).toBe('v[0,150000]')
    machine.restore(image)
    expect(machine.holds(image)).toBe(true)
  }
  expect(differences(machine, image)).toEqual([])
})

test('handlers that have one machine in turns find nothing of one another', () => {
  const named = (name: string) =>
    loaded(`let n = 0; const mine = ['${name}'.repeat(500)]; export default () => [mine[0][0], n++]`)
  const [a, b] = [named('a'), named('b')]
  for (let i = 0; i < 6; i++)
    for (const [image, answer] of [
      [a.image, 'v["a",0]'],
      [b.image, 'v["b",0]'],
    ] as const) {
      a.machine.restore(image)
      expect(call(a.machine, {}, LOADING_MS)).toBe(answer)
    }
  a.machine.restore(a.image)
  expect(differences(a.machine, a.image)).toEqual([])
})

test('another image takes the place of all that was there', () => {
  const { machine } = loaded("const mine = 'a secret of the first'.repeat(100); export default () => mine.length")
  call(machine, {})
  const other = loaded('export default () => 2')
  expect(machine.restore(other.image)).toBe(false)
  expect(call(machine, {}, LOADING_MS)).toBe('v2')
  machine.restore(other.image)
  expect(differences(machine, other.image)).toEqual([])
})
