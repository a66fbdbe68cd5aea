/** Which schemas the process that everybody needs may try itself, and on how long a text. */
import { expect, test } from 'bun:test'
import { longestText } from '../../src/endpoints/schema-risk.ts'

const long = (pattern: string) => longestText({ properties: { x: { type: 'string', pattern } } })

test.each([
  '^[A-Z]{2}\\d{6}$',
  '^[a-z]+$',
  '[0-9]+',
  '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
  '^\\d{1,3}(\\.\\d{1,3}){3}$',
  '^(north|south|east|west)$',
  '^\\(?[+*]?\\d+$',
  '^(?:abc)*$',
])('%s takes no long time for a text of a thousand characters', pattern => {
  expect(long(pattern)).toBeGreaterThan(1000)
})

test.each([
  '^.*@.*[.].*$',
  '^x|a*b*c',
  '^(a+)+$',
  '^(a|aa)*$',
  '^(a?)*$',
  '^(?:a{1,3})+$',
  '^(?<word>\\w+\\s?)*$',
  '^((ab)*c)*$',
  '^(x+x+){10}y',
  '^(a?){30}a{30}$',
  `^${'a?'.repeat(30)}`,
])('%s may take long for one of a thousand', pattern => {
  expect(long(pattern)).toBeLessThan(1000)
})

test('the pattern that takes longest counts, wherever it stands', () => {
  const schema = { patternProperties: { '^(a|aa)*$': { items: { pattern: '^a+$' } } } }
  expect(longestText(schema)).toBe(0)
  expect(longestText({ type: 'string' })).toBeGreaterThan(1_000_000)
  expect(longestText(true)).toBeGreaterThan(1_000_000)
})

const R = { $ref: '#' }

test.each([
  { properties: { next: R } },
  { $ref: '#/$defs/Tree', $defs: { Tree: { properties: { kids: { items: { $ref: '#/$defs/Tree' } } } } } },
  { properties: { a: { $ref: '#/$defs/A' }, b: { $ref: '#/$defs/A' } }, $defs: { A: { type: 'string' } } },
  { default: { $ref: '#' }, examples: [R, R] },
])('%j holds a value against few parts', schema => {
  expect(longestText(schema)).toBeGreaterThan(1_000_000)
})

/** Each of 20 definitions has the next one twice. */
const doubled = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [
    `k${i}`,
    { allOf: [{ $ref: `#/$defs/k${i + 1}` }, { $ref: `#/$defs/k${i + 1}` }] },
  ]),
)

test.each([
  { anyOf: [{ properties: { left: R, op: { const: 'a' } } }, { properties: { left: R, op: { const: 'b' } } }] },
  {
    $defs: { A: { oneOf: [{ items: { $ref: '#/$defs/B' } }, { items: R }] }, B: { items: { $ref: '#/$defs/A' } } },
    $ref: '#/$defs/A',
  },
  { $ref: '#/$defs/k0', $defs: { ...doubled, k20: { type: 'string' } } },
  {
    $ref: '#here',
    $defs: { A: { $anchor: 'here', anyOf: [{ items: { $ref: '#here' } }, { items: { $ref: '#here' } }] } },
  },
  { properties: { default: R, examples: R } },
  { $dynamicRef: '#here', $defs: { A: { $dynamicAnchor: 'here' } } },
  { anyOf: ['a', 'b'].map(op => ({ properties: { left: { $recursiveRef: '#' }, op: { const: op } } })) },
  // within an $id the reference is to the definition there
  {
    $defs: { A: {} },
    items: { $id: 'other', items: { $ref: '#/$defs/A' }, $defs: { A: { anyOf: [{ items: R }, { items: R }] } } },
  },
  { uniqueItems: true, items: R },
])('%j may hold a value against too many', schema => {
  expect(longestText(schema)).toBeLessThan(10)
})

const numbers = Array.from({ length: 5000 }, (_, i) => i)

test.each<[string, Record<string, unknown>]>([
  ['properties', { properties: Object.fromEntries(numbers.map(n => [`p${n}`, {}])) }],
  ['schemas', { allOf: numbers.map(n => ({ not: { const: -1 - n } })) }],
  ['values', { enum: numbers }],
  ['names', { required: numbers.map(String) }],
])('5000 %s, which each of many items is held against, are for short bodies alone', (_, items) => {
  expect(longestText({ items })).toBeLessThan(2000)
  expect(longestText({ items })).toBeGreaterThan(100)
})
