/** Random damage to JSON, the same for the same seed. */
export type Random = () => number

/** Mulberry32: numbers from 0 up to 1. */
export function random(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const pick = <T>(next: Random, list: readonly T[]): T => list[Math.floor(next() * list.length)]!

/** JSON texts that stand where they should not. */
const ODD = [
  'null',
  'true',
  '0',
  '-1',
  '1.5',
  '1e308',
  '1e999',
  '-1e999',
  '12345678901234567890',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '"constructor"',
  '"id"',
  '"id; DROP TABLE data"',
  '"\\"; --"',
  '"customers.id"',
  '"marts.plans"',
  '"sql"',
  '"between"',
  '"like"',
  '"in"',
  '"is_null"',
  '"left"',
  '"desc"',
  `"${'x'.repeat(3000)}"`,
  '[]',
  '[[]]',
  '["a","b"]',
  '[null]',
  '[1,2,3]',
  '{}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{}}}',
  '{"toString":1}',
  '{"column":"id"}',
  '{"id":"x","kind":"lookup"}',
]

type Node = { [name: string]: unknown } | unknown[]

/** JSON text of `value` with one to three places changed, removed, doubled or added. */
export function mutate(value: unknown, next: Random): string {
  const copy = structuredClone(value) as Node
  // a placeholder stands for a text that no value of JavaScript would write (1e999, __proto__ as a member)
  const holes: string[] = []
  const hole = () => {
    holes.push(pick(next, ODD))
    return `\u2603${holes.length - 1}\u2603`
  }
  for (let count = 1 + Math.floor(next() * 3); count > 0; count--) {
    const nodes: Node[] = []
    collect(copy, nodes)
    const node = pick(next, nodes)
    const names = Object.keys(node)
    const name = pick(next, names.length ? names : ['0'])
    const target = node as Record<string, unknown>
    const kind = next()
    if (kind < 0.55) target[name] = hole()
    else if (kind < 0.7) Array.isArray(node) ? node.splice(Number(name), 1) : delete target[name]
    else if (kind < 0.85) {
      if (Array.isArray(node)) node.push(structuredClone(node[Number(name)] ?? null))
      else
        target[
          pick(next, ['constructor', 'toString', 'default', 'value', 'param', 'as', 'model_id', 'version', '\u0000'])
        ] = hole()
    } else
      Object.defineProperty(node, '__proto__', { value: hole(), enumerable: true, configurable: true, writable: true })
  }
  return JSON.stringify(copy).replace(/"\u2603(\d+)\u2603"/g, (_text, index) => holes[Number(index)]!)
}

function collect(value: unknown, nodes: Node[]): void {
  if (typeof value !== 'object' || value === null) return
  nodes.push(value as Node)
  for (const member of Object.values(value)) collect(member, nodes)
}
